"""An experiment that is a study: its page and figure instead of the paper's."""

import re
from pathlib import Path

import pytest
import yaml
from copies import TINY, Copy

ROOT = Path(__file__).parents[2]
VARIANT = '  mixmatch-T-1: {method_class: "baselines.mixmatch:MixMatch", recipe: {temperature: 1.0}}\n'
STUDY = TINY.replace("report: true", "report: false").replace("seeds: [0]", "seeds: [0, 1]").partition("embeddings:")[0]
STUDY = STUDY.replace("methods:\n", f"study: {{starts: [marginmix, mixmatch]}}\nmethods:\n{VARIANT}")
TRIAL = ("--config", "experiment=trial")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    copy = Copy.make(tmp_path_factory.mktemp("study"))
    copy.add_experiment("trial", STUDY)
    return copy


def test_a_study_ends_in_its_own_page_and_figure(copy):
    jobs = copy.planned(*TRIAL)
    assert jobs["prepare"] == jobs["study"] == jobs["figure_study"] == 1
    assert not {"tables", "figure_confusion", "figure_learning_curves"} & set(jobs)
    done = copy.snakemake(*TRIAL, FAKE_FAILURE="mixmatch-T-1/1/")
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


def test_a_variant_without_a_start_is_refused(copy):
    done = copy.snakemake("--dry-run", *TRIAL, "study={starts: [marginmix]}")
    assert done.returncode == 1
    assert "methods: the name 'mixmatch-T-1' begins with none of study.starts (marginmix)" in done.stdout


def test_both_methods_of_the_study_have_as_many_trials():
    """Even care: a comparison flatters the method that was tuned more."""
    config = yaml.safe_load((ROOT / "workflow/config/study.yaml").read_text())
    tried = [name.partition("-")[0] for name in config["methods"]]
    assert tried.count("marginmix") == tried.count("mixmatch")
