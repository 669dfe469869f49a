"""A training needs torch, numpy, pandas and scikit-learn (which brings scipy) alone."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from marginmix import datasets
from marginmix.files import write_json
from marginmix.runs.spec import Bits, Machine, Spec
from tests.toy_training import METHODS

ROOT = Path(__file__).parents[2]
NEEDED = ("torch", "numpy", "pandas", "scikit-learn")
ABSENT = ("snakemake", "jsonschema", "yaml", "matplotlib", "torchvision", "requests", "PIL")


def with_requirements(names) -> set[str]:
    """Distributions and what they require, in the normal form of their names."""
    found, pending = set(), list(names)
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # of another platform
            continue
        if name not in found:
            found.add(name)
            pending += [re.match(r"[\w.-]+", text)[0] for text in required if "extra ==" not in text]
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder to import from with those packages and no others."""
    folder = tmp_path_factory.mktemp("site")
    for name in with_requirements(NEEDED):
        for path in metadata.files(name) or ():
            top = path.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                (folder / top).symlink_to(Path(path.locate()).parents[len(path.parts) - 2] if len(path.parts) > 1
                                          else path.locate())  # fmt: skip
    return folder


def run(site, *arguments, cwd):
    """Python without its own packages (-S) and with those of `site`."""
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    call = [sys.executable, "-S", *arguments]
    return subprocess.run(call, capture_output=True, text=True, cwd=cwd, env=environment)


def test_the_others_are_out_of_reach(site, tmp_path):
    found = f"import importlib.util as u; print([n for n in {ABSENT!r} if u.find_spec(n)])"
    assert run(site, "-c", found, cwd=tmp_path).stdout == "[]\n"


@pytest.mark.parametrize("method", ["marginmix", pytest.param("supervised", marks=pytest.mark.slow)])
def test_a_training_of_digits(site, tmp_path, method):
    data = datasets.prepare("digits", None, "data", tmp_path / "here").data_hash
    settings = {"steps": 2, "batch_size": 6, "network": "wrn-10-1"}
    bits = Bits("digits", {}, None, data, 20, 0, METHODS[method], settings)
    observed = {"evaluations": 2, "score_window": 1, "samples": 2, "snapshots": [1.0], "diagnosed": 6}
    write_json(tmp_path / "spec.json", Spec("few", method, bits, observed, Machine("cpu")).to_json())
    done = run(site, "-m", "marginmix", "train", "spec.json", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "error" not in done.stderr.lower()
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["identity"] == bits.identity and result["evaluated"] == 2
