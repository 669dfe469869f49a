"""A budget that is a study: its table and figure instead of the paper's."""

import re
from pathlib import Path

import figure_study
import pytest
import yaml
from copies import TINY, Copy

ROOT = Path(__file__).parents[2]
VARIANT = '  mixmatch-T-1: {method: "baselines.mixmatch:MixMatch", recipe: {temperature: 1.0}}\n'
STUDY = TINY.replace("report: true", "report: false").replace("seeds: [0]", "seeds: [0, 1]")
STUDY = STUDY.replace("methods:\n", f"study: {{starts: [marginmix, mixmatch]}}\nmethods:\n{VARIANT}")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    copy = Copy.make(tmp_path_factory.mktemp("study"))
    copy.add_budget("trial", STUDY)
    return copy


def test_a_study_ends_in_its_own_table_and_figure(copy):
    jobs = copy.planned("--config", "budget=trial")
    assert jobs["train"] == 6 and jobs["study"] == jobs["figure_study"] == 1
    assert "tables" not in jobs and "embed" not in jobs
    done = copy.snakemake("--config", "budget=trial", "--until", "train")
    assert done.returncode == 0, done.stdout
    (copy.folder / "results/runs/trial/digits/20/mixmatch-T-1/1/result.json").unlink()
    partial = copy.snakemake("--config", "budget=trial", "--", "study_now")
    assert partial.returncode == 0, partial.stdout
    assert re.search(r"temperature=1.0 +\| +1 ", (copy.folder / "results/partial/trial.md").read_text())
    done = copy.snakemake("--config", "budget=trial")
    assert done.returncode == 0, done.stdout
    text = (copy.folder / "results/trial.md").read_text()
    assert re.search(r"temperature=1.0 +\| +2 ", text) and "digits, 20 labels: marginmix" in text.lower()
    assert (copy.folder / "figures/trial.png").stat().st_size > 5_000
    assert not (copy.folder / "results/tables.md").exists()


def test_a_variant_without_a_start_is_refused(copy):
    done = copy.snakemake("--dry-run", "--config", "budget=trial", "study={starts: [marginmix]}")
    assert done.returncode == 1
    assert "methods: the name 'mixmatch-T-1' begins with none of study.starts (marginmix)" in done.stdout


def test_a_study_of_which_nothing_has_run_draws_words(tmp_path):
    columns = "dataset,labels,start,accuracy_difference\nferplus,320,marginmix,\n"
    (tmp_path / "study.csv").write_text(columns)
    figure_study.draw_study(tmp_path / "study.csv", tmp_path / "study.png", {}, "validation")
    assert (tmp_path / "study.png").exists()


def test_both_methods_of_the_study_have_as_many_trials():
    """Even care: a comparison flatters the method that was tuned more."""
    config = yaml.safe_load((ROOT / "workflow/config/study.yaml").read_text())
    tried = [name.partition("-")[0] for name in config["methods"]]
    assert tried.count("marginmix") == tried.count("mixmatch")
