"""A study as a figure: what each switch is worth, with one panel per (dataset, labels, start)."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import style
from pages import page

from marginmix.reporting.results import Results
from marginmix.reporting.study import study_of

LOOKS = {
    "accuracy": {
        "color": style.PALETTE[0],
        "marker": "o",
        "label": "accuracy (bars: 95 % intervals, cut at the edges)",
    },
    "balanced_accuracy": {"color": style.PALETTE[3], "marker": "s", "label": "balanced accuracy"},
}


def draw_study(results: Results, output: Path | str) -> None:
    """Draw the figure of a study from its results."""
    part = results.config["study"].get("scored_on", "validation")
    draw_differences(study_of(results)[1], output, results.plain_titles, part)


def draw_differences(table: pd.DataFrame, output: Path | str, titles: Mapping[str, str], part: str) -> None:
    """Paired differences from the start in points, on the images of `part`. Bars are 95 % intervals of the accuracy,
    cut at the panel's edges, since over two pairs they are too wide to draw."""
    groups = [
        (names, rows.dropna(subset=["accuracy_difference"]))
        for names, rows in table.groupby(["dataset", "labels", "start"], sort=False)  # in the order of the page
    ]
    groups = [(names, rows) for names, rows in groups if len(rows)]
    if not groups:
        return style.save_words("No variant of the study has finished yet on a cell of its start.", output)
    figure, axes = style.panels(len(groups), 1, [0.75 + 0.17 * len(rows) for _, rows in groups], reserve=0.3)
    for (dataset, labels, start), rows in groups:
        panel = axes[[key for key, _ in groups].index((dataset, labels, start)), 0]
        rows = rows.sort_values("accuracy_difference")
        places = range(len(rows))
        for measure, look in LOOKS.items():
            panel.plot(rows[f"{measure}_difference"], places, linestyle="", markersize=4, **look)
        low, high = rows["accuracy_low"], rows["accuracy_high"]
        panel.hlines(places, low, high, color=LOOKS["accuracy"]["color"], linewidth=0.8, alpha=0.6)
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_yticks(places, rows["changes"])
        reach = 1.3 * rows[[f"{measure}_difference" for measure in LOOKS]].abs().to_numpy().max() + 0.5
        panel.set_xlim(-reach, reach)
        panel.set_title(f"{style.entry_title(dataset, labels, titles)}: changes of {start}", loc="right")
        panel.set_xlabel(f"difference from the start, points, {part} images")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    style.save(figure, output)


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_study))  # noqa: F821
