"""Runs that were never made: result.json, metrics.csv and embeddings.npz in the true form, with chosen numbers."""

import json
from pathlib import Path

import numpy as np

PAPER_STEPS = 1_048_576
EXPRESSIONS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
OBJECTS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
METRIC_COLUMNS = (
    "step", "loss", "loss_labelled", "loss_unlabelled", "loss_margin", "lambda_u", "learning_rate", "accuracy",
    "balanced_accuracy", "accuracy_centroid", "balanced_accuracy_centroid", "validation_accuracy",
    "validation_balanced_accuracy", "validation_calibration_error", "guess_accuracy", "guess_confidence",
    "guess_entropy", "centroid_distance_min",
    "centroid_distance_mean", "distance_own", "distance_other", "guess_calibration_error", "guess_imbalance",
    "in_the_middle", *(f"{name}_{i}" for name in ("guess_share", "gradient") for i in range(1, 6)),
)  # fmt: skip


def write_run(
    top: Path, budget: str, dataset: str, labels: int, method: str, seed: int, accuracy: float,
    steps: int = 800, classes: tuple[str, ...] = ("a", "b", "c"), **changes,
) -> Path:  # fmt: skip
    """One finished run under top/results/runs; `changes` replace keys of its result.json. Returns the path of that."""
    run = top / "results" / "runs" / budget / dataset / str(labels) / method / str(seed)
    run.mkdir(parents=True)
    centroid = accuracy - 1.5 if method.startswith("marginmix") else None
    result = {
        "budget": budget, "dataset": dataset, "source": dataset, "labels": labels, "method": method, "seed": seed,
        "steps": steps, "paper_steps": PAPER_STEPS, "classes": list(classes),
        "accuracy": accuracy, "balanced_accuracy": accuracy - 2.0,
        "accuracy_centroid": centroid, "balanced_accuracy_centroid": centroid,
        "scores": {"last": accuracy, "mean": accuracy, "median": accuracy, "validation": accuracy - 0.5,
                   "best": accuracy + 1},
        "optimism": 1.0, "score_rule": "mean of the last 5 of 100 evaluations", "diverged": False,
        "confusion": confusion(len(classes), accuracy, seed).tolist(), "wall_seconds": 61.5,
        "hardware": {"device": "cpu", "name": "a processor", "threads": 1},
        "versions": {"python": "3.11", "torch": "2.8", "numpy": "2.0", "marginmix": "0.1.0"},
        "identity": {"run": f"run-{seed}", "recipe": f"recipe-{method}", "split": "s", "data": "d", "numerics": 1},
        "recipe": {"steps": steps}, "overlap": {"labelled/test": 0}, "exact": True,
    }  # fmt: skip
    (run / "result.json").write_text(json.dumps(result | changes))
    _write_metrics(run / "metrics.csv", method, seed, accuracy, steps)
    return run / "result.json"


def confusion(classes: int, accuracy: float, seed: int) -> np.ndarray:
    """[C, C] counts, rows the true class, whose diagonal is about `accuracy` percent."""
    rng = np.random.default_rng([classes, seed])
    wrong = rng.dirichlet(np.ones(classes), classes) * (100 - accuracy)
    return np.round(wrong + accuracy * np.eye(classes)).astype(int)


def _write_metrics(path: Path, method: str, seed: int, accuracy: float, steps: int) -> None:
    rng = np.random.default_rng([seed, len(method)])
    lines = [",".join(METRIC_COLUMNS)]
    for share in np.arange(1, 21) / 20:
        row = dict.fromkeys(METRIC_COLUMNS, "")
        row["step"] = str(int(steps * share))
        row["accuracy"] = f"{accuracy * (1 - np.exp(-5 * share)) + rng.normal(0, 1):.3f}"
        if method in ("mixmatch", "marginmix"):
            confident = method == "mixmatch"
            row["guess_accuracy"] = f"{accuracy * (1 - np.exp(-4 * share)):.3f}"
            row["guess_confidence"] = f"{(55 + 40 * share if confident else 40 + 30 * share) + rng.normal(0, 1):.3f}"
            row["guess_entropy"] = f"{(0.9 - 0.7 * share if confident else 1.6 - 0.5 * share) + seed * 0.02:.3f}"
            row |= {"guess_calibration_error": f"{30 - 20 * share:.3f}", "guess_imbalance": f"{25 - 9 * share:.3f}"}
            row["in_the_middle"] = f"{70 - 40 * share:.3f}"
            row |= {f"guess_share_{i}": "20" for i in range(1, 6)}
            row |= {f"gradient_{i}": f"{0.3 / i:.3f}" for i in range(1, 5)}
        lines.append(",".join(row.values()))
    path.write_text("\n".join(lines) + "\n")


def write_embeddings(
    top: Path, budget: str, dataset: str, classes=EXPRESSIONS, n=3000, rectified: bool = False, snapshots: int = 2
) -> Path:
    """A plane that opens up from the first snapshot to the last: one ray of points per class. Returns the .npz."""
    rng = np.random.default_rng(7)
    targets = rng.choice(len(classes), n, p=np.linspace(1, 0.1, len(classes)) / np.linspace(1, 0.1, len(classes)).sum())
    turn = (np.pi / 2 if rectified else 2 * np.pi) / (len(classes) + rectified)
    points, centroids = [], []
    for share in np.linspace(0.1, 1, snapshots):
        angle = (targets + 0.5) * turn + rng.normal(0, 0.9 * turn * (1.15 - share), n)
        norm = rng.gamma(6, 2 * share, n)
        xy = norm[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        points.append(np.maximum(xy, 0) if rectified else xy)
        units = points[-1] / np.maximum(np.linalg.norm(points[-1], axis=1, keepdims=True), 1e-6)
        means = np.stack([units[targets == k].mean(0) for k in range(len(classes))])
        centroids.append(means / np.linalg.norm(means, axis=1, keepdims=True))
    path = top / "results" / "embeddings" / budget / dataset / "embeddings.npz"
    path.parent.mkdir(parents=True)
    np.savez(
        path,
        steps=np.linspace(300, 3000, snapshots).astype(np.int64),
        fractions=np.linspace(0.1, 1, snapshots),
        points=np.array(points, np.float16),
        targets=targets.astype(np.int64),
        centroids=np.array(centroids, np.float32),
        accuracy=np.linspace(45, 90, snapshots),
        classes=np.array(classes),
    )
    result = {"budget": budget, "dataset": dataset, "source": dataset, "steps": 3000, "accuracy": 71.0}
    (path.parent / "result.json").write_text(json.dumps(result))
    return path
