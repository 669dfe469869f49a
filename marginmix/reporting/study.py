"""A study: what each switch is worth, on validation images unless the budget says test.

A budget with `study: {starts: [...]}` holds variants: methods whose name begins with that of a start, `mixmatch-T-1`,
and that differ from it in a few settings. A variant is compared with its start on the cells that both have.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from marginmix.config import start_of
from marginmix.reporting.entries import NOT_RUN
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.verdicts import paired_difference

MEASURES = ("accuracy", "balanced_accuracy")
SCORED_ON = {"validation": "validation_", "test": ""}
"""Part of the data -> what the names of its columns in metrics.csv begin with."""


def changes(methods: Mapping[str, Mapping[str, Any]], starts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """variant -> (its start, what it changes: "margin=hinge, margin_width=1"), a start's own is ""."""
    found = {}
    for name, method in methods.items():
        start = start_of(name, starts)
        settings, begun = method.get("recipe", {}), methods[start].get("recipe", {})
        differ = [f"{key}={value}" for key, value in settings.items() if begun.get(key) != value]
        differ += [f"{key} as by default" for key in begun if key not in settings]
        if method["method"] != methods[start]["method"]:
            differ.insert(0, method["method"].partition(":")[2])
        found[name] = (start, ", ".join(differ))
    return found


def study_scores(metrics: pd.DataFrame, window: int, scored_on: str) -> pd.DataFrame:
    """Per run (dataset, labels, method, seed) the mean of the last `window` evaluations of `MEASURES`, percent, on the
    part `scored_on`; none where it has no images."""
    cells = ["dataset", "labels", "method", "seed"]
    columns = {f"{SCORED_ON[scored_on]}{measure}": measure for measure in MEASURES}
    metrics = metrics.reindex(columns=[*cells, "step", *columns]).rename(columns=columns).dropna(subset=list(MEASURES))
    last = metrics.sort_values("step").groupby(cells).tail(window)
    return last.groupby(cells, as_index=False)[list(MEASURES)].mean()


def study_frame(scores: pd.DataFrame, variants: Mapping[str, tuple[str, str]], planned: pd.DataFrame) -> pd.DataFrame:
    """A row per (dataset, labels, variant) that is `planned` (dataset, labels, method): n seeds, the mean of each
    measure, and the paired differences from its start with their 95 % intervals; empty where nothing was run."""
    rows = []
    for dataset, labels, method in planned[["dataset", "labels", "method"]].drop_duplicates().itertuples(index=False):
        here = scores[(scores["dataset"] == dataset) & (scores["labels"] == labels)]
        start, what = variants[method]
        runs, base = (here[here["method"] == name].set_index("seed") for name in (method, start))
        row = {"dataset": dataset, "labels": labels, "start": start, "variant": method, "changes": what, "n": len(runs)}
        for measure in MEASURES:
            row[measure] = runs[measure].mean()
            pairs = (runs[measure] - base[measure]).dropna()
            if method != start and len(pairs):
                difference = paired_difference(pairs)
                row |= {f"{measure}_difference": difference.mean, f"{measure}_low": difference.low,
                        f"{measure}_high": difference.high, "pairs": len(pairs)}  # fmt: skip
        rows.append(row)
    measured = [f"{measure}{part}" for measure in MEASURES for part in ("", "_difference", "_low", "_high")]
    return pd.DataFrame(rows).reindex(
        columns=["dataset", "labels", "start", "variant", "changes", "n", "pairs", *measured]
    )


def study_blocks(
    frame: pd.DataFrame, titles: Mapping[str, str], what: str, unjudged: Mapping[str, str] | None = None
) -> list[Block]:
    """The study as a page: a table per (dataset, labels, start), by the difference from the start, those not run last.

    `unjudged`: variant -> why so short a run says little about it.
    """
    blocks: list[Block] = [Heading("Study", 1), Paragraph(what)]
    header = ("changed", "n", "accuracy", "balanced", "pairs", "difference", "95 % interval", "balanced difference")
    for (dataset, labels, start), rows in frame.groupby(["dataset", "labels", "start"], sort=False):
        gains = rows["accuracy_difference"].where(rows["variant"] != start, 0.0)
        ordered = rows.loc[gains.sort_values(ascending=False, na_position="last", kind="stable").index]
        cells = [_cells(row) for _, row in ordered.iterrows()]
        blocks += [Heading(f"{titles.get(dataset, dataset)}, {labels:,} labels: {start}"), Table(header, cells)]
    if unjudged:
        changed = frame.drop_duplicates("variant").set_index("variant")["changes"]
        blocks += [
            Heading("What so short a run cannot judge"),
            Bullets([(f"{changed[name]}:", why) for name, why in unjudged.items() if name in changed]),
        ]
    return blocks


def _cells(row: pd.Series) -> tuple[str, ...]:
    name = row["changes"] if row["variant"] != row["start"] else "(start)"
    if not row["n"]:
        return (name, "0", NOT_RUN, "", "", "", "", "")
    interval = ""
    if pd.notna(row["accuracy_low"]):
        interval = f"[{row['accuracy_low']:+.1f}, {row['accuracy_high']:+.1f}]"
    accuracy, balanced = (f"{row[measure]:.1f}" for measure in MEASURES)
    differences = [row[f"{measure}_difference"] for measure in MEASURES]
    first, second = ("" if pd.isna(d) else f"{d:+.1f}" for d in differences)
    pairs = "" if pd.isna(row["pairs"]) else f"{row['pairs']:.0f}"
    return (name, str(row["n"]), accuracy, balanced, pairs, first, interval, second)
