"""Which runs ran away, by hand."""

import pandas as pd
import pytest

from marginmix.reporting.drift import COLUMNS, RISE, drift_frame
from marginmix.runs.config import load
from marginmix.runs.plan import Plan


def curve(exponent: float, seed: int, imbalance: list[float], accuracy: list[float], source: str = "head"):
    """An evaluation every 100 steps, with that class imbalance and accuracy; balanced accuracy is 10 points less."""
    rows = [("ferplus", 320, source, exponent, seed, 100 * i, 2, one, two, two - 10)
            for i, (one, two) in enumerate(zip(imbalance, accuracy, strict=True), 1)]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_a_run_ran_away_where_it_ends_far_above_its_own_lowest():
    curves = pd.concat([
        curve(2.0, 0, [40, 20, 40], [30, 50, 40]),  # ends 20 above its lowest
        curve(2.0, 1, [60, 50, 69], [30, 40, 60]),  # high all along, but 19 above only
        curve(0.5, 0, [50, 40, 10], [30, 42, 44]),
        curve(0.5, 0, [10, 10, 60], [30, 32, 34], source="guesses"),
    ])  # fmt: skip
    frame = drift_frame(curves.sample(frac=1, random_state=0)).set_index(["source", "exponent"])
    assert RISE == 20
    assert frame["ran_away"].to_dict() == {("guesses", 0.5): 1, ("head", 0.5): 0, ("head", 2.0): 1}
    beyond = frame.loc[("head", 2.0)]
    assert (beyond["n"], beyond["lowest"], beyond["last"]) == (2, 35, 54.5)
    assert beyond["accuracy"] == pytest.approx((45 + 50) / 2)
    assert beyond["balanced_accuracy"] == pytest.approx((45 + 50) / 2 - 10)


def test_a_prior_beyond_the_boundary_is_warned_of_while_planning():
    plan = Plan(load("workflow", "runaway"))
    warned = {line.split(":")[1].strip(): line for line in plan.warnings()}
    assert set(warned) == {"marginmix+prior_exponent=0.75", "marginmix+prior_exponent=1"}
    assert "is 1.5; from 1 on guesses can run away" in warned["marginmix+prior_exponent=0.75"]
    assert "results/studies/runaway.md" in warned["marginmix+prior_exponent=1"]
    assert all(line.startswith("warning: marginmix: ") for line in Plan(load("workflow", "paper")).warnings())
