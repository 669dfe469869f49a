"""A workflow folder with one small experiment, and runs of it that count as finished though nothing was trained."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from marginmix.runs import paths
from marginmix.runs.config import Config, load
from marginmix.runs.key import RunKey
from marginmix.runs.plan import Plan

WORKFLOW = Path(__file__).parents[2] / "workflow"
SHIPPED = ("choice", "difficulty", "fidelity", "label_shift", "longer", "paper", "quick", "reduced", "runaway", "study")
"""The experiments of the project. A user's own file may lie beside them, and may be unfinished."""
SOME = """
experiment: some
report: false
device: cpu
missing: skip
data_root: data
cache: .cache
threads: 1
seeds: [0, 1]
methods:
  supervised: {method_class: "baselines.supervised:Supervised"}
  sharp: {method_class: "baselines.mixmatch:MixMatch", recipe: {temperature: 0.25}}
recipe: {steps: 100, evaluations: 10, score_window: 5, temperature: 0.75}
datasets:
  digits: {labels: [20, 50], recipe: {lambda_u: 5, temperature: 1}}
  mine: {labels: [8], family: folder, root: /somewhere, methods: [sharp], seeds: [3]}
"""


def make_workflow(folder: Path, text: str = SOME, name: str = "some") -> Path:
    """A folder with the schema of the real workflow and the experiment `name`."""
    (folder / "config").mkdir(parents=True, exist_ok=True)
    (folder / "config" / f"{name}.yaml").write_text(text)
    if not (folder / "schemas").exists():
        (folder / "schemas").symlink_to(WORKFLOW / "schemas")
    return folder


def decode(plan: Plan, dataset: str, data: str) -> None:
    """Describe the dataset as decoded, its data of the hash `data`."""
    report = Path(plan.report(dataset))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps({"data_hash": data}))


def finish(plan: Plan, key: RunKey, data: str) -> str:
    """A run's folder with its spec and what planning reads of a result. Returns the folder."""
    folder = Path(plan.runs[key].folder(data))
    folder.mkdir(parents=True)
    spec = plan.spec(key, data)
    (folder / paths.SPEC).write_text(json.dumps(spec.to_json()))
    (folder / paths.RESULT).write_text(json.dumps({"spec": spec.to_json(), "identity": spec.identity}))
    return str(folder)


def publish(folder: Path, plan: Plan, keys: Iterable[RunKey], data: str) -> None:
    """runs.csv of published evidence, with a line for each of the runs."""
    names = ("experiment", "dataset", "labels", "method", "seed", "recipe", "data", "identity")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "runs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for key in keys:
            run = plan.runs[key]
            writer.writerow([*key, run.recipe_only, data, run.bits(data).identity])


def loaded(folder: Path, text: str = SOME, **overrides: object) -> Config:
    return load(make_workflow(folder, text), "some", overrides)
