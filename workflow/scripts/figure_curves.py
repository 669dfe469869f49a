"""Learning curves of an experiment: test accuracy against step."""

import sys
from pathlib import Path

import style
from pages import page

from marginmix.reporting.results import Results

COLUMNS = 3


def draw_curves(results: Results, output: Path | str) -> None:
    """One panel per (dataset, label count), one line per method: the mean over seeds, in a band from lowest to
    highest."""
    runs, titles = results.curves, results.titles
    if runs.empty:
        return style.save_words("No run has finished yet: no learning curves to draw.", output)
    entries = list(runs.groupby(["dataset", "labels"]))
    styles = style.method_styles(runs["method"])
    columns = min(COLUMNS, len(entries))
    height = 3.0 if columns < 3 else 2.1
    figure, grid = style.panels(-(-len(entries) // columns), columns, height, reserve=0.4)
    for axes, ((dataset, labels), found) in zip(grid.flat, entries, strict=False):
        style.draw_over_seeds(axes, found, "accuracy", styles)
        axes.set(xlabel="step", ylabel="test accuracy, %")
        axes.set_title(f"{titles[dataset]},\n{labels:,} labels", loc="left")
    for axes in grid.flat[len(entries) :]:
        axes.remove()
    style.legend_below(figure, styles, style.seed_counts(runs), titles)
    style.save(figure, output)


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_curves))  # noqa: F821
