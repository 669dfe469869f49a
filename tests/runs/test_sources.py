"""What a script is made of: itself, its neighbours and the package's modules that it imports, directly or not."""

from pathlib import Path

import pytest

from marginmix.runs.sources import PACKAGE, sources

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"


@pytest.fixture
def names(tmp_path):
    """A function that writes scripts, by name, and says which files the first is made of, relative to their places."""

    def call(**scripts):
        for name, text in scripts.items():
            (tmp_path / f"{name}.py").write_text(text)
        found = [Path(path) for path in sources(tmp_path / f"{next(iter(scripts))}.py")]
        return {str(path.relative_to(PACKAGE.parent if path.is_relative_to(PACKAGE) else tmp_path)) for path in found}

    return call


def test_a_script_that_imports_nothing_of_ours_is_itself(names):
    assert names(draw="import json\nimport numpy as np\nfrom pathlib import Path\n") == {"draw.py"}


@pytest.mark.parametrize("line", [
    "from marginmix.errors import UserError", "import marginmix.errors", "from marginmix import errors",
    "def later():\n    from marginmix import errors",
])  # fmt: skip
def test_a_module_of_the_package_however_it_is_imported(names, line):
    assert names(draw=line) - {"marginmix/__init__.py"} == {"draw.py", "marginmix/errors.py"}


def test_what_imported_modules_import_is_part_of_it(names):
    found = names(draw="from marginmix.runs.paths import run_folder")
    assert found >= {"draw.py", "marginmix/runs/paths.py", "marginmix/runs/key.py", "marginmix/errors.py"}
    assert "marginmix/cli.py" not in found


def test_neighbours_are_part_of_it_and_may_import_each_other(names):
    scripts = {"draw": "import style", "style": "from lines import thin\nimport draw", "lines": "", "other": ""}
    assert names(**scripts) == {"draw.py", "style.py", "lines.py"}


def test_an_edited_import_is_seen_without_running_anything(names, tmp_path):
    assert names(draw="raise SystemExit('it was run')\nimport style", style="") == {"draw.py", "style.py"}


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.py")))
def test_every_script_of_the_workflow_is_made_of_files_that_are_there(script):
    found = sources(SCRIPTS / script)
    assert found == sorted(set(found)) and str((SCRIPTS / script).resolve()) in found
    assert all(Path(path).is_file() for path in found)
    assert not [path for path in found if "/training/" in path], "no figure is drawn anew when a trainer is edited"
