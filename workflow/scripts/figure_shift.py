"""What class shares are worth: accuracy against balanced accuracy, by the source of the shares and by their use."""

import sys
from pathlib import Path

import pandas as pd
import style
from matplotlib.axes import Axes
from pages import page

from marginmix.reporting.results import Results
from marginmix.reporting.shift import SOURCES, shift_frame

MARKERS = dict(zip(SOURCES, ("o", "X", "^", "v", "s", "*"), strict=True))


def draw_shift(results: Results, output: Path | str) -> None:
    """One panel per (dataset, label count), one point per method and source of shares. Filled points use the shares in
    training; for hollow points, predictions are adjusted to them."""
    frame = shift_frame(results)
    if frame.empty:
        return style.save_words("No run with `shares_examined` has finished yet: no class shares to compare.", output)
    starts = list(dict.fromkeys(frame["method"].map(_start)))
    colours = dict(zip(starts, style.PALETTE[::3] + style.PALETTE[1:], strict=False))
    entries = list(frame.groupby(["dataset", "labels"], sort=False))
    figure, grid = style.panels(1, len(entries), 3.0, reserve=0.75)
    for axes, ((dataset, labels), rows) in zip(grid[0], entries, strict=True):
        _draw(axes, rows, colours)
        axes.set_title(style.entry_title(dataset, labels, results.plain_titles), loc="left")
        axes.set(xlabel="accuracy, validation images, %", ylabel="balanced accuracy, %")
    line = style.matplotlib.lines.Line2D
    handles = [
        line([], [], linestyle="", marker="o", color=colour, label=style.method_title(start, results.plain_titles))
        for start, colour in colours.items()
    ]
    handles += [line([], [], linestyle="", marker=marker, color="#444444", label=f"shares: {source}")
                for source, marker in MARKERS.items()]  # fmt: skip
    handles.append(line([], [], linestyle="", marker="o", color="#444444", markerfacecolor="none",
                        label="hollow: at prediction"))  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2)
    figure.suptitle("Class shares move plain accuracy more than the choice of method does", fontsize=9)
    style.save(figure, output)


def _start(method: str) -> str:
    return method.partition("-")[0]


def _draw(axes: Axes, rows: pd.DataFrame, colours: dict[str, str]) -> None:
    for row in rows.itertuples():
        colour = colours[_start(row.method)]
        face = "none" if row.used == "at prediction" else colour
        axes.plot(row.accuracy, row.balanced_accuracy, marker=MARKERS[row.shares], markersize=6, linestyle="",
                  markeredgecolor=colour, markerfacecolor=face, alpha=0.85)  # fmt: skip


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_shift))  # noqa: F821
