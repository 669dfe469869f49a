"""Does semi-supervised training beat its baseline? One line per comparison; exit code 1 if any comparison fails."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pages import page

from marginmix.errors import UserError
from marginmix.files import write_atomically
from marginmix.reporting.results import Results


def compare(runs: pd.DataFrame, must_beat: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """For every (dataset, label count, method) of `must_beat`: whether it passed, and a line of text. Scores are means
    over the seeds that both methods have.

    `must_beat`: baseline, methods, margin in points of accuracy, and datasets (default: those that the baseline has).
    """
    baseline, margin = must_beat["baseline"], float(must_beat["margin"])
    datasets = must_beat.get("datasets") or sorted(set(runs[runs["method"] == baseline]["dataset"]))
    lines = []
    for dataset in datasets:
        found = runs[runs["dataset"] == dataset]
        for labels in sorted(set(found["labels"])) or [None]:
            cell = found[found["labels"] == labels].set_index("seed")
            base = cell[cell["method"] == baseline]["accuracy"]
            for method in must_beat["methods"]:
                ours = cell[cell["method"] == method]["accuracy"]
                where = f"{dataset}{'' if labels is None else f' {labels:,} labels'}: {method} against {baseline}"
                lines.append(_line(ours, base, where, margin))
    return lines or [(False, f"expected a run of {baseline} to compare with, found none")]


def _line(ours: pd.Series, base: pd.Series, where: str, margin: float) -> tuple[bool, str]:
    gains = (ours - base).dropna()
    if gains.empty:
        return False, f"FAILED: {where}: expected a seed that both have, found none"
    passed = bool(gains.mean() >= margin)
    values = f"{ours[gains.index].mean():.1f} % against {base[gains.index].mean():.1f} %"
    text = f"{where}: {values}, {gains.mean():+.1f} points, at least +{margin:.1f} needed (n = {len(gains)})"
    return passed, f"{'passed' if passed else 'FAILED'}: {text}"


def check(results: Results, output: Path | str, must_beat: Mapping[str, Any]) -> None:
    """Write the lines to `output` and print them. Raises one `UserError` for all failed checks."""
    experiment, lines = results.plan.experiment, compare(results.runs, must_beat)
    body = "".join(f"- {line}\n" for _, line in lines)
    write_atomically(output, f"# Checks of experiment {experiment}\n\n{body}")
    for _, line in lines:
        print(line, file=sys.stderr)
    failed = [line.removeprefix("FAILED: ") for passed, line in lines if not passed]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(lines)} checks of experiment {experiment} failed: {'; '.join(failed)}. The tables "
            "are written. Look at the learning curves, then at the settings in the experiment's file"
        )


if "snakemake" in globals():
    sys.exit(page(snakemake, check))  # noqa: F821
