"""A collapse: nearly all predictions go to a few classes. The alarm needs no hidden labels.

The measure is one-sidedness: how far class shares lie from those expected (total variation), in percent of how far
they would lie if every image were of the commonest class. 0: as expected. 100: all of one class.
"""

from collections.abc import Mapping, Sequence

import numpy as np

COLUMNS = ("prediction_one_sidedness", "guess_one_sidedness")
"""Of the predictions for the validation images, against their class shares; of the guessed labels since the last
evaluation, against the shares that the method was told (`target_shares`). The alarm reads the first that there is."""

THRESHOLD = 80.0
"""Chosen on the runs published before there was an alarm (results/studies/collapse.md)."""
RUNNING = 3
"""So many evaluations running, since a run may pass the threshold once and recover."""
AFTER = 1 / 3
"""From this share of the run on: early on, guesses are one-sided in any run."""


def one_sidedness(shares: Sequence[float], expected: Sequence[float]) -> float:
    """Distance of class `shares` [C] from `expected` [C], percent of that of the commonest class alone. Not a number
    where only one class is expected."""
    expected = np.asarray(expected, np.float64)
    alone = 1 - expected.max()
    return float(50 * np.abs(shares - expected).sum() / alone) if alone > 0 else float("nan")


def collapsed_at(curve: Sequence[Mapping[str, float]], steps: int, columns: Sequence[str] = COLUMNS,
                 threshold: float = THRESHOLD) -> int | None:  # fmt: skip
    """The step of the evaluation that raises the alarm, in a run of `steps`; None where none does.

    It is the last of the first `RUNNING` evaluations running, all after the share `AFTER` of the run, with a
    one-sidedness above `threshold`. `curve` has a row for each evaluation.
    """
    running = 0
    for row in curve:
        found = next((row[name] for name in columns if name in row), float("nan"))
        running = running + 1 if row["step"] > AFTER * steps and found > threshold else 0
        if running == RUNNING:
            return int(row["step"])
    return None
