"""Numbers and verdicts as the text of a table cell."""

import math

from marginmix.reporting.entries import NOT_RUN, Score
from marginmix.reporting.verdicts import Difference, Reproduction

DECIMALS = {"error_percent": 2, "accuracy_percent": 1}
DIVERGED, STALE, ASSUMED = "†", "‡", "§"
NOTHING = "–"


def verdict_cell(score: Score) -> str:
    verdict = score.verdict
    if isinstance(verdict, Reproduction):
        return verdict.text + (f" {ASSUMED}" if verdict.spread_assumed else "")
    return NOTHING if score.n and verdict == score.steps else verdict


def paper_value(score: Score) -> str:
    decimals = DECIMALS[score.metric]
    sd = "" if score.paper_sd is None else f" ± {score.paper_sd:.{decimals}f}"
    return f"{score.paper:.{decimals}f}{sd}"


def our_value(score: Score) -> str:
    return spread(score, "score", DECIMALS[score.metric]) if score.n else NOT_RUN


def spread(score: Score, column: str, decimals: int = 1) -> str:
    values = score.runs[column].astype(float).dropna()
    if values.empty:
        return NOTHING
    sd = "" if len(values) < 2 else f" ± {values.std(ddof=1):.{decimals}f}"
    collapsed = f", {score.collapsed}" if score.collapsed else ""
    marks = DIVERGED * bool(score.runs["diverged"].any()) + STALE * bool(score.runs["stale"].any())
    return f"{values.mean():.{decimals}f}{sd}{collapsed}{' ' * bool(marks)}{marks}"


def every_spread(score: Score, column: str) -> str:
    """`spread` if every run has a value, otherwise `NOTHING`."""
    return NOTHING if score.runs[column].isna().any() else spread(score, column)


def signed(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def points(difference: Difference) -> str:
    interval = "" if math.isnan(difference.low) else f" [{signed(difference.low)}, {signed(difference.high)}]"
    return signed(difference.mean) + interval
