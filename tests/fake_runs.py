"""Runs that were never made, in the true form: what the one reader accepts, and edits that it must notice."""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marginmix.datasets import DOWNLOAD
from marginmix.files import read_json, write_json
from marginmix.reporting.published import Published
from marginmix.reporting.results import Results, of_experiment
from marginmix.runs import paths
from marginmix.runs.config import EMBEDDING, EMBEDDING_CLASS, load
from marginmix.runs.methods import facts_of
from marginmix.runs.plan import Plan
from marginmix.runs.recipe import PAPER_STEPS, make_recipe  # noqa: F401 - PAPER_STEPS for the tests
from marginmix.runs.record import sealed
from marginmix.runs.scores import at_chance, reported, score_rules
from marginmix.runs.spec import Bits, Machine, Spec, bits_settings, observation_of

ROOT = Path(__file__).parents[1]
EXPRESSIONS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
OBJECTS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CLASSES = {
    "mixmatch": "baselines.mixmatch:MixMatch",
    "marginmix": "marginmix.methods.marginmix:MarginMix",
    "supervised": "baselines.supervised:Supervised",
    "mixup": "baselines.mixup:MixUp",
    EMBEDDING: EMBEDDING_CLASS,
}
"""Method -> its class; a variant's name begins with that of its start."""
SETTINGS = {"steps": 800, "evaluations": 20, "score_window": 5}
DATA = "da7a" * 4
"""The hash of all data here, until a test says another."""
CONFIG = """
experiment: {experiment}
report: true
device: cpu
missing: skip
data_root: data
cache: .cache
threads: 1
seeds: [0, 1, 2]
methods:
  mixmatch: {{method_class: "baselines.mixmatch:MixMatch"}}
  marginmix: {{method_class: "marginmix.methods.marginmix:MarginMix"}}
  supervised: {{method_class: "baselines.supervised:Supervised"}}
recipe: {{steps: {steps}, evaluations: 20, score_window: 5}}
datasets: {datasets}
"""


def config_text(experiment: str = "quick", datasets: str = "{faces: {labels: [70]}}", steps: int = 800, **more) -> str:
    """A small experiment; `more` are further keys, as YAML."""
    text = CONFIG.format(experiment=experiment, datasets=datasets, steps=steps)
    return text + "".join(f"{key}: {value}\n" for key, value in more.items())


def make_plan(top: Path, text: str, data: str = DATA) -> Plan:
    """The plan of a config's text, its file written below `top`, where the test works; data that need no file are
    decoded."""
    workflow = top / "workflow"
    name = text.partition("experiment: ")[2].split()[0]
    (workflow / "config").mkdir(parents=True, exist_ok=True)
    (workflow / "config" / f"{name}.yaml").write_text(text)
    shutil.copytree(ROOT / "workflow" / "schemas", workflow / "schemas", dirs_exist_ok=True)
    plan = Plan(load(workflow, name))
    for dataset in {key.dataset for key in plan.runs}:
        if plan.report_key(dataset) not in (None, DOWNLOAD):
            write_json(plan.report(dataset), {"data_hash": data})
    return plan


def make_results(top: Path, text: str, data: str = DATA) -> Results:
    """The results of a config's text: the finished runs below `top`, where the test works."""
    return of_experiment(make_plan(top, text, data), Published(Path(paths.PUBLISHED)))


def write_run(
    top: Path, experiment: str, dataset: str, labels: int, method: str, seed: int, accuracy: float,
    settings: Mapping[str, Any] | None = None, data: str = DATA, classes: list[str] | None = None,
    arrays: Mapping[str, np.ndarray] | None = None, diverged: bool = False, options: Mapping[str, Any] | None = None,
    columns: Mapping[str, Sequence[float]] | None = None, **changes: Any,
) -> Path:  # fmt: skip
    """A finished run's folder, returned. `settings` beside `SETTINGS`, `arrays` of its observations, `options` of its
    dataset, `columns` of its learning curve with a value an evaluation, `changes` of keys of its result.json;
    `accuracy` has two decimals at most."""
    name = method if method in CLASSES else re.split("[+-]", method)[0]
    recipe = make_recipe({**SETTINGS, **(settings or {})}, "fake run", facts_of(CLASSES[name]).settings)
    bits = Bits(dataset, options or {}, None, data, labels, seed, CLASSES[name], bits_settings(recipe))
    machine = Machine(device="cpu", data_root="data", cache=".cache")
    spec = Spec(experiment, method, bits, observation_of(recipe), machine)
    folder, classes = top / paths.run_folder(spec.key, spec.identity), classes or ["a", "b", "c"]
    rows = curve(method, seed, accuracy, recipe.steps, recipe.evaluations)
    for i, row in enumerate(rows):
        row |= {name: values[i] for name, values in (columns or {}).items()}
    rules, accuracies = score_rules(rows, recipe.score_window), reported(rows, recipe.score_window)
    if diverged:
        rules, accuracies = at_chance(len(classes))
    part = {"device": "cpu", "name": "a processor", "threads": 1, "deterministic": True, "execution": "eager",
            "torch": "2.8", "commit": "c0ffee", "clean": True, "date": "2026-01-01"}  # fmt: skip
    record = {
        **accuracies, "spec": json.loads(json.dumps(spec.to_json())), "identity": spec.identity,
        "recipe": recipe.to_json(), "source": dataset,
        "split": f"split of {dataset} {labels} {seed}", "overlap": {"labelled/test": 0}, "classes": classes,
        "scores": rules, "optimism": rules["best"] - rules["mean"], "evaluated": len(rows), "diverged": diverged,
        "confusion": confusion(len(classes), accuracy, seed), "separability": [], "wall_seconds": 61.5,
        "provenance": [part], "exact": True,
    }  # fmt: skip
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **(arrays or {}))
    folder.mkdir(parents=True)
    (folder / paths.METRICS).write_text(table_text(rows))
    (folder / paths.OBSERVATIONS).write_bytes(buffer.getvalue())
    write_json(folder / paths.SPEC, spec.to_json())
    write_json(folder / paths.RESULT, sealed({**record, **changes, "files": digests_of(folder)}))
    return folder


def digests_of(folder: Path) -> dict[str, str]:
    names = (paths.METRICS, paths.OBSERVATIONS)
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def edit(folder: Path, change: Callable[[dict[str, Any]], Any], seal: bool = True) -> None:
    """Let `change` change a run's record; a cunning forger seals it again."""
    record = read_json(folder / paths.RESULT)
    change(record)
    digest = record.pop("digest")
    write_json(folder / paths.RESULT, sealed(record) if seal else record | {"digest": digest})


def edit_metrics(folder: Path, change: Callable[[str], str], seal: bool = True) -> None:
    """Let `change` change the text of a run's learning curve; a cunning forger writes its digest into the record."""
    path = folder / paths.METRICS
    path.write_text(change(path.read_text()))
    if seal:
        edit(folder, lambda record: record.update(files=digests_of(folder)))


def curve(method: str, seed: int, accuracy: float, steps: int, evaluations: int) -> list[dict[str, float]]:
    """A row an evaluation: rising to `accuracy` at half of the run, where one is a point above it, then staying there;
    what guessed labels are like for the two compared methods."""
    rows = []
    for i in range(1, evaluations + 1):
        share = i / evaluations
        now = min(100.0, accuracy + 1) if share == 0.5 else accuracy * min(1.0, 0.2 + 1.6 * share)
        row = {"step": round(i * steps / evaluations), "loss": 2 - share, "accuracy": now,
               "balanced_accuracy": max(0, now - 2), "validation_accuracy": 0.99 * now,
               "validation_balanced_accuracy": 0.95 * now}  # fmt: skip
        if method.startswith("marginmix"):
            row |= dict.fromkeys(("accuracy_centroid", "balanced_accuracy_centroid"), max(0, now - 1.5))
        if method.startswith(("mixmatch", "marginmix")):
            row |= {"guess_accuracy": accuracy * share, "guess_confidence": 40 + 30 * share,
                    "guess_entropy": 1.6 - 0.5 * share + seed * 0.02, "guess_calibration_error": 30 - 20 * share,
                    "guess_imbalance": 25 - 9 * share, "in_the_middle": 70 - 40 * share}  # fmt: skip
            row |= {f"guess_share_{k}": 20 for k in range(1, 6)} | {f"gradient_{k}": 0.3 / k for k in range(1, 5)}
        rows.append(row)
    return rows


def table_text(rows: list[dict[str, float]]) -> str:
    """Rows as metrics.csv has them; columns of numbers that do not apply are there, and empty."""
    columns = dict.fromkeys([*rows[0], "accuracy_centroid", "balanced_accuracy_centroid", "gradient_5"])
    lines = [[cell(row.get(name)) for name in columns] for row in rows]
    return "".join(",".join(line) + "\n" for line in [columns, *lines])


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value == int(value) else f"{value:.6g}"


def confusion(classes: int, accuracy: float, seed: int) -> list[list[int]]:
    """Counts of 10,000 images, rows the true class, of which `accuracy` percent are right."""
    rng, right = np.random.default_rng([classes, seed]), round(100 * accuracy)
    counts = np.diag(rng.multinomial(right, np.full(classes, 1 / classes)))
    wrong = rng.multinomial(10_000 - right, np.full(classes * (classes - 1), 1 / (classes * (classes - 1))))
    counts[~np.eye(classes, dtype=bool)] = wrong
    return counts.tolist()


def predictions(accuracy: float, seed: int = 0, copies: int = 0, classes: int = 3, images: int = 200,
                window: int = 5) -> dict[str, np.ndarray]:  # fmt: skip
    """Observations of what was predicted of the test images: `accuracy` percent of them right at every evaluation of
    the window, others at each; the first `copies` have exact and near copies, in turn."""
    rng, targets = np.random.default_rng([images, seed]), np.arange(images) % classes
    wrong = np.arange(images) >= round(images * accuracy / 100)
    predicted = [(targets + rng.permutation(wrong)) % classes for _ in range(window)]
    steps, evaluations = SETTINGS["steps"], SETTINGS["evaluations"]
    kept = np.where(np.arange(images) < copies, 1 + np.arange(images) % 2, 0)
    return {
        "test/steps": np.arange(evaluations - window + 1, evaluations + 1) * steps // evaluations,
        "test/predicted": np.array(predicted, np.uint8), "test/targets": targets.astype(np.uint8),
        "test/copies": kept.astype(np.uint8),
    }  # fmt: skip


def planes(classes=EXPRESSIONS, n=3000, snapshots=2, steps=3000) -> dict[str, np.ndarray]:
    """Observations of an embedding run: a plane that opens up over the snapshots, one ray of points a class."""
    rng, shares = np.random.default_rng(7), np.linspace(1, 0.1, len(classes))
    targets = rng.choice(len(classes), n, p=shares / shares.sum())
    turn, points, centroids = 2 * np.pi / len(classes), [], []
    for share in np.linspace(0.1, 1, snapshots):
        angle = (targets + 0.5) * turn + rng.normal(0, 0.9 * turn * (1.15 - share), n)
        units = np.stack([np.cos(angle), np.sin(angle)], 1)
        points.append(rng.gamma(6, 2 * share, n)[:, None] * units)
        means = np.stack([units[targets == k].mean(0) for k in range(len(classes))])
        centroids.append(means / np.linalg.norm(means, axis=1, keepdims=True))
    return {
        "plane/steps": np.linspace(steps // 10, steps, snapshots).astype(np.int64), "plane/targets": targets,
        "plane/fractions": np.linspace(0.1, 1, snapshots), "plane/points": np.array(points, np.float16),
        "plane/centroids": np.array(centroids, np.float32), "plane/accuracy": np.linspace(45, 90, snapshots),
        "plane/classes": np.array(classes),
    }  # fmt: skip
