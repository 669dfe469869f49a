"""A method in a file outside the package: its settings, loss term, title and report need no line elsewhere."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from marginmix.cli import main
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.published import Published
from marginmix.reporting.report import assemble
from marginmix.reporting.results import of_experiment, read_reference
from marginmix.reporting.tables import REFERENCE_COLUMNS
from marginmix.runs import methods, paths
from marginmix.runs.config import load
from marginmix.runs.key import RunKey
from marginmix.runs.plan import Plan
from tests.runs.experiment import WORKFLOW, decode, make_workflow

SOURCE = """
from dataclasses import dataclass

import torch

from baselines.mixmatch import MixMatch
from marginmix.runs.setting import setting


class Pulled(MixMatch):
    title = "Pulled MixMatch"

    @dataclass(frozen=True)
    class Settings(MixMatch.Settings):
        pull: float = setting(0.5, "weight of the norm", within="[0, inf)")
        norm: str = setting("squared", "which norm", "squared", "absolute")

    def __init__(self, recipe, task):
        super().__init__(recipe, task)
        self.register_buffer("steps", torch.zeros(()))

    def losses(self, logits, embeddings, batch, step):
        self.steps += 1
        size = embeddings.square() if self.recipe.norm == "squared" else embeddings.abs()
        return {**super().losses(logits, embeddings, batch, step), "pull": self.recipe.pull * size.mean()}

    def predict(self, seen):
        return {**super().predict(seen), "largest": seen.embeddings[:, : seen.logits.shape[1]]}

    def report(self, seen, targets, step):
        return {**super().report(seen, targets, step), "steps_counted": float(self.steps)}


class Child(Pulled):
    pass


class Restless(Pulled):
    def losses(self, logits, embeddings, batch, step):
        self.calls = getattr(self, "calls", 0) + 1
        terms = super().losses(logits, embeddings, batch, step)
        return terms if self.calls < 3 else {**terms, "late": terms["pull"]}


class NotANumber(Pulled):
    def losses(self, logits, embeddings, batch, step):
        terms = super().losses(logits, embeddings, batch, step)
        return {**terms, "pull": terms["pull"] * torch.nan}


class Shaped(Pulled):
    def predict(self, seen):
        return {"head": seen.logits[:, 1:]}
"""
EXPERIMENT = """
experiment: some
report: true
device: cpu
missing: skip
data_root: data
cache: .cache
threads: 1
seeds: [0]
methods:
  mixmatch: {method_class: "baselines.mixmatch:MixMatch"}
  mine: {method_class: "somebodys.methods:Pulled", recipe: {pull: 0.25}}
recipe: {network: wrn-10-1, steps: 4, evaluations: 2, score_window: 1, batch_size: 6, precision: fp32}
datasets: {digits: {labels: [20]}}
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """somebodys/methods.py, found as an installed package is; tables are told of it as the workflow tells them."""
    (tmp_path / "lib" / "somebodys").mkdir(parents=True)
    (tmp_path / "lib" / "somebodys" / "__init__.py").touch()
    (tmp_path / "lib" / "somebodys" / "methods.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.chdir(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("somebodys")]:
        del sys.modules[name]
    for path in [path for path in methods._KNOWN if path.startswith("somebodys")]:
        del methods._KNOWN[path]


def trained(tmp_path, name="mine", class_name="Pulled", capsys=None) -> tuple[int, Path]:
    make_workflow(tmp_path / "workflow", EXPERIMENT.replace("Pulled", class_name))
    words = ["some", "digits", "20", name, "0", "--workflow", "workflow"]
    assert main(["spec", *words, "--out", "spec.json"]) == 0
    return main(["train", "spec.json", "--out", "out"]), tmp_path / "out"


def test_it_trains_is_logged_and_its_settings_are_in_the_spec(package, tmp_path):
    code, out = trained(tmp_path)
    assert code == 0
    result = json.loads((out / "result.json").read_text())
    assert result["spec"]["bits"]["settings"]["pull"] == 0.25 and "norm" not in result["spec"]["bits"]["settings"]
    assert (result["recipe"]["pull"], result["recipe"]["norm"]) == (0.25, "squared")
    metrics = pd.read_csv(out / "metrics.csv")
    terms = metrics[["loss_labelled", "loss_unlabelled", "loss_pull"]]
    assert (terms["loss_pull"] > 0).all() and metrics["loss"].to_numpy() == pytest.approx(terms.sum(axis=1), rel=1e-4)
    assert metrics["steps_counted"].tolist() == [2, 4] and metrics["accuracy_largest"].between(0, 100).all()


def test_it_resumes_with_its_state(package, tmp_path):
    from tests.toy_training import toy_trainer

    def new():
        return toy_trainer("somebodys.methods:Pulled")

    straight, stopped, resumed = new(), new(), new()
    straight.run(tmp_path / "a", "id", lambda _: None)
    stopped.start()
    for _ in range(3):
        stopped.step()
    resumed.load_state(stopped.state())
    resumed.run(tmp_path / "b", "id", lambda _: None)
    assert resumed.method.steps.item() == straight.method.steps.item() == 6
    assert resumed.history[-1] == straight.history[-1]


def test_tables_print_its_title_without_importing_it(package, tmp_path):
    _, out = trained(tmp_path)
    plan = Plan(load("workflow", "some"))
    key = RunKey("some", "digits", 20, "mine", 0)
    told = methods.tell(run.method_class for run in plan.runs.values())
    data = json.loads((out / "result.json").read_text())["spec"]["bits"]["data"]
    decode(plan, "digits", data)
    folder = Path(plan.runs[key].folder(data))
    folder.parent.mkdir(parents=True)
    out.rename(folder)
    for name in [name for name in sys.modules if name.startswith("somebodys")]:
        del sys.modules[name]
    del methods._KNOWN["somebodys.methods:Pulled"]
    methods.learn(json.loads(json.dumps(told)))
    results = of_experiment(Plan(load("workflow", "some")), Published(Path(paths.PUBLISHED)))
    reference = read_reference(WORKFLOW / "reference" / "paper_tables.csv", REFERENCE_COLUMNS)
    text = to_markdown(assemble([results], reference)[1])
    assert "Pulled MixMatch" in text and results.problems == []
    assert not any(name.startswith("somebodys") for name in sys.modules)


def test_a_subclass_inherits_settings_and_their_defaults(package):
    child = methods.facts_of("somebodys.methods:Child").settings()
    assert (child.pull, child.norm, child.temperature) == (0.5, "squared", 0.5)


@pytest.mark.parametrize(("class_name", "line"), [
    ("Restless", "losses: expected the terms labelled, unlabelled, pull as in the first step, found labelled, "
                 "unlabelled, pull, late; return the same terms in every step"),
    ("Shaped", "somebodys.methods:Shaped.predict, 'head': expected shape (500, 10), found (500, 9)"),
])  # fmt: skip
def test_what_it_must_not_do_is_refused_in_one_line(package, tmp_path, capsys, class_name, line):
    code, _ = trained(tmp_path, class_name=class_name)
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 1 and error == f"error: {line}"


def test_a_term_that_is_not_finite_is_a_divergence(package, tmp_path):
    code, out = trained(tmp_path, class_name="NotANumber")
    result = json.loads((out / "result.json").read_text())
    assert code == 0 and result["diverged"] and result["accuracy"] == pytest.approx(10)
