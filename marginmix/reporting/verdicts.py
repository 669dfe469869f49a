"""The two verdicts: is the paper's number reproduced, and is its claim upheld?

All values are points of percent. The rules were fixed before any run was made.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student
from scipy.stats import ttest_1samp

TOLERANCE_POINTS = 0.5
TOLERANCE_SHARE = 0.1
MOST_SEEDS = 1000  # beyond this, the text says only whether any number of seeds would decide


@dataclass(frozen=True)
class Reproduction:
    """Is the paper's number reproduced? `d` = ours - paper in points of error, `h` its one-sided half-width."""

    verdict: str
    d: float
    h: float
    tolerance: float
    spread_assumed: bool
    seeds: float | None  # how many would decide; infinity: more than MOST_SEEDS; None: no number would

    @property
    def text(self) -> str:
        if self.verdict != "undecided":
            return self.verdict
        if self.seeds is None:
            return "undecided (no number of seeds would)"
        seeds = f"more than {MOST_SEEDS:,}" if math.isinf(self.seeds) else f"{int(self.seeds):,}"
        return f"undecided ({seeds} seeds would decide)"


@dataclass(frozen=True)
class Difference:
    """Mean paired difference over n pairs with its two-sided 95 % interval (t, n - 1). One pair has no interval
    (NaN)."""

    mean: float
    low: float
    high: float
    n: int


def reproduction(
    errors: Sequence[float], paper_error: float, paper_sd: float | None = None, paper_n: int | None = None
) -> Reproduction:
    """The first verdict from our n >= 2 errors (percent, one per seed) and the paper's error.

    If the paper gives no spread, it is assumed equal to ours, with n_p = 1. A spread without n also counts as n_p = 1.
    The verdict is `reproduced` if |d| + h <= tolerance, `not reproduced` if d - h > tolerance, `better` if
    d + h < -tolerance, and `undecided` otherwise.
    """
    ours = np.asarray(errors, dtype=np.float64)
    if len(ours) < 2:
        raise ValueError("a verdict needs at least 2 seeds")
    spread, assumed = float(ours.std(ddof=1)), paper_sd is None
    paper_spread = spread if assumed else float(paper_sd)
    paper_n = 1 if assumed or paper_n is None else int(paper_n)
    d = float(ours.mean()) - paper_error
    tolerance = max(TOLERANCE_POINTS, TOLERANCE_SHARE * paper_error)
    h = float(half_width(spread, len(ours), paper_spread, paper_n))
    verdict = str(_verdict(d, np.array([h]), tolerance)[0])
    seeds = None
    if verdict == "undecided":
        # What would the same d and spreads say with more seeds?
        more = np.append(np.arange(len(ours) + 1, MOST_SEEDS + 1), 1e12)
        decided = _verdict(d, half_width(spread, more, paper_spread, paper_n), tolerance) != "undecided"
        if decided.any():
            first = more[decided.argmax()]
            seeds = math.inf if first > MOST_SEEDS else int(first)
    return Reproduction(verdict, d, h, tolerance, assumed, seeds)


def half_width(spread: float, n, paper_spread: float, paper_n: int) -> np.ndarray:
    """h = t(0.95, nu) sqrt(s^2/n + s_p^2/n_p), one-sided. nu is Welch's, or n - 1 if n_p = 1. `n` may be an array."""
    n = np.asarray(n, dtype=np.float64)
    ours, paper = spread**2 / n, np.full_like(n, paper_spread**2 / paper_n)
    total = ours + paper
    if paper_n == 1:
        freedom = n - 1
    else:
        parts = ours**2 / (n - 1) + paper**2 / (paper_n - 1)
        freedom = np.where(parts > 0, total**2 / np.where(parts > 0, parts, 1), n - 1)
    return student.ppf(0.95, freedom) * np.sqrt(total)


def _verdict(d: float, h: np.ndarray, tolerance: float) -> np.ndarray:
    return np.select(
        [abs(d) + h <= tolerance, d - h > tolerance, d + h < -tolerance],
        ["reproduced", "not reproduced", "better"],
        "undecided",
    )


def paired_difference(differences: Sequence[float]) -> Difference:
    """Mean and 95 % interval of n >= 1 paired differences (points)."""
    values = np.asarray(differences, dtype=np.float64)
    n, mean = len(values), float(values.mean())
    if n == 1:
        return Difference(mean, math.nan, math.nan, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of equal differences, whose interval is a point
        low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    return Difference(mean, float(low), float(high), n)


def claim_verdict(difference: Difference, side: float) -> str:
    """The second verdict: `upheld` if the whole interval lies on the side of 0 that the sign of `side` names,
    `contradicted` if it lies on the other side, `1 seed` without an interval, otherwise `undecided`."""
    if difference.n < 2:
        return "1 seed"
    if difference.low <= 0 <= difference.high or side == 0:
        return "undecided"
    return "upheld" if difference.mean * side > 0 else "contradicted"
