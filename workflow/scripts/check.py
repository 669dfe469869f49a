"""Does a budget's semi-supervised training beat its baseline? One line a comparison; exit code 1 where one does not."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from marginmix.errors import UserError, run_or_explain
from marginmix.files import write_atomically


def compare(runs: pd.DataFrame, budget: str, must_beat: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """Passed or not, and a line of text, for every (dataset, label count, method) of `must_beat`: {baseline, methods,
    margin in points of accuracy, datasets (default: those that the baseline has)}. Means over the seeds of both."""
    runs = runs[runs["budget"] == budget]
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
    return lines or [(False, f"budget {budget} has no run of {baseline} to compare with")]


def _line(ours: pd.Series, base: pd.Series, where: str, margin: float) -> tuple[bool, str]:
    gains = (ours - base).dropna()
    if gains.empty:
        return False, f"FAILED: {where}: no seed that both were run on"
    passed = bool(gains.mean() >= margin)
    values = f"{ours[gains.index].mean():.1f} % against {base[gains.index].mean():.1f} %"
    text = f"{where}: {values}, {gains.mean():+.1f} points, at least +{margin:.1f} needed (n = {len(gains)})"
    return passed, f"{'passed' if passed else 'FAILED'}: {text}"


def check(runs_csv: Path | str, budget: str, must_beat: Mapping[str, Any] | None, *outputs: Path | str) -> None:
    """Write the lines to each of `outputs`, print them, and raise one `UserError` for all that failed.

    Without `must_beat` there is nothing to check, which the files say.
    """
    lines = compare(pd.read_csv(runs_csv), budget, must_beat) if must_beat else []
    body = "".join(f"- {line}\n" for _, line in lines) or "This budget declares no check.\n"
    for output in outputs:
        write_atomically(output, f"# Checks of budget {budget}\n\n{body}")
    for _, line in lines:
        print(line, file=sys.stderr)
    failed = [line.removeprefix("FAILED: ") for passed, line in lines if not passed]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(lines)} checks of budget {budget} failed: {'; '.join(failed)}. The tables are "
            "written; see the learning curves, then the recipe in the budget's config"
        )


if "snakemake" in globals():
    given = snakemake.params  # noqa: F821
    # Snakemake deletes the output of a job that fails, but not its log.
    written = snakemake.output[0], snakemake.log[0]  # noqa: F821
    sys.exit(run_or_explain(check, snakemake.input.runs, given.budget, given.must_beat, *written))  # noqa: F821
