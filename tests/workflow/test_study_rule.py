"""An experiment that is a study: its page and figure instead of the paper's."""

import re
from pathlib import Path

import pytest
from copies import TINY, Copy

from marginmix.errors import UserError
from marginmix.runs.config import load

ROOT = Path(__file__).parents[2]
VARY = "vary: {mixmatch: {switches: [{temperature: 1.0}]}}\n"
STUDY = TINY.replace("report: true", "report: false").replace("seeds: [0]", "seeds: [0, 1]").partition("embeddings:")[0]
STUDY = STUDY.replace("methods:\n", f"study: {{}}\n{VARY}methods:\n")
TRIAL = ("--config", "experiment=trial")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    copy = Copy.make(tmp_path_factory.mktemp("study"))
    copy.add_experiment("trial", STUDY)
    return copy


def test_a_study_is_planned_with_its_own_page_and_figure(copy):
    jobs = copy.planned(*TRIAL)
    assert jobs["prepare"] == jobs["study"] == jobs["figure_study"] == 1
    assert not {"tables", "figure_confusion", "figure_learning_curves"} & set(jobs)


@pytest.mark.slow
def test_a_study_ends_in_its_own_page_and_figure(copy, tmp_path):
    copy = copy.duplicate(tmp_path / "copy")  # another test plans what is not decoded yet
    done = copy.snakemake(*TRIAL, FAKE_FAILURE="mixmatch+temperature=1/1/")
    assert done.returncode == 1 and len(copy.trained()) == 5, done.stdout
    page = copy.folder / "results/trial/study.md"
    assert re.search(r"temperature=1.0 +\| +1 ", page.read_text()), "of one seed, since the other failed"
    done = copy.snakemake(*TRIAL)
    assert done.returncode == 0 and len(copy.trained()) == 6, done.stdout
    text = page.read_text()
    assert re.search(r"temperature=1.0 +\| +2 ", text) and "digits, 20 labels: marginmix" in text.lower()
    assert (copy.folder / "results/trial/study.csv").stat().st_size > 0
    assert (copy.folder / "figures/trial/study.png").stat().st_size > 5_000
    assert sorted(path.name for path in (copy.folder / "results/trial").iterdir()) == ["study.csv", "study.md"]


def test_a_study_that_diagnoses_says_why_too(copy):
    assert copy.planned(*TRIAL, "recipe={diagnosed: 64}")["figure_why"] == 1


def test_a_variant_of_what_is_not_there_is_refused(copy):
    with pytest.raises(UserError, match="methods.gone.temperature=0.5.of: 'gone' is not in this experiment"):
        load(copy.folder / "workflow", "trial", {"vary": {"gone": {"switches": [{"temperature": 0.5}]}}})


def test_both_methods_of_the_study_have_as_many_trials():
    """Even care: a comparison flatters the method that was tuned more."""
    methods = load(ROOT / "workflow", "study")["methods"]
    starts = [name for name, method in methods.items() if "of" not in method]

    def tried(start):
        variants = [name for name, method in methods.items() if method.get("of") == start]
        return len(variants) + sum(map(tried, variants))

    assert starts == ["marginmix", "mixmatch"] and tried("marginmix") == tried("mixmatch") == 26
