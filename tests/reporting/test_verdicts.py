"""Both verdicts, against cases solved by hand with a printed t table, and against scipy's own Welch interval."""

import math

import numpy as np
import pytest
from scipy import stats

from marginmix.reporting.verdicts import claim_verdict, half_width, paired_difference, reproduction

T95 = {1: 6.3138, 2: 2.9200, 4: 2.1318}  # one-sided, from a printed table
T975 = {1: 12.7062, 2: 4.3027}


@pytest.mark.parametrize(
    ("errors", "paper", "verdict"),
    [
        ([10.9, 11.0, 11.1], 11.0, "reproduced"),
        ([14.9, 15.0, 15.1], 11.0, "not reproduced"),
        ([7.9, 8.0, 8.1], 11.0, "better"),
        ([10.0, 11.0, 12.0], 11.0, "undecided"),
        ([12.0, 12.1, 12.2], 11.0, "undecided"),  # d = 1.1 is the tolerance itself
    ],
)
def test_verdict_without_a_spread_in_the_paper(errors, paper, verdict):
    found = reproduction(errors, paper)
    spread = {10.0: 1.0}.get(errors[0], 0.1)
    assert found.verdict == verdict
    assert found.spread_assumed
    assert found.tolerance == pytest.approx(1.1)
    assert found.d == pytest.approx(errors[1] - paper)
    assert found.h == pytest.approx(T95[2] * spread * math.sqrt(1 / 3 + 1), abs=2e-4)


def test_tolerance_is_half_a_point_where_a_tenth_is_less():
    assert reproduction([3.2, 3.3], 3.3).tolerance == 0.5
    assert reproduction([50.0, 50.1], 49.3).tolerance == pytest.approx(4.93)


def test_half_width_with_the_papers_spread_is_welchs():
    ours, shape = np.array([11.5, 11.8, 12.4]), np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    paper = 11.80 + 0.87 * shape / shape.std(ddof=1)
    interval = stats.ttest_ind(ours, paper, equal_var=False).confidence_interval(0.90)
    found = reproduction(ours, 11.80, paper_sd=0.87, paper_n=5)
    assert not found.spread_assumed
    assert found.h == pytest.approx((interval.high - interval.low) / 2, abs=1e-9)
    assert found.d == pytest.approx(ours.mean() - 11.80)


def test_half_width_where_only_the_papers_spread_counts():
    assert half_width(0.0, 3, 0.87, 5) == pytest.approx(T95[4] * 0.87 / math.sqrt(5), abs=1e-4)


def test_no_spread_anywhere():
    assert reproduction([3.0, 3.0], 3.0).verdict == "reproduced"
    assert reproduction([3.0, 3.0], 3.0, paper_sd=0.0, paper_n=5).h == 0


def test_seeds_that_would_decide_is_the_first_that_does():
    errors = [10.8, 11.2]
    found = reproduction(errors, 11.0)
    spread = float(np.std(errors, ddof=1))
    first = next(n for n in range(3, 99) if stats.t.ppf(0.95, n - 1) * spread * math.sqrt(1 / n + 1) <= 1.1)
    assert found.seeds == first
    assert found.text == f"undecided ({first} seeds would decide)"


def test_no_number_of_seeds_would_decide():
    found = reproduction([10.0, 11.0, 12.0], 11.0)  # 1.645 * 1 > 1.1 however many seeds
    assert found.seeds is None
    assert found.text == "undecided (no number of seeds would)"


def test_more_seeds_than_anybody_runs():
    found = reproduction(3.0 + 0.3039 * np.array([-1.0, 0.0, 1.0]), 3.0)  # 1.64485 * 0.3039 is just below 0.5
    assert found.text == "undecided (more than 1,000 seeds would decide)"


def test_one_seed_has_no_verdict():
    with pytest.raises(ValueError, match="at least 2 seeds"):
        reproduction([3.0], 3.0)


def test_paired_difference_by_hand():
    difference = paired_difference([1.0, 2.0, 3.0])
    assert (difference.mean, difference.n) == (2.0, 3)
    assert difference.low == pytest.approx(2 - T975[2] / math.sqrt(3), abs=1e-4)
    assert difference.high == pytest.approx(2 + T975[2] / math.sqrt(3), abs=1e-4)


@pytest.mark.parametrize(
    ("differences", "side", "verdict"),
    [
        ([1.9, 2.0, 2.1], 1.5, "upheld"),
        ([1.9, 2.0, 2.1], -1.5, "contradicted"),
        ([-1.9, -2.0, -2.1], -1.5, "upheld"),
        ([1.0, 2.0, 3.0], 1.5, "undecided"),
        ([0.0, 0.0], 1.5, "undecided"),
        ([5.0], 1.5, "1 seed"),
    ],
)
def test_claim(differences, side, verdict):
    assert claim_verdict(paired_difference(differences), side) == verdict


def test_a_paired_difference_is_scipys():
    rng = np.random.default_rng(0)
    one, other = rng.normal(60, 2, 7), rng.normal(59, 1, 7)
    interval = stats.ttest_rel(one, other).confidence_interval(0.95)
    found = paired_difference(one - other)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert (found.mean, found.n) == (pytest.approx(one.mean() - other.mean()), 7)
