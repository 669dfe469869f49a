"""Stands in for `python -m marginmix`: takes the same command lines, writes the same files, trains nothing.

Appends each command line to calls.txt, and each training to trained.txt. Of the environment: runs whose name holds the
text of FAKE_FAILURE fail, everything does where it is "all"; FAKE_BONUS is added to accuracies; a training waits until
there is a file FAKE_WAIT.
"""

import hashlib
import io
import os
import sys
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd

from marginmix import cli, datasets
from marginmix.datasets.splits import make_split, write_split
from marginmix.errors import UserError
from marginmix.files import write_atomically, write_json
from marginmix.reporting.finished import evaluations
from marginmix.runs import paths
from marginmix.runs.record import scores, sealed
from marginmix.runs.spec import Spec

IMAGES = 1000  # a class, in the confusion matrix
FAILURE = os.environ.get("FAKE_FAILURE", "")


def main() -> int:
    with open("calls.txt", "a") as file:
        file.write(" ".join(sys.argv[1:]) + "\n")
    if FAILURE == "all":
        print("error: asked to fail", file=sys.stderr)
        return 1
    if sys.argv[1] == "train":
        # In the place of the real one, which imports torch: what the command line does around it stays.
        sys.modules["marginmix.training.running"] = types.SimpleNamespace(train=train)
    return cli.main()


def train(spec: Spec, out: Path, anew: bool = False) -> dict:
    name = "/".join(out.parts[-5:])
    print(f"{name}: step 1 of {spec.recipe.steps}", file=sys.stderr)
    if FAILURE and FAILURE in name:
        raise UserError(f"{name}: asked to fail")
    while (wait := os.environ.get("FAKE_WAIT")) and not os.path.exists(wait):
        time.sleep(0.1)
    with open("trained.txt", "a") as file:
        file.write(f"{name}\n")
    bits, machine = spec.bits, spec.machine
    prepared = datasets.prepare(
        bits.dataset, machine.root, machine.data_root, machine.cache, machine.verify_counts, **bits.options
    )
    assert prepared.data_hash == bits.data
    split = make_split(prepared, bits.row, bits.labels, bits.seed)
    accuracy = 60 + spec.method.startswith("marginmix") + bits.seed % 10 + int(os.environ.get("FAKE_BONUS", "0"))
    curve = pd.DataFrame(curve_of(spec, accuracy))
    write_atomically(out / paths.METRICS, curve.to_csv(index=False))
    write_atomically(out / paths.OBSERVATIONS, npz(observations(spec, prepared)))
    write_split(out / paths.SPLIT, split)
    write_atomically(out / paths.MODEL, b"no network")
    record = {
        "spec": spec.to_json(), "recipe": spec.recipe.to_json(), "identity": spec.identity, "source": prepared.source,
        "split": split.hash, "overlap": dict(split.overlap), "classes": list(prepared.classes),
        "evaluated": len(curve), "diverged": False,
        "confusion": confusion(len(prepared.classes), accuracy), "separability": separability(spec), "exact": True,
        "wall_seconds": 1.0, "provenance": [provenance(spec)],
        "files": {part: digest(out / part) for part in paths.OUTPUTS if part != paths.RESULT},
    }  # fmt: skip
    accuracies, rules = scores(record, evaluations(curve), spec.recipe.score_window)
    record |= {**accuracies, "scores": rules, "optimism": rules["best"] - rules["mean"]}
    write_json(out / paths.RESULT, sealed(record))
    return record


def curve_of(spec: Spec, accuracy: float) -> list[dict]:
    """The same accuracy at every evaluation, with the columns that figures draw."""
    steps = np.linspace(0, spec.recipe.steps, spec.recipe.evaluations + 1)[1:].round().astype(int)
    numbers = {
        "loss": 1.0, "loss_labelled": 0.5, "loss_unlabelled": 0.5, "accuracy": accuracy, "balanced_accuracy": accuracy,
        "validation_accuracy": accuracy - 1, "validation_balanced_accuracy": accuracy - 3, "guess_accuracy": accuracy,
        "guess_confidence": 70.0, "guess_entropy": 0.5,
    }  # fmt: skip
    if spec.recipe.diagnosed:
        numbers |= dict.fromkeys(("guess_calibration_error", "guess_imbalance", "in_the_middle"), 20.0)
        numbers |= {f"{name}_{fifth}": 0.2 for name in ("guess_share", "gradient") for fifth in range(1, 6)}
    return [{"step": step, **numbers} for step in steps.tolist()]


def confusion(classes: int, accuracy: int) -> list[list[int]]:
    right, wrong = np.eye(classes, dtype=int), np.roll(np.eye(classes, dtype=int), 1, axis=1)
    return (IMAGES // 100 * (accuracy * right + (100 - accuracy) * wrong)).tolist()


def separability(spec: Spec) -> list[dict]:
    numbers = {"silhouette": 0.1, "davies_bouldin": 2.5, "fisher_ratio": 0.5, "neighbour_error": 40.0}
    steps = [round(share * spec.recipe.steps) for share in spec.recipe.snapshots]
    return [{"step": step, "part": part, "space": "raw", **numbers} for step in steps for part in ("train", "test")]


def observations(spec: Spec, prepared: datasets.Prepared) -> dict[str, np.ndarray]:
    found, classes = {}, np.array(prepared.classes)
    if snapshots := spec.recipe.snapshots:
        count, rng = len(snapshots), np.random.default_rng(0)
        found |= {
            "plane/steps": np.arange(1, count + 1), "plane/fractions": np.array(snapshots), "plane/classes": classes,
            "plane/targets": np.repeat(np.arange(len(classes)), 20), "plane/accuracy": np.full(count, 50.0),
            "plane/points": rng.normal(size=(count, 20 * len(classes), 2)).astype(np.float16),
            "plane/centroids": rng.normal(size=(count, len(classes), 2)).astype(np.float32),
        }  # fmt: skip
    if columns := spec.recipe.samples:
        shares = np.eye(len(classes))[np.arange(columns) % len(classes)]
        found |= {"sheet/classes": classes, "sheet/labelled": np.array(prepared.images[:columns]),
                  "sheet/labelled_labels": shares}  # fmt: skip
    return found


def provenance(spec: Spec) -> dict:
    return {"device": "cpu", "name": "a processor", "threads": spec.machine.threads, "deterministic": True,
            "execution": "eager", "python": "3", "torch": "2", "numpy": "2", "marginmix": "0", "driver": None,
            "commit": "0" * 40, "clean": True, "lock": "0" * 16, "date": "2026-01-01"}  # fmt: skip


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
