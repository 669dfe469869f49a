"""metrics.csv of a budget's runs -> figures/label_quality_<budget>.png: how good the guessed labels are over time."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import style

from marginmix.errors import run_or_explain
from marginmix.reporting.runs import printed_titles, read_metrics

QUANTITIES = {
    "guess_accuracy": "guessed labels: correct, %",
    "guess_confidence": "confidence, %",
    "guess_entropy": "entropy, nats",
}


def draw_labels(metrics: Iterable[Path | str], output: Path | str, titles: Mapping[str, str] | None = None) -> None:
    """A row per (dataset, label count), a column per quantity, a line per method that guesses labels."""
    metrics = list(metrics)
    names = printed_titles(metrics, titles or {})
    runs = read_metrics(metrics).reindex(columns=["dataset", "labels", "method", "seed", "step", *QUANTITIES])
    # Of all methods, so that a method looks the same here and in the learning curves.
    styles = style.method_styles(runs["method"])
    runs = runs.dropna(subset=list(QUANTITIES), how="all")
    if runs.empty:
        return style.save_words("No run that guesses labels has finished yet: no label quality to draw.", output)
    entries = list(runs.groupby(["dataset", "labels"]))
    styles = {method: look for method, look in styles.items() if method in set(runs["method"])}
    figure, grid = style.panels(len(entries), len(QUANTITIES), 2.1, reserve=0.4)
    for row, ((dataset, labels), found) in zip(grid, entries, strict=True):
        for axes, (column, label) in zip(row, QUANTITIES.items(), strict=True):
            style.draw_over_seeds(axes, found, column, styles)
            axes.set(xlabel="step", ylabel=label)
        row[0].set_title(style.entry_title(dataset, labels, names), loc="left")
    style.legend_below(figure, styles, style.seed_counts(runs))
    style.save(figure, output)


if "snakemake" in globals():
    paths = snakemake.input.metrics, snakemake.output[0]  # noqa: F821
    sys.exit(run_or_explain(draw_labels, *paths, snakemake.params.titles))  # noqa: F821
