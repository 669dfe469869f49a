"""Paths of runs: a folder's name says the run, its identity, and nothing else counts as one."""

from pathlib import Path

import pytest

from marginmix.errors import UserError
from marginmix.runs import paths
from marginmix.runs.key import RunKey
from marginmix.runs.paths import key_and_identity, run_folder

KEY = RunKey("some", "faces-0.4", 70, "sharp-T-1", 3)


def test_a_runs_folder_is_named_by_its_key_and_its_identity():
    assert run_folder(KEY, "0123456789abcdef") == "results/runs/some/faces-0.4/70/sharp-T-1/3/0123456789abcdef"


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("above", ["", "/elsewhere/", "a/b/c/"])
def test_key_and_identity_are_what_the_folder_was_named_by(kind, above):
    assert key_and_identity(kind(above + run_folder(KEY, "0123456789abcdef"))) == (KEY, "0123456789abcdef")


@pytest.mark.parametrize("folder", [
    "faces/70/sharp/3/0123456789abcdef", "some/faces/many/sharp/3/0123456789abcdef",
    "some/faces/70/sharp/first/0123456789abcdef", "results/runs/quick/faces/70/mixmatch/0", "",
])  # fmt: skip
def test_another_folder_is_told_in_one_line(folder):
    with pytest.raises(UserError, match="expected the folder of a run, <experiment>/.*; move it elsewhere"):
        key_and_identity(folder)


def test_places_of_pages_figures_and_reports():
    assert paths.report(".cache", "digits", "k1") == ".cache/prepared/digits-k1.json"
    assert paths.experiment_page("some", "tables.md") == "results/some/tables.md"
    assert paths.experiment_figure("some", "toy") == "figures/some/toy.png"


def test_what_tables_read_is_among_what_a_run_leaves():
    assert set(paths.READ) < set(paths.OUTPUTS) and paths.SPEC not in paths.OUTPUTS
    assert paths.OUTPUTS == ("result.json", "metrics.csv", "observations.npz", "model.pt", "split.json")
