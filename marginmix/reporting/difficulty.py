"""The paper's claim against difficulty: two methods on drawn faces, as the overlap of the classes grows.

The overlap is measured, not set: it is the error of a fully supervised run at the same ambiguity.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from marginmix.reporting.markdown import Block, Heading, Paragraph, Table
from marginmix.reporting.names import method_title
from marginmix.reporting.results import Results
from marginmix.reporting.verdicts import Difference, paired_difference
from marginmix.runs.recipe import core_settings, make_recipe


def difficulty_of(results: Results) -> tuple[list[Block], pd.DataFrame]:
    """The page and its table (`difficulty_frame`). The experiment of `results` has the key `difficulty`."""
    config, dial = results.config, results.config["difficulty"]
    recipe, methods = make_recipe(core_settings(config["recipe"])), dial["methods"]
    runs = results.runs
    ambiguity = {name: results.plan.row(name).ambiguity for name in config["datasets"]}
    frame = difficulty_frame(runs, ambiguity, methods, dial["ceiling"])
    labels = sorted({count for entry in config["datasets"].values() for count in entry["labels"]})
    what = (
        f"Experiment {results.plan.experiment}: drawn faces, {' and '.join(map(str, labels))} labels, "
        f"{recipe.network}, {recipe.steps:,} steps of {recipe.batch_size} + "
        f"{recipe.unlabelled_ratio * recipe.batch_size} images. Accuracy is on the test images, in percent, as mean ± "
        "standard deviation over seeds. The difference is paired by seed. Overlap is the error of the same network "
        "trained with all labels."
    )
    return difficulty_blocks(frame, trend(runs, frame, methods), methods, results.titles, what), frame


def difficulty_frame(
    runs: pd.DataFrame, ambiguity: Mapping[str, float], methods: Sequence[str], ceiling: str
) -> pd.DataFrame:
    """One row per dataset, by rising ambiguity, in percent: the overlap; for each method the mean accuracy, its
    standard deviation and n; the paired difference first − second with its 95 % interval. NaN where nothing was run.

    `runs`: rows with dataset, method, seed, accuracy. `ambiguity`: dataset -> its ambiguity.
    """
    rows = []
    for dataset, setting in sorted(ambiguity.items(), key=lambda item: item[1]):
        accuracy = {name: _by_seed(runs, dataset, name) for name in (*methods, ceiling)}
        row: dict[str, Any] = {"dataset": dataset, "ambiguity": setting, "overlap": 100 - accuracy[ceiling].mean()}
        for name, values in accuracy.items():
            row |= {name: values.mean(), f"{name}_sd": values.std(ddof=1), f"{name}_n": len(values)}
        pairs = (accuracy[methods[0]] - accuracy[methods[1]]).dropna()
        difference = paired_difference(pairs) if len(pairs) else Difference(np.nan, np.nan, np.nan, 0)
        rows.append(row | {"difference": difference.mean, "low": difference.low, "high": difference.high,
                           "pairs": difference.n})  # fmt: skip
    return pd.DataFrame(rows)


def trend(runs: pd.DataFrame, frame: pd.DataFrame, methods: Sequence[str]) -> Difference | None:
    """Does the advantage grow with overlap? The mean and 95 % interval over seeds of each seed's least-squares slope of
    difference against overlap, in points per point. None with fewer than 3 different overlaps."""
    overlap = frame.set_index("dataset")["overlap"].dropna()
    first, second = (runs[runs["method"] == name].set_index(["dataset", "seed"])["accuracy"] for name in methods)
    differences = (first - second).dropna().unstack("seed")
    differences = differences.loc[differences.index.intersection(overlap.index)].dropna(axis=1)
    overlap = overlap[differences.index]
    if overlap.nunique() < 3 or differences.empty:
        return None
    return paired_difference(np.polyfit(overlap, differences, 1)[0])


def difficulty_blocks(
    frame: pd.DataFrame, grows: Difference | None, methods: Sequence[str], titles: Mapping[str, str], what: str
) -> list[Block]:
    """The page: the table of `frame`, and the answer that `grows` (from `trend`) gives."""
    first, second = (method_title(name, titles) for name in methods)
    header = ("ambiguity", "overlap", first, second, "difference", "95 % interval", "pairs")
    rows = [_cells(row, methods) for _, row in frame.iterrows()]
    return [Heading("Difficulty", 1), Paragraph(what), Table(header, rows), Paragraph(_answer(grows, first, second))]


def _answer(grows: Difference | None, first: str, second: str) -> str:
    if grows is None:
        return "Does the advantage grow with overlap? The answer needs three different overlaps."
    said = f"{first} − {second} changes by {grows.mean:+.2f} points for each point of overlap"
    if grows.n < 2:
        return f"{said} (1 seed, no interval)."
    verdict = "undecided" if grows.low <= 0 <= grows.high else "it grows" if grows.mean > 0 else "it shrinks"
    return f"{said}, 95 % interval [{grows.low:+.2f}, {grows.high:+.2f}] over {grows.n} seeds: {verdict}."


def _cells(row: pd.Series, methods: Sequence[str]) -> tuple[str, ...]:
    values = [_spread(row[name], row[f"{name}_sd"]) for name in methods]
    interval = "" if pd.isna(row["low"]) else f"[{row['low']:+.1f}, {row['high']:+.1f}]"
    difference = "" if pd.isna(row["difference"]) else f"{row['difference']:+.1f}"
    return (f"{row['ambiguity']:g}", _spread(row["overlap"]), *values, difference, interval, f"{row['pairs']:.0f}")


def _spread(mean: float, sd: float = np.nan) -> str:
    if pd.isna(mean):
        return "not run"
    return f"{mean:.1f}" if pd.isna(sd) else f"{mean:.1f} ± {sd:.1f}"


def _by_seed(runs: pd.DataFrame, dataset: str, method: str) -> pd.Series:
    return runs[(runs["dataset"] == dataset) & (runs["method"] == method)].set_index("seed")["accuracy"]
