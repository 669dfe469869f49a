"""Confusion matrices of an experiment: which classes are mistaken for which."""

import sys
from pathlib import Path

import numpy as np
import style
from matplotlib.axes import Axes
from pages import page

from marginmix.reporting.names import BASELINE, TREATMENT, method_order
from marginmix.reporting.results import Results

MOST_NAMED = 12  # with more classes, neither names nor numbers are legible
MOST_MATRICES = 12  # with more matrices, the figure is too long to read


def draw_confusion(results: Results, output: Path | str) -> None:
    """One matrix per (dataset, label count, method), summed over seeds, in percent of the true class. If there are more
    than `MOST_MATRICES`, only those of the two compared methods."""
    grouped: dict[tuple, list[dict]] = {}
    for one in results.ordinary:
        grouped.setdefault((one.key.dataset, one.key.labels, one.key.method), []).append(one.record)
    if not grouped:
        return style.save_words("No run has finished yet: no confusion matrices to draw.", output)
    if len(grouped) > MOST_MATRICES:
        grouped = {key: found for key, found in grouped.items() if key[2] in (BASELINE, TREATMENT)} or grouped
    entries = {}
    for key in sorted(grouped, key=lambda key: (*key[:2], method_order(key[2]))):
        entries.setdefault(key[:2], []).append(key)
    wide = max(len(found[0]["classes"]) for found in grouped.values()) > 8
    most = max(map(len, entries.values()))
    columns = -(-most // -(-most // (2 if wide else 3)))  # as few rows as possible, evenly filled
    rows = [keys[start : start + columns] for keys in entries.values() for start in range(0, len(keys), columns)]
    figure, grid = style.panels(len(rows), columns, 2.65 if columns == 3 else 3.8, reserve=0.2)
    figure.suptitle("Percent of each true class; a row adds up to 100", fontsize=9, x=0.01, ha="left")
    for axes_row, row in zip(grid, rows, strict=True):
        for axes, (dataset, labels, method) in zip(axes_row, row, strict=False):
            title = (
                f"{style.entry_title(dataset, labels, results.titles)}\n{style.method_title(method, results.titles)}"
            )
            _draw(axes, grouped[dataset, labels, method], title)
        for axes in axes_row[len(row) :]:
            axes.remove()
    style.save(figure, output)


def _draw(axes: Axes, runs: list[dict], title: str) -> None:
    counts = np.sum([run["confusion"] for run in runs], axis=0)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = runs[0]["classes"]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    axes.set_title(f"{title} (n = {len(runs)})", loc="left")
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(False)
    if len(classes) > MOST_NAMED:
        return
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, classes)
    size = 6.5 if len(classes) > 5 else 7.5
    for (row, column), share in np.ndenumerate(shares):
        shade = "white" if share > 55 else "black"
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=size, color=shade)


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_confusion))  # noqa: F821
