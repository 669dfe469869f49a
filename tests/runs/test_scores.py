"""The five score rules, by hand."""

import pytest

from marginmix.runs.scores import at_chance, reported, score_rules

ACCURACIES = [50.0, 70.0, 60.0, 66.0, 60.0]
VALIDATION = [55.0, 62.0, 65.0, 65.0, 61.0]
HISTORY = [
    {"accuracy": a, "balanced_accuracy": a - 10, "validation_accuracy": v}
    for a, v in zip(ACCURACIES, VALIDATION, strict=True)
]


def test_five_rules():
    rules = score_rules(HISTORY, window=3)
    assert rules == {"last": 60.0, "mean": pytest.approx(62.0), "median": 60.0, "validation": 60.0, "best": 70.0}


def test_no_validation_images_no_validated_score():
    history = [{"accuracy": row["accuracy"]} for row in HISTORY]
    assert score_rules(history, window=3)["validation"] is None


def test_reported_are_means_of_the_window():
    numbers = reported(HISTORY, window=2)
    assert numbers == {"accuracy": 63.0, "balanced_accuracy": 53.0, "accuracy_centroid": None,
                       "balanced_accuracy_centroid": None}  # fmt: skip


def test_diverged_is_chance():
    rules, numbers = at_chance(8)
    assert set(rules.values()) == {12.5}
    assert numbers["accuracy"] == numbers["balanced_accuracy"] == 12.5
