"""`marginmix spec EXPERIMENT DATASET LABELS METHOD SEED` writes the spec that Snakemake would."""

import json

import pytest

from marginmix import datasets
from marginmix.cli import main
from marginmix.files import write_json
from marginmix.runs.config import load
from marginmix.runs.key import RunKey
from marginmix.runs.plan import Plan
from marginmix.runs.spec import read_spec
from tests.runs.experiment import make_workflow


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A function of words: the exit code of `marginmix spec` with them; spec.json is written in tmp_path."""
    monkeypatch.chdir(tmp_path)
    make_workflow(tmp_path / "workflow")
    return lambda *words: main(["spec", *words, "--out", "spec.json"])


def test_it_is_the_spec_of_the_plan(spec, tmp_path):
    assert spec("some", "digits", "20", "sharp", "1") == 0
    found, key = read_spec("spec.json"), RunKey("some", "digits", 20, "sharp", 1)
    assert found.key == key and found.recipe.temperature == 0.25
    plan = Plan(load("workflow", "some"))
    assert plan.data("digits") is None, "the command decodes, and writes nothing of the workflow's"
    write_json(plan.report("digits"), datasets.describe(datasets.prepare("digits", None, "data", ".cache")))
    assert plan.runs[key].folder(plan.data("digits")).endswith(f"/{found.identity}")
    assert json.loads((tmp_path / "spec.json").read_text()) == json.loads(plan.spec_text(key, "nowhere"))


@pytest.mark.parametrize("words, line", [
    (("smoe", "digits", "20", "sharp", "1"), "no experiment 'smoe' in workflow/config; did you mean 'some'?"),
    (("some", "digits", "21", "sharp", "1"), "experiment some: expected one of its runs, found digits/21/sharp/1; see"),
    (("some", "digits", "20", "shrap", "1"), "experiment some: expected one of its runs, found digits/20/shrap/1; see"),
    (("some", "mine", "8", "sharp", "3"), "mine: expected train in one of: /somewhere (no such folder); found none;"),
])  # fmt: skip
def test_what_cannot_be_had_is_told_in_one_line(spec, tmp_path, capsys, words, line):
    assert spec(*words) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {line}") and error.count("\n") == 1
    assert not (tmp_path / "spec.json").exists()
