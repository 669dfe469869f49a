"""Contact sheet of a dataset: what the network sees and predicts, from a run that keeps `samples`."""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import style
from matplotlib.axes import Axes
from pages import page

from marginmix.reporting.names import TREATMENT
from marginmix.reporting.results import Results

ROWS = {
    "labelled": "labelled,\naugmented",
    "view_1": "unlabelled,\none view",
    "view_2": "the same,\nanother view",
    "mixture": "mixtures",
    "confident": "surest\nguesses",
    "doubtful": "least sure\nguesses",
}
TOLD = 2  # number of classes named below a picture


def draw_samples(results: Results, output: Path | str, dataset: str) -> None:
    """One row of pictures per kind. Below each picture stand the largest shares of its label; below a guess, also the
    true class.

    Among the runs that kept a sheet, the one with the fewest labels is shown; among equals, Margin-Mix's.
    """
    sheets = [one for one in results.ordinary if one.key.dataset == dataset and one.arrays("sheet/")]
    if not sheets:
        return style.save_words(f"No run on {dataset} kept samples: no images can be shown.", output)
    one = min(sheets, key=lambda one: (one.key.labels, one.key.seed, one.key.method != TREATMENT, one.key.method))
    cell, kept = one.key, one.arrays("sheet/")
    rows = {name: title for name, title in ROWS.items() if len(kept.get(name, ()))}
    columns = max(len(kept[name]) for name in rows)
    figure, grid = style.panels(len(rows), columns, style.WIDTH / columns + 0.22)
    for axes in grid.flat:
        axes.axis("off")
    for row, (name, title) in zip(grid, rows.items(), strict=True):
        row[0].text(-0.12, 0.5, title, transform=row[0].transAxes, ha="right", va="center")
        for i, (axes, picture) in enumerate(zip(row, kept[name], strict=False)):
            _draw_picture(axes, picture)
            axes.text(0.5, -0.05, _words(kept, name, i), transform=axes.transAxes, ha="center", va="top", fontsize=5.5)
    entry = style.entry_title(cell.dataset, cell.labels, results.titles)
    figure.suptitle(
        f"{entry}: {style.method_title(cell.method, results.titles)}, {one.recipe.steps:,} steps", fontsize=9
    )
    style.save(figure, output)


def _draw_picture(axes: Axes, picture: np.ndarray) -> None:
    grey = picture.shape[2] == 1
    axes.imshow(picture[..., 0] if grey else picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _words(kept: Mapping[str, np.ndarray], name: str, i: int) -> str:
    """The largest shares of a picture's label, one per line."""
    if f"{name}_labels" not in kept:
        return ""
    label, classes = kept[f"{name}_labels"][i], kept["classes"]
    largest = [k for k in np.argsort(-label, kind="stable")[:TOLD] if label[k] >= 0.005]
    if not largest:
        return "no label"  # the guess was dropped, or the network diverged
    lines = [f"{classes[k]} {100 * label[k]:.0f} %" if label[k] < 0.995 else str(classes[k]) for k in largest]
    truth = int(kept[f"{name}_truth"][i]) if f"{name}_truth" in kept else -1
    if truth >= 0:
        lines = [lines[0], "right" if truth == largest[0] else f"is {classes[truth]}"]
    return "\n".join(lines)


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_samples))  # noqa: F821
