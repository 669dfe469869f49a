"""An experiment that is a dial: its page and figure instead of the paper's."""

import re

import pytest
from copies import TINY, Copy

from marginmix.errors import UserError
from marginmix.runs.config import load

FACES = """faces-0: {family: faces, ambiguity: 0, labels: [70]}
  faces-0.5: {family: faces, ambiguity: 0.5, labels: [70]}
  faces: {labels: [70]}"""
DIAL = (
    TINY.replace("report: true", "report: false")
    .replace("seeds: [0]", "seeds: [0, 1]")
    .replace(
        "methods:\n",
        "difficulty: {methods: [marginmix, mixmatch], ceiling: all}\nmethods:\n"
        '  all: {method_class: "baselines.supervised:Supervised", recipe: {labelled_pool: all}}\n',
    )
    .replace("digits: {labels: [20]}", FACES)
    .partition("embeddings:")[0]
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    copy = Copy.make(tmp_path_factory.mktemp("dial"))
    copy.add_experiment("dial", DIAL)
    return copy


def test_a_dial_is_planned_with_its_own_page_and_figure(copy):
    jobs = copy.planned("--config", "experiment=dial")
    assert jobs["prepare"] == 3 and jobs["study"] == jobs["figure_difficulty"] == 1
    assert not {"tables", "figure_confusion", "figure_learning_curves"} & set(jobs)


@pytest.mark.slow
def test_a_dial_ends_in_its_own_page_and_figure(copy, tmp_path):
    copy = copy.duplicate(tmp_path / "copy")  # another test plans what is not decoded yet
    done = copy.snakemake("--config", "experiment=dial")
    assert done.returncode == 0, done.stdout
    text = (copy.folder / "results/dial/difficulty.md").read_text()
    assert re.search(r"0.5 +\| +39.5 +\| +61.5 ± 0.7 +\| +60.5 ± 0.7 +\| +\+1.0 ", text), text
    assert (copy.folder / "figures/dial/difficulty.png").stat().st_size > 5_000
    found = sorted(path.name for path in (copy.folder / "results/dial").iterdir())
    assert found == ["difficulty.csv", "difficulty.md"]


def test_other_data_than_faces_are_refused(copy):
    copy.add_experiment("digital", DIAL.replace("faces-0.5: {family: faces, ambiguity: 0.5,", "digits: {"))
    with pytest.raises(UserError, match=r"datasets.digits: expected drawn faces, since the key difficulty needs them"):
        load(copy.folder / "workflow", "digital")


def test_two_label_counts_are_refused(copy):
    copy.add_experiment("two", DIAL.replace("faces: {labels: [70]}", "faces: {labels: [70, 140]}"))
    with pytest.raises(UserError, match="datasets: expected one label count, the same for every ambiguity"):
        load(copy.folder / "workflow", "two")
