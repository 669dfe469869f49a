"""The five score rules, from one training's evaluations."""

from collections.abc import Mapping, Sequence
from statistics import fmean, median

PER_IMAGE_METRICS = ("accuracy", "balanced_accuracy", "accuracy_centroid", "balanced_accuracy_centroid")
SCORED_ON = {"test": "", "validation": "validation_"}
"""Part of the data -> prefix of its columns in metrics.csv."""


def score_rules(history: Sequence[Mapping[str, float]], window: int) -> dict[str, float | None]:
    """Test accuracy in percent: of the last evaluation, mean and median of the last `window`, at the best validation
    accuracy (the earliest of equals; None without validation images), and the best on test, which is never a score."""
    accuracies = [row["accuracy"] for row in history]
    validated = [(row["validation_accuracy"], -i) for i, row in enumerate(history) if "validation_accuracy" in row]
    return {
        "last": accuracies[-1],
        "mean": fmean(accuracies[-window:]),
        "median": median(accuracies[-window:]),
        "validation": accuracies[-max(validated)[1]] if validated else None,
        "best": max(accuracies),
    }


def reported(history: Sequence[Mapping[str, float]], window: int, part: str = "test") -> dict[str, float | None]:
    """Means over the last `window` evaluations of the accuracies that exist on that part of the data, in percent."""
    last, columns = history[-window:], {name: f"{SCORED_ON[part]}{name}" for name in PER_IMAGE_METRICS}
    return {name: fmean(row[c] for row in last) if c in last[-1] else None for name, c in columns.items()}


def at_chance(classes: int) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """Scores and reported numbers of a diverged run: chance, so that it counts and is not dropped."""
    chance = 100 / classes
    rules = dict.fromkeys(("last", "mean", "median", "validation", "best"), chance)
    return rules, {name: None if "centroid" in name else chance for name in PER_IMAGE_METRICS}
