"""The paper's toy as a figure: two classes in the plane, with the borders before and after self-labelling."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import style
from matplotlib.axes import Axes

from marginmix.errors import run_or_explain

COLOURS = (style.PALETTE[0], style.PALETTE[3])
TITLES = {
    "first": "labelled only",
    "mixmatch": "MixMatch-style labels",
    "marginmix": "labels by centroids",
}


def draw_toy(points: Path | str, table: Path | str, output: Path | str) -> None:
    """One row per problem. The first panel shows the labels of one draw. Then one panel per method shows the border of
    that draw (thick, on its map) and of all other draws of the labelled points (thin)."""
    spreads = pd.read_csv(table)
    with np.load(points, allow_pickle=False) as file:
        kept = {name: file[name] for name in file.files}
    problems = list(dict.fromkeys(spreads["problem"]))
    figure, grid = style.panels(len(problems), 1 + len(TITLES), 2.3)
    figure.get_layout_engine().set(h_pad=0.09)
    for row, problem in zip(grid, problems, strict=True):
        here = {name.removeprefix(f"{problem}_"): a for name, a in kept.items() if name.startswith(f"{problem}_")}
        rows = spreads[spreads["problem"] == problem].set_index("border")
        _draw_points(row[0], here)
        row[0].set_title(f"{problem}: the labels", loc="left")
        row[0].set_xlabel(f"solid: labelled, dashed: not\nlines: borders of {len(here['labelled'])} draws")
        for axes, (border, title) in zip(row[1:], TITLES.items(), strict=True):
            _draw_borders(axes, kept["axis"], here[f"map_{border}"].astype(np.float32))
            _draw_points(axes, here)
            said = rows.loc[border]
            axes.set_title(title, loc="left")
            axes.set_xlabel(f"accuracy {said['accuracy']:.1f} ± {said['accuracy_sd']:.1f} %\n"
                            f"two draws disagree on {said['disagreement']:.1f} %")  # fmt: skip
    for axes in grid.flat:
        axes.set(aspect="equal", xlim=kept["axis"][[0, -1]], ylim=kept["axis"][[0, -1]], xticks=[], yticks=[])
        axes.grid(False)
    style.save(figure, output)


def _draw_points(axes: Axes, here: dict[str, np.ndarray]) -> None:
    """Draw unlabelled points as dashed rings in the colour of their class, and labelled points as solid ones."""
    for label, (colour, marker) in enumerate(zip(COLOURS, "os", strict=True)):
        ring = here["unlabelled"][here["truth"] == label]
        axes.scatter(*ring.T, s=9, marker=marker, facecolors="none", edgecolors=colour, linestyles=(0, (2, 1.5)),
                     linewidths=0.5, alpha=0.7)  # fmt: skip
        solid = here["labelled"][0][here["labels"] == label]
        axes.scatter(*solid.T, s=34, marker=marker, color=colour, edgecolors="white", linewidths=0.8, zorder=3)


def _draw_borders(axes: Axes, axis: np.ndarray, maps: np.ndarray) -> None:
    """Draw the border of each of `maps` [draws, G, G], the probability of the second class. The first map is shaded."""
    axes.contourf(axis, axis, maps[0], levels=np.linspace(0, 1, 11), colors=_shades(10), zorder=0)
    for other in maps[1:]:
        axes.contour(axis, axis, other, levels=[0.5], colors="#444444", linewidths=0.35, zorder=1)
    axes.contour(axis, axis, maps[0], levels=[0.5], colors="black", linewidths=1.6, zorder=2)


def _shades(count: int) -> list[tuple[float, float, float]]:
    """`count` shades from a pale first colour through white to a pale second colour."""
    ends = [np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255 for colour in COLOURS]
    shares = np.linspace(-1, 1, count)
    return [tuple(1 - 0.35 * abs(share) * (1 - ends[int(share > 0)])) for share in shares]


if "snakemake" in globals():
    paths = snakemake.input.points, snakemake.input.table, snakemake.output[0]  # noqa: F821
    sys.exit(run_or_explain(draw_toy, *paths))
