"""Do guessed labels run away? Shows their class imbalance over training, by the exponent ρ/T of the class prior."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import style
from matplotlib.axes import Axes
from pages import page

from marginmix.reporting.drift import drift_curves, drift_frame
from marginmix.reporting.results import Results

SOURCES = {"head": "π from the head", "guesses": "π from the guesses"}
MEASURES = {
    "accuracy": ("accuracy", style.PALETTE[0], "o"),
    "balanced_accuracy": ("balanced accuracy", style.PALETTE[3], "s"),
}


def draw_drift(results: Results, output: Path | str) -> None:
    """One row per (dataset, label count): imbalance over training, with one line per seed; then accuracy against
    ρ/T."""
    curves = drift_curves(results)
    if curves.empty:
        return style.save_words("No run whose guesses are examined has finished yet: no drift to draw.", output)
    frame, entries = drift_frame(curves), list(curves.groupby(["dataset", "labels"]))
    exponents = sorted(curves["exponent"].unique())
    colours = style.matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(exponents)))
    shades = dict(zip(exponents, colours, strict=True))
    figure, grid = style.panels(len(entries), 2, 2.0, reserve=0.55)
    for (left, right), ((dataset, labels), found) in zip(grid, entries, strict=True):
        _draw_curves(left, found, shades)
        left.set_title(style.entry_title(dataset, labels, results.plain_titles), loc="left")
        here = frame[(frame["dataset"] == dataset) & (frame["labels"] == labels)]
        _draw_ends(right, here)
    line = style.matplotlib.lines.Line2D
    handles = [line([], [], color=shades[exponent], label=f"ρ/T = {exponent:g}") for exponent in exponents]
    handles.append(line([], [], color="black", linestyle="--", label="π from the guesses, else the head"))
    for label, colour, marker in MEASURES.values():
        handles.append(line([], [], color=colour, marker=marker, markersize=4, label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.8, columnspacing=1.3)
    figure.suptitle("With few labels guesses run away to the large classes from about ρ/T = 1 on", fontsize=9)
    style.save(figure, output)


def _draw_curves(axes: Axes, runs: pd.DataFrame, shades: dict) -> None:
    for (source, exponent, _), run in runs.groupby(["source", "exponent", "seed"]):
        run = run.sort_values("step")
        dashes = "-" if source == "head" else "--"
        axes.plot(run["step"], run["guess_imbalance"], color=shades[exponent], linestyle=dashes, linewidth=1.1)
    axes.set(xlabel="step", ylabel="imbalance of guesses, %", xlim=(0, None), ylim=(0, 100))


def _draw_ends(axes: Axes, frame: pd.DataFrame) -> None:
    axes.axvline(1, color="black", linewidth=0.7, linestyle=":")
    head = frame[frame["source"] == "head"].sort_values("exponent")
    other = frame[frame["source"] == "guesses"]
    for column, (_, colour, marker) in MEASURES.items():
        axes.plot(head["exponent"], head[column], color=colour, marker=marker, markersize=4)
        axes.plot(other["exponent"], other[column], color=colour, marker="x", markersize=6, linestyle="")
    axes.set(xlabel="ρ/T (crosses: π from the guesses)", ylabel="validation, %", ylim=(10, 70), xlim=(-0.1, 2.1))


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_drift))  # noqa: F821
