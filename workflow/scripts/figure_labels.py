"""How good the guessed labels of an experiment are over training."""

import sys
from pathlib import Path

import style
from pages import page

from marginmix.reporting.results import Results

QUANTITIES = {
    "guess_accuracy": "guessed labels: correct, %",
    "guess_confidence": "confidence, %",
    "guess_entropy": "entropy, nats",
}


def draw_labels(results: Results, output: Path | str) -> None:
    """One row per (dataset, label count), one column per quantity, one line per method that guesses labels."""
    titles = results.titles
    runs = results.curves.reindex(columns=["dataset", "labels", "method", "seed", "step", *QUANTITIES])
    # Styles of all methods, so that a method looks the same here and in the learning curves.
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
        row[0].set_title(style.entry_title(dataset, labels, titles), loc="left")
    style.legend_below(figure, styles, style.seed_counts(runs), titles)
    style.save(figure, output)


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_labels))  # noqa: F821
