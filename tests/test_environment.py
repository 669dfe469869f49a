"""environment.yml has the pins of uv.lock."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))

import conda_environment  # noqa: E402

COMMITTED = (ROOT / "environment.yml").read_text()


def pins() -> dict[str, str]:
    requirements = yaml.safe_load(COMMITTED)["dependencies"][-1]["pip"]
    return dict(re.match(r"([\w.-]+)==([\w.]+)", text).groups() for text in requirements)


def test_every_pin_is_in_the_lock():
    locked = {
        (package["name"], package["version"]) for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    assert set(pins().items()) <= locked


def test_snakemake_can_make_it_elsewhere():
    """Snakemake makes an environment in a folder of its own, where a path such as `-e .` leads nowhere."""
    assert not [line for line in COMMITTED.splitlines() if line.lstrip().startswith(("- -e", "- .", "- file:"))]


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {re.match(r"[\w-]+", text)[0] for text in project["dependencies"]} <= set(pins())


def test_the_tool_is_of_this_repository():
    assert ROOT == conda_environment.ROOT and (conda_environment.ROOT / "uv.lock").is_file()


def test_it_is_what_the_lock_gives_now():
    uv = conda_environment.find_uv()
    if uv is None:
        pytest.skip("uv is not found: `make test` has one")
    assert conda_environment.environment(conda_environment.export(uv)) == COMMITTED
