"""What all figures share: sizes, colours and markers that work for colour-blind readers and in grey print, and PNGs
that are the same bytes for the same numbers."""

import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marginmix.files import write_atomically
from marginmix.reporting.names import method_order, method_title

# Okabe & Ito 2008. Dark and light alternate, so that neighbours differ in grey too. Yellow, too pale for lines, is
# last.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", "*", ">")
DASHES = ("-", (0, (5, 1.6)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
WIDTH = 7.0  # inches: a page's text width
DPI = 200

matplotlib.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": 8, "axes.titlesize": 8.5, "axes.labelsize": 8, "xtick.labelsize": 7,
    "ytick.labelsize": 7, "legend.fontsize": 8, "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "axes.grid": True,
    "grid.color": "#dddddd", "grid.linewidth": 0.5, "axes.axisbelow": True, "lines.linewidth": 1.4,
    "legend.frameon": False, "figure.dpi": DPI,
})  # fmt: skip


def save(figure: Figure, path: Path | str) -> None:
    """Write a PNG without a date or a version in it, so that the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    write_atomically(path, buffer.getvalue())


def save_words(text: str, path: Path | str) -> None:
    """Write a figure that says in words why there is nothing to draw."""
    figure = Figure(figsize=(WIDTH, 1.2))
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=9, wrap=True)
    save(figure, path)


def panels(rows: int, columns: int, height: float | Sequence[float], reserve: float = 0.0) -> tuple[Figure, np.ndarray]:
    """A page-wide grid of panels. `height`: inches per row, or one value per row. `reserve`: inches for a legend.
    Returns the figure and its axes [rows, columns]."""
    heights = np.broadcast_to(height, rows)
    figure = Figure(figsize=(WIDTH, heights.sum() + reserve), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, height_ratios=heights)


def method_styles(methods: Iterable[str]) -> dict[str, dict]:
    """method -> colour, dashes and marker. The two compared methods come first and always look the same."""
    looks = zip(itertools.cycle(PALETTE), itertools.cycle(DASHES), itertools.cycle(MARKERS), strict=False)
    return {
        method: {"color": colour, "linestyle": dashes, "marker": marker}
        for method, (colour, dashes, marker) in zip(sorted(set(methods), key=method_order), looks, strict=False)
    }


def entry_title(dataset: str, labels: int, titles: dict[str, str]) -> str:
    return f"{titles.get(dataset, dataset)}, {labels:,} labels"


def draw_over_seeds(axes: Axes, runs: pd.DataFrame, column: str, styles: dict[str, dict]) -> None:
    """Draw `column` against step, one line per method: the mean over its seeds, in a band from the lowest to the
    highest."""
    for i, (method, style) in enumerate(styles.items()):
        found = runs[runs["method"] == method].dropna(subset=[column])
        if found.empty:
            continue
        over = found.pivot_table(index="step", columns="seed", values=column)
        axes.fill_between(over.index, over.min(axis=1), over.max(axis=1), color=style["color"], alpha=0.22, linewidth=0)
        # Few markers, at different places for each method, so that overlapping lines can be told apart.
        every = max(1, len(over) // 6)
        marks = (i * every // len(styles), every)
        axes.plot(over.index, over.mean(axis=1), **style, markersize=4, markevery=marks)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda step, _: f"{step / 1000:g}k" if step >= 10000 else f"{step:g}")


def legend_below(
    figure: Figure, styles: dict[str, dict], seeds: dict[str, Sequence[int]], titles: Mapping[str, str]
) -> None:
    """Draw one legend for all panels. It says over how many seeds each line is a mean."""
    handles = [
        matplotlib.lines.Line2D(
            [], [], **style, markersize=4, label=f"{method_title(method, titles)} {_seeds(seeds[method])}"
        )
        for method, style in styles.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)), handlelength=3.2)


def _seeds(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    return f"(n = {least})" if least == most else f"(n = {least} to {most})"


def seed_counts(runs: pd.DataFrame) -> dict[str, list[int]]:
    """method -> its number of seeds in each (dataset, label count)."""
    counts = runs.groupby(["method", "dataset", "labels"])["seed"].nunique()
    return {str(method): list(group) for method, group in counts.groupby(level="method")}
