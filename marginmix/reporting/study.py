"""A study: what each switch is worth, scored on validation images unless the experiment says test.

An experiment with the key `study` has variants: methods with `of: <start>` that differ from their start in a few
settings. `vary` generates most of them. A variant is compared with its start on the cells that both have. A start may
itself be a variant of another method.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from marginmix.reporting.entries import NOT_RUN
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.results import Results
from marginmix.reporting.verdicts import paired_difference
from marginmix.runs.plan import Plan
from marginmix.runs.recipe import core_settings, make_recipe
from marginmix.runs.scores import reported

MEASURES = ("accuracy", "balanced_accuracy")

PURPOSE = {
    "validation": "No test image is used here, and these seeds are reported nowhere else.",
    "test": "No setting is chosen by these differences.",
}


def study_of(results: Results) -> tuple[list[Block], pd.DataFrame]:
    """The page of a study and its table (`study_frame`). The experiment of `results` has the key `study`."""
    config, plan, study = results.config, results.plan, results.config["study"]
    recipe, part = make_recipe(core_settings(config["recipe"])), study.get("scored_on", "validation")
    diverged = {one.key[1:]: 100 / len(one.record["classes"]) for one in results.ordinary if one.record["diverged"]}
    scores = study_scores(results.curves, part, diverged)
    planned = pd.DataFrame([key[1:4] for key in plan.runs], columns=["dataset", "labels", "method"])
    frame = study_frame(scores, changes(config["methods"]), planned)
    unlabelled = recipe.unlabelled_ratio * recipe.batch_size
    what = (
        f"Experiment {plan.experiment}: {recipe.network}, {recipe.steps:,} steps of {recipe.batch_size} + "
        f"{unlabelled} images. Scores are means of the last {recipe.score_window} of {recipe.evaluations} evaluations "
        f"on {part} images, in percent, over n seeds. A difference from the start is the mean over the seeds that "
        f"both have. {PURPOSE[part]}"
    )
    titles = results.plain_titles
    unjudged = {name: method["unjudged"] for name, method in config["methods"].items() if "unjudged" in method}
    drawn = label_draw_blocks(scores, titles, natural_draws(plan))
    return [*study_blocks(frame, titles, what, unjudged), *drawn], frame


def changes(methods: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """(variant, its start) -> what the variant changes, such as "margin=hinge, margin_width=1". (start, start) -> "".
    `methods`: those of an experiment."""
    starts, found = {method["of"] for method in methods.values() if "of" in method}, {}
    for name, method in methods.items():
        if start := method.get("of"):
            settings, begun = method.get("recipe", {}), methods[start].get("recipe", {})
            differ = [f"{key}={value}" for key, value in settings.items() if key not in begun or begun[key] != value]
            if method["method_class"] != methods[start]["method_class"]:
                differ.insert(0, method["method_class"].partition(":")[2])
            found[name, start] = ", ".join(differ)
        if not start or name in starts:
            found[name, name] = ""
    return found


def natural_draws(plan: Plan) -> dict[str, str]:
    """Dataset with natural label draws -> the dataset of the experiment that differs from it only in its label
    draws."""

    def but_for_draws(name: str) -> list[Any]:
        row, entry = plan.row(name), plan.entry(name)
        options = {key: value for key, value in row.changed.items() if key not in ("label_draw", "family")}
        return [row.family, options, entry["image_size"], entry["root"], entry["verify_counts"]]

    names = dict.fromkeys(key.dataset for key in plan.runs)
    balanced = [name for name in names if plan.row(name).label_draw == "balanced"]
    natural = [name for name in names if plan.row(name).label_draw == "natural"]
    return {name: other for name in natural for other in balanced if but_for_draws(name) == but_for_draws(other)}


def study_scores(curves: pd.DataFrame, scored_on: str, diverged: Mapping[tuple, float] | None = None) -> pd.DataFrame:
    """One row per run (dataset, labels, method, seed): the means of `MEASURES` over its last `window` evaluations on
    the part `scored_on`, percent. A dataset without images in that part has no rows.

    `diverged`: key of a diverged run -> chance accuracy, which is its score.
    """
    cells = ["dataset", "labels", "method", "seed"]
    rows = []
    for cell, run in curves.sort_values("step").groupby(cells):
        scored = reported(run.to_dict("records"), run["window"].iloc[0], scored_on)
        rows.append([*cell, *(scored[measure] for measure in MEASURES)])
    scores = pd.DataFrame(rows, columns=[*cells, *MEASURES]).dropna().set_index(cells).astype(float)
    known = set(scores.index.get_level_values("dataset"))
    for cell, chance in (diverged or {}).items():
        if cell[0] in known:
            scores.loc[cell, list(MEASURES)] = chance
    return scores.sort_index().reset_index()


def study_frame(scores: pd.DataFrame, variants: Mapping[tuple[str, str], str], planned: pd.DataFrame) -> pd.DataFrame:
    """One row per planned (dataset, labels, variant, start): n seeds, the mean of each measure, and the paired
    differences from the start with their 95 % intervals. Numbers are missing where nothing was run.

    `planned` has the columns dataset, labels and method; `variants` comes from `changes`.
    """
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
    """The study as a page: one table per (dataset, labels, start), sorted by the difference from the start. Variants
    without a difference come last. A start that is compared elsewhere gets its own table only if it has variants here.

    `unjudged`: variant -> why a run this short says little about it.
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
            Heading("What runs this short cannot judge"),
            Bullets([(f"{changed[name]}:", why) for name, why in unjudged.items() if name in changed]),
        ]
    return blocks


def label_draw_blocks(scores: pd.DataFrame, titles: Mapping[str, str], pairs_of: Mapping[str, str]) -> list[Block]:
    """What natural label draws are worth against balanced ones: one row per method that ran on both datasets of a pair,
    over the n seeds that both have. The two runs of a seed share neither draws nor weights nor batches.

    `scores` comes from `study_scores`, `pairs_of` from `natural_draws`.
    """
    cells, rows = ["dataset", "labels", "method"], []
    drawn = scores["dataset"].isin(list(pairs_of))
    if not drawn.any():
        return []
    balanced = scores[~drawn]
    natural = scores[drawn].assign(dataset=lambda frame: frame["dataset"].map(pairs_of))
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
    return [Heading("Natural label draws instead of balanced ones"), Table(header, rows, left=2)]


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
