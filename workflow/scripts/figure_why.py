"""Why one method is ahead: the guessed labels of the two compared methods over training, and how strongly labels pull,
by their entropy. It shows runs with `diagnosed`."""

import sys
from pathlib import Path

import pandas as pd
import style
from matplotlib.axes import Axes
from pages import page

from marginmix.reporting.names import BASELINE, TREATMENT
from marginmix.reporting.results import Results

QUANTITIES = {
    "validation_accuracy": "validation accuracy, %",
    "guess_accuracy": "correct guesses, %",
    "guess_calibration_error": "their calibration error, %",
    "guess_entropy": "their entropy, nats",
    "guess_imbalance": "their class imbalance, %",
    "in_the_middle": "images in the middle, %",
}
FIFTHS = range(1, 6)
COLUMNS = 4


def draw_why(results: Results, output: Path | str) -> None:
    """Two rows of panels per (dataset, label count), with one line per method over training. The last two panels show
    the last evaluation: the norm of the gradient by the entropy of the guessed label, and how the entropies are
    distributed.
    """
    runs, titles = results.curves, results.plain_titles
    runs = runs[runs["method"].isin([BASELINE, TREATMENT])]
    if "in_the_middle" not in runs or (runs := runs.dropna(subset=["in_the_middle"])).empty:
        return style.save_words(
            "No run of the compared methods with `diagnosed` is there yet: no guessed labels to show.", output
        )
    styles = style.method_styles(runs["method"])
    entries = list(runs.groupby(["dataset", "labels"]))
    figure, grid = style.panels(2 * len(entries), COLUMNS, 1.6, reserve=0.4)
    for i, ((dataset, labels), found) in enumerate(entries):
        axes = grid[2 * i : 2 * i + 2].flatten()
        for panel, (column, label) in zip(axes, QUANTITIES.items(), strict=False):
            style.draw_over_seeds(panel, found, column, styles)
            panel.set(xlabel="step", title=label)
        last = found.sort_values("step").groupby(["method", "seed"]).tail(1)
        _by_entropy(axes[-2], last, "gradient", "gradient's norm by entropy", styles)
        _by_entropy(axes[-1], last, "guess_share", "guesses by entropy, %", styles)
        for row in grid[2 * i : 2 * i + 2]:
            row[0].set_ylabel(f"{titles[dataset]},\n{labels:,} labels", fontweight="bold")
    style.legend_below(figure, styles, style.seed_counts(runs), titles)
    style.save(figure, output)


def _by_entropy(axes: Axes, last: pd.DataFrame, name: str, label: str, styles: dict[str, dict]) -> None:
    """Draw the means over seeds of the columns `name`_1 … 5, each at the middle of its fifth of the largest entropy."""
    columns = [f"{name}_{i}" for i in FIFTHS]
    for method, look in styles.items():
        values = last[last["method"] == method].reindex(columns=columns).mean()
        axes.plot([(i - 0.5) / len(FIFTHS) for i in FIFTHS], values, **look, markersize=4)
    axes.set(xlabel="entropy / log C", title=label, xlim=(0, 1), ylim=(0, None))


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_why))  # noqa: F821
