"""The figure of a difficulty experiment: two methods and the ceiling against ambiguity, and the difference against the
measured overlap."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import style
from pages import page

from marginmix.reporting.difficulty import difficulty_of
from marginmix.reporting.results import Results


def draw_dial(results: Results, output: Path | str) -> None:
    """Draw the figure of a difficulty experiment from its results."""
    dial = results.config["difficulty"]
    draw_difficulty(difficulty_of(results)[1], output, dial["methods"], dial["ceiling"], results.titles)


def draw_difficulty(
    table: pd.DataFrame, output: Path | str, methods: Sequence[str], ceiling: str, titles: Mapping[str, str]
) -> None:
    """Points are means over seeds. Bars are standard deviations on the left, and the 95 % interval on the right."""
    frame = table.dropna(subset=[*methods, "overlap"])
    if frame.empty:
        return style.save_words("No setting of the dial has finished for both methods and the ceiling.", output)
    figure, axes = style.panels(1, 2, 2.7)
    left, right = axes[0]
    for name, look in style.method_styles([*methods, ceiling]).items():
        left.errorbar(frame["ambiguity"], frame[name], frame[f"{name}_sd"], **look, markersize=4, capsize=2,
                      elinewidth=0.8, label=style.method_title(name, titles))  # fmt: skip
    left.set(xlabel="ambiguity of the faces", ylabel="accuracy, %", xticks=frame["ambiguity"])
    above = left.secondary_xaxis("top")
    above.set_xticks(frame["ambiguity"], [f"{overlap:.0f}" for overlap in frame["overlap"]])
    above.set_xlabel("overlap of the classes, % (error with all labels)")
    left.legend()
    first, second = (style.method_title(name, titles) for name in methods)
    below, over = frame["difference"] - frame["low"], frame["high"] - frame["difference"]
    right.errorbar(frame["overlap"], frame["difference"], (below, over), color="black", marker="o", markersize=4,
                   linestyle="", capsize=2, elinewidth=0.8)  # fmt: skip
    right.axhline(0, color="black", linewidth=0.8)
    right.set(xlabel="overlap of the classes, %", ylabel=f"{first} − {second}, points (95 % interval)")
    style.save(figure, output)


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_dial))  # noqa: F821
