"""What reaches a shell is quoted: settings, and the names of the folder and of the interpreter."""

import json
import sys
from pathlib import Path

import pytest
from copies import Copy, write_images

TINY = ("--config", "experiment=tiny")
STRANGE = """it's "ä" $(touch pwned) `touch pwned`; touch pwned"""


def test_a_shell_runs_nothing_of_what_a_config_says(tmp_path):
    copy = Copy.make(tmp_path / "copy").without_pictures()
    write_images(copy.folder / f"images {STRANGE}")
    mine = {"labels": [4], "family": "folder", "root": f"images {STRANGE}"}
    said = {"cache": f".cache/{STRANGE}", "data_root": f"data {STRANGE}", "datasets": {"mine": mine}}
    (copy.folder / "config.yaml").write_text(json.dumps(said))  # which is YAML too
    done = copy.snakemake("--configfile", "config.yaml", *TINY, "--", "trainings", FAKE_FAILURE="mine/4/mixmatch")
    assert done.returncode == 1 and len(copy.trained()) == 4, done.stdout
    assert "only=" in done.stdout and (copy.folder / "results/tiny/tables.md").exists()
    assert list((copy.folder / f".cache/{STRANGE}/prepared").glob("mine-*.json"))
    assert not list(copy.folder.rglob("pwned"))


@pytest.mark.slow
def test_a_folder_of_any_name_holds_an_experiment_and_its_python(tmp_path):
    """The whole experiment, by an interpreter whose path has such a name too."""
    folder = tmp_path / """it's "ä b\""""
    environment = folder / "env"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    (environment / "lib").symlink_to(Path(sys.prefix) / "lib")
    if (settings := Path(sys.prefix) / "pyvenv.cfg").exists():
        (environment / "pyvenv.cfg").write_text(settings.read_text())
    copy = Copy.make(folder / "copy", interpreter=str(environment / "bin" / "python"))
    copy.needs_torch = True  # the toy is a real one
    done = copy.snakemake(*TINY, "toy={draws: 2}", FAKE_FAILURE="/mixmatch/")
    assert done.returncode == 1, done.stdout
    assert "1 of 2 are done" in (copy.folder / "results/tiny/tables.md").read_text()
    done = copy.snakemake(*TINY)
    assert done.returncode == 0 and len(copy.trained()) == 3, done.stdout
    assert len(list(copy.folder.glob("figures/tiny/*.png"))) == 5
