"""The alarm for a collapse, by hand."""

import math

import pytest

from marginmix.runs.collapse import collapsed_at, one_sidedness


def curve(*values: float, column: str = "prediction_one_sidedness") -> list[dict[str, float]]:
    """Evaluations at steps 100, 200, …"""
    return [{"step": 100 * (i + 1), column: value} for i, value in enumerate(values)]


def test_one_sidedness_by_hand():
    expected = [0.5, 0.25, 0.25]
    assert one_sidedness(expected, expected) == 0
    assert one_sidedness([1, 0, 0], expected) == 100
    assert one_sidedness([0.75, 0.25, 0], expected) == 50
    assert one_sidedness([0, 1, 0], expected) == 150, "all of a rarer class is further still"
    assert one_sidedness([0.5, 0.5], [0.25, 0.75]) == 100
    assert math.isnan(one_sidedness([1.0], [1.0])), "one class alone cannot be one-sided"


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ((0, 0, 0, 90, 90, 90, 0, 0, 0), 600),
        ((0, 0, 0, 90, 90, 0, 90, 90, 0), None),  # never three running
        ((90, 90, 90, 90, 0, 0, 0, 0, 0), None),  # three of them in the first third
        ((90, 90, 90, 90, 90, 90, 0, 0, 0), 600),
        ((0, 0, 0, 0, 0, 0, 90, 90, 90), 900),
        ((0, 0, 90, 90, 90, 0, 0, 0, 0), None),  # the first of them at a third, not after it
        ((0, 0, 0, 80, 80, 80, 80, 0, 0), None),  # at the threshold, not above
        ((0, 0, 0, 90, math.nan, 90, 90, 0, 0), None),
    ],
)
def test_three_evaluations_running_after_a_third_of_the_run(values, step):
    assert collapsed_at(curve(*values), 900) == step


def test_predictions_for_validation_images_count_before_guesses():
    guesses = curve(*[90] * 9, column="guess_one_sidedness")
    assert collapsed_at(guesses, 900) == 600
    calm = [{**row, "prediction_one_sidedness": 10} for row in guesses]
    assert collapsed_at(calm, 900) is None


def test_a_run_without_these_columns_raises_no_alarm():
    assert collapsed_at([{"step": 100}], 100) is None
