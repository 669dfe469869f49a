"""A study: what each switch is worth, on validation images unless the experiment says test.

An experiment with `study: {starts: [...]}` holds variants: methods whose name begins with that of a start
(`mixmatch-T-1`) and that differ from it in a few settings. A variant is compared with its start on the cells that both
have. A start may be a variant of another.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from marginmix.datasets import NATURAL
from marginmix.reporting.entries import NOT_RUN
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.results import Results
from marginmix.reporting.verdicts import paired_difference
from marginmix.runs.config import starts_of
from marginmix.runs.recipe import core_settings, make_recipe

MEASURES = ("accuracy", "balanced_accuracy")
SCORED_ON = {"validation": "validation_", "test": ""}
"""Part of the data -> what the names of its columns in metrics.csv begin with."""

PURPOSE = {
    "validation": "No test image is looked at here, and the seeds are reported nowhere else.",
    "test": "Prices only: nothing is chosen by them.",
}


def study_of(results: Results) -> tuple[list[Block], pd.DataFrame]:
    """The page of a study and its table, from the results of an experiment with the key `study`."""
    config, plan, study = results.config, results.plan, results.config["study"]
    recipe, part = make_recipe(core_settings(config["recipe"])), study.get("scored_on", "validation")
    diverged = {one.key[1:]: 100 / len(one.record["classes"]) for one in results.ordinary if one.record["diverged"]}
    scores = study_scores(results.curves, recipe.score_window, part, diverged)
    planned = pd.DataFrame([key[1:4] for key in plan.runs], columns=["dataset", "labels", "method"])
    frame = study_frame(scores, changes(config["methods"], study["starts"]), planned)
    unlabelled = recipe.unlabelled_ratio * recipe.batch_size
    what = (
        f"Experiment {plan.experiment}: {recipe.network}, {recipe.steps:,} steps of {recipe.batch_size} + "
        f"{unlabelled} images. Means of the last {recipe.score_window} of {recipe.evaluations} evaluations on "
        f"{part} images, percent, over n seeds; differences from the start over the pairs of seeds that both have. "
        f"{PURPOSE[part]}"
    )
    titles = results.plain_titles
    return [*study_blocks(frame, titles, what, study.get("unjudged")), *label_draw_blocks(scores, titles)], frame


def changes(methods: Mapping[str, Mapping[str, Any]], starts: Sequence[str]) -> dict[tuple[str, str], str]:
    """(variant, its start) -> what it changes: "margin=hinge, margin_width=1", of a start from itself ""."""
    found = {}
    for name, method in methods.items():
        for start in starts_of(name, starts):
            settings, begun = method.get("recipe", {}), methods[start].get("recipe", {})
            differ = [f"{key}={value}" for key, value in settings.items() if begun.get(key) != value]
            differ += [f"{key} as by default" for key in begun if key not in settings]
            if method["method_class"] != methods[start]["method_class"]:
                differ.insert(0, method["method_class"].partition(":")[2])
            found[name, start] = ", ".join(differ)
    return found


def study_scores(
    curves: pd.DataFrame, window: int, scored_on: str, diverged: Mapping[tuple, float] | None = None
) -> pd.DataFrame:
    """Per run (dataset, labels, method, seed) the mean of the last `window` evaluations of `MEASURES`, percent, on the
    part `scored_on`; none where it has no images. `diverged`: such runs -> the accuracy of chance, which counts."""
    cells = ["dataset", "labels", "method", "seed"]
    columns = {f"{SCORED_ON[scored_on]}{measure}": measure for measure in MEASURES}
    kept = curves.reindex(columns=[*cells, "step", *columns]).rename(columns=columns).dropna(subset=list(MEASURES))
    last = kept.sort_values("step").groupby(cells).tail(window)
    scores = last.groupby(cells)[list(MEASURES)].mean()
    for cell, chance in (diverged or {}).items():
        if cell[0] in set(last["dataset"]):
            scores.loc[cell, list(MEASURES)] = chance
    return scores.reset_index()


def study_frame(scores: pd.DataFrame, variants: Mapping[tuple[str, str], str], planned: pd.DataFrame) -> pd.DataFrame:
    """A row per (dataset, labels, variant, start) of those `planned` (dataset, labels, method): n seeds, the mean of
    each measure, and the paired differences from its start with their 95 % intervals; empty where nothing was run."""
    rows = []
    begun = pd.DataFrame([(*pair, what) for pair, what in variants.items()], columns=["method", "start", "changes"])
    cells = planned[["dataset", "labels", "method"]].drop_duplicates().merge(begun, on="method")
    for dataset, labels, method, start, what in cells.itertuples(index=False, name=None):
        here = scores[(scores["dataset"] == dataset) & (scores["labels"] == labels)]
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
    A start that is a variant of another has its row where it is compared, or its own table.

    `unjudged`: variant -> why so short a run says little about it.
    """
    blocks: list[Block] = [Heading("Study", 1), Paragraph(what)]
    starts = set(frame["start"])
    header = ("changed", "n", "accuracy", "balanced", "pairs", "difference", "95 % interval", "balanced difference")
    for (dataset, labels, start), rows in frame.groupby(["dataset", "labels", "start"], sort=False):
        variants, cell = set(rows["variant"]), frame[(frame["dataset"] == dataset) & (frame["labels"] == labels)]
        compared = set(cell.loc[cell["pairs"].notna(), "variant"])
        if start not in variants and variants <= starts or variants == {start} and start in compared:
            continue
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


def label_draw_blocks(scores: pd.DataFrame, titles: Mapping[str, str]) -> list[Block]:
    """What it is worth to draw labels as the classes are, not balanced: of every method that was run on a dataset and
    on the one named so with "-natural", over the n seeds of both (draws, weights and batches of a seed are not
    the same under both names). `scores`: those of `study_scores`."""
    cells, rows = ["dataset", "labels", "method"], []
    drawn = scores["dataset"].str.endswith(NATURAL)
    balanced = scores[~drawn]
    natural = scores[drawn].assign(dataset=lambda frame: frame["dataset"].str.removesuffix(NATURAL))
    both = natural.merge(balanced, on=[*cells, "seed"], suffixes=("", "_balanced_draw"))
    for (dataset, labels, method), pairs in both.groupby(cells, sort=False):
        row = [f"{titles.get(dataset, dataset)}, {labels:,} labels", method, str(len(pairs))]
        for measure in MEASURES:
            difference = paired_difference(pairs[measure] - pairs[f"{measure}_balanced_draw"])
            means = [f"{pairs[column].mean():.1f}" for column in (f"{measure}_balanced_draw", measure)]
            row += [*means, f"{difference.mean:+.1f} {_interval(difference.low, difference.high)}"]
        rows.append(row)
    if not rows:
        return []
    header = ["", "method", "n", *(f"{name}{of}" for name in ("accuracy", "balanced accuracy")
                                       for of in (", balanced draws", ", natural", ", difference"))]  # fmt: skip
    return [Heading("Labels drawn as the classes are, instead of balanced"), Table(header, rows, left=2)]


def _interval(low: float, high: float) -> str:
    return "" if pd.isna(low) else f"[{low:+.1f}, {high:+.1f}]"


def _cells(row: pd.Series) -> tuple[str, ...]:
    name = row["changes"] if row["variant"] != row["start"] else "(start)"
    if not row["n"]:
        return (name, "0", NOT_RUN, "", "", "", "", "")
    interval = _interval(row["accuracy_low"], row["accuracy_high"])
    accuracy, balanced = (f"{row[measure]:.1f}" for measure in MEASURES)
    differences = [row[f"{measure}_difference"] for measure in MEASURES]
    first, second = ("" if pd.isna(d) else f"{d:+.1f}" for d in differences)
    pairs = "" if pd.isna(row["pairs"]) else f"{row['pairs']:.0f}"
    return (name, str(row["n"]), accuracy, balanced, pairs, first, interval, second)
