"""What class shares are worth: every method with the true class shares of the unlabelled images, and with estimates.

A method can use shares in training, as a prior or for alignment. Or its predictions are adjusted to them afterwards.
"""

import pandas as pd

from marginmix.analysis.label_shift import ESTIMATES, distance
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.results import Results

SOURCES = ("none", "own guesses, held", *ESTIMATES, "true")
"""Where shares come from, in the order of the page. True shares need the hidden labels: an upper bound, not a
method."""
COLUMNS = ("dataset", "labels", "method", "shares", "used", "n", "accuracy", "balanced_accuracy", "imbalance")

TEXT = (
    "The labels are drawn balanced, but the images to classify are not balanced. The table shows what it is worth to "
    "know their class shares. “in training”: MarginMix uses the shares as its class prior, and MixMatch aligns its "
    "guesses to them. “at prediction”: a trained network's probabilities are multiplied by the shares and divided by "
    "the labelled shares (Saerens et al. 2002). Imbalance is the total variation between the mean guessed label and "
    "the true class shares, in percent."
)
LEGEND = [
    ("em:", "expectation-maximisation (Saerens et al. 2002) on predictions for the unlabelled images."),
    ("em-calibrated:", "the same after bias-corrected temperature scaling (Alexandari et al. 2020)."),
    ("bbse:", "black-box shift estimation from the confusion of held-out labels (Lipton et al. 2018)."),
    ("How they are estimated:", "with labelled-only networks, each trained without one fold of the labels. They use no "
     "label beyond the run's own."),
    ("true:", "counted from the hidden labels. This is an upper bound, not a method."),
]  # fmt: skip


def shift_frame(results: Results) -> pd.DataFrame:
    """One row per (dataset, labels, method, source of the shares, use of the shares): `COLUMNS`, percent.

    Numbers are means over n seeds of the last evaluations on validation images. Runs with `shares_examined` also have
    rows with adjusted predictions.
    """
    rows = []
    for one in results.ordinary:
        recipe, last = one.recipe, one.curve.tail(results.window(one))
        names = one.key.dataset, one.key.labels, one.key.method
        trained = _shares_in_training(recipe)
        imbalance = last["guess_imbalance"].mean() if "guess_imbalance" in last else float("nan")
        rows.append((*names, trained, "–" if trained == "none" else "in training", last["validation_accuracy"].mean(),
                     last["validation_balanced_accuracy"].mean(), imbalance))  # fmt: skip
        if trained == "none" and "true_accuracy" in last:
            for name in (*ESTIMATES, "true"):
                adjusted = last[f"{name}_accuracy"].mean(), last[f"{name}_balanced_accuracy"].mean()
                rows.append((*names, name, "at prediction", *adjusted, float("nan")))
    keys, numbers = list(COLUMNS[:5]), list(COLUMNS[6:])
    grouped = pd.DataFrame(rows, columns=[*keys, *numbers]).groupby(keys, sort=False)
    return grouped.agg(n=("accuracy", "size"), **{name: (name, "mean") for name in numbers}).reset_index()


def _shares_in_training(recipe) -> str:
    if recipe.target_shares != "labelled":
        return recipe.target_shares
    held = getattr(recipe, "prior_hold", 1.0) < 1 and recipe.prior_exponent > 0
    return "own guesses, held" if held else "none"


def estimates_frame(results: Results) -> pd.DataFrame:
    """One row per (dataset, labels, estimate): its distance from the true shares (total variation, percent), as mean
    and maximum over the cells. All methods of a cell share the same estimates. The labelled shares serve for
    comparison."""
    rows = []
    for one in results.ordinary:
        shares = one.record.get("shares") or {}
        if "true" not in shares:
            continue
        kept = {name: shares[name] for name in ("labelled", *ESTIMATES) if name in shares}
        rows += [(one.key.dataset, one.key.labels, one.key.seed, name, distance(values, shares["true"]))
                 for name, values in kept.items()]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["dataset", "labels", "seed", "estimate", "distance"])
    cells = frame.drop_duplicates(["dataset", "labels", "seed", "estimate"])
    grouped = cells.groupby(["dataset", "labels", "estimate"], sort=False)["distance"]
    return grouped.agg(["size", "mean", "max"]).reset_index()


def shift_blocks(results: Results) -> tuple[list[Block], pd.DataFrame]:
    """The section of the study's page, and its table (`shift_frame`)."""
    frame, estimates = shift_frame(results), estimates_frame(results)
    titles, blocks = results.plain_titles, [Heading("What class shares are worth"), Paragraph(TEXT), Bullets(LEGEND)]
    header = ("method", "shares", "used", "n", "accuracy", "balanced accuracy", "imbalance of guesses")
    for (dataset, labels), rows in frame.groupby(["dataset", "labels"], sort=False):
        start = rows["method"].map(lambda name: name.partition("-")[0])
        ordered = rows.assign(start=start, place=rows["shares"].map(SOURCES.index))
        cells = [(row.method, row.shares, row.used, str(row.n), f"{row.accuracy:.1f}", f"{row.balanced_accuracy:.1f}",
                  "–" if pd.isna(row.imbalance) else f"{row.imbalance:.0f}")
                 for row in ordered.sort_values(["start", "place", "used"], kind="stable").itertuples()]  # fmt: skip
        blocks += [Heading(f"{titles[dataset]}, {labels:,} labels", 3), Table(header, cells, left=3)]
    if len(estimates):
        cells = [(titles[row["dataset"]], f"{row['labels']:,}", row["estimate"], str(row["size"]), f"{row['mean']:.1f}",
                  f"{row['max']:.1f}") for row in estimates.to_dict("records")]  # fmt: skip
        header = ("dataset", "labels", "shares", "cells", "distance from the true shares, mean", "largest")
        blocks += [Heading("How good the estimates are", 3), Table(header, cells, left=3)]
    return blocks, frame
