"""metrics.csv of a budget's runs -> figures/learning_curves_<budget>.png: test accuracy against step."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import style

from marginmix.errors import run_or_explain
from marginmix.reporting.runs import printed_titles, read_metrics

COLUMNS = 3


def draw_curves(metrics: Iterable[Path | str], output: Path | str, titles: Mapping[str, str] | None = None) -> None:
    """A panel per (dataset, label count), a line per method: mean over seeds, band from the least to the most."""
    metrics = list(metrics)
    names = printed_titles(metrics, titles or {})
    runs = read_metrics(metrics)
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
        axes.set_title(f"{names.get(dataset, dataset)},\n{labels:,} labels", loc="left")
    for axes in grid.flat[len(entries) :]:
        axes.remove()
    style.legend_below(figure, styles, style.seed_counts(runs))
    style.save(figure, output)


if "snakemake" in globals():
    paths = snakemake.input.metrics, snakemake.output[0]  # noqa: F821
    sys.exit(run_or_explain(draw_curves, *paths, snakemake.params.titles))  # noqa: F821
