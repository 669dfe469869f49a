"""Other people's published numbers beside ours: shown, never judged, since protocols, networks and lengths differ."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from marginmix.errors import UserError
from marginmix.reporting.cells import NOTHING
from marginmix.reporting.collapse import collapsed
from marginmix.reporting.finished import Finished
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.names import METRICS
from marginmix.reporting.results import read_reference

COLUMNS = (
    "method", "dataset", "labels", "metric", "value", "sd", "n", "selection", "backbone", "pretraining", "source",
    "seen",
)  # fmt: skip
TITLES = {
    "supervised": "labelled only", "pseudo-label": "Pseudo-Label", "mean-teacher": "Mean Teacher",
    "pi-model": "Π-model", "mixmatch": "MixMatch", "remixmatch": "ReMixMatch", "uda": "UDA", "fixmatch": "FixMatch",
    "freematch": "FreeMatch", "softmatch": "SoftMatch", "ssfer": "SSFER", "marginmix": "MarginMix",
}  # fmt: skip
"""Method -> the name to print."""
DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "svhn": "SVHN", "stl10": "STL-10", "ferplus": "FER+",
            "rafdb": "RAF-DB", "fer2013": "FER2013"}  # fmt: skip
ON_TEST, MARK = "best on test", "¶"

TEXT = (
    "Test accuracy in percent, as others published it, beside our own runs of the same method, dataset and label "
    "count. Nothing is judged here: networks, lengths, label draws and score rules differ, and pre-training most of "
    "all."
)
LEGEND = [
    (MARK, "the best evaluation on test images, which is no score: it is chosen with the answers at hand."),
    ("n:", "number of seeds, where the source says it."),
    ("here:", "our published runs, with their steps. Every table of them is in results/tables.md."),
]


def read_elsewhere(path: Path | str) -> pd.DataFrame:
    """The published numbers (`COLUMNS`), `labels` as text, `value` and `sd` as floats. A `UserError` names the first
    wrong line."""
    frame = read_reference(path, COLUMNS)[list(COLUMNS)].astype({"labels": str})
    for place, row in enumerate(frame.to_dict("records"), 2):
        checks = {
            "method": row["method"] in TITLES,
            "dataset": row["dataset"] in DATASETS,
            "labels": row["labels"].removesuffix(" %").isdigit(),
            "metric": row["metric"] in METRICS,
            "value": isinstance(row["value"], float) and 0 <= row["value"] <= 100,
            "sd": pd.isna(row["sd"]) or row["sd"] >= 0,
            "n": pd.isna(row["n"]) or (row["n"] >= 1 and row["n"] == int(row["n"])),
            **{name: isinstance(row[name], str) and bool(row[name].strip())
               for name in ("selection", "backbone", "pretraining", "source", "seen")},
        }  # fmt: skip
        for name, right in checks.items():
            if not right:
                raise UserError(f"{path}: line {place}: {name}: {row[name]!r} is not allowed; correct the line")
    return frame


def elsewhere_blocks(published: pd.DataFrame, ours: Sequence[Finished]) -> list[Block]:
    """The page: a table for each dataset, by label count and accuracy, our own rows among the others'."""
    blocks: list[Block] = [Heading("Numbers published elsewhere", 1), Paragraph(TEXT), Bullets(LEGEND)]
    header = ("labels", "method", "accuracy", "n", "network", "pre-training", "source")
    for dataset in DATASETS:
        if (rows := published[published["dataset"] == dataset]).empty:
            continue
        lines = [_line(row) for row in rows.to_dict("records")] + _ours(ours, dataset, rows)
        lines.sort(key=lambda line: (line[0], line[1]))
        blocks += [Heading(DATASETS[dataset]), Table(header, [cells for _, _, cells in lines], left=2)]
    return blocks


def _line(row: dict) -> tuple[float, float, tuple[str, ...]]:
    """Label count and accuracy, to sort by (a share comes after all counts), and the cells."""
    accuracy = 100 - row["value"] if row["metric"] == "error_percent" else row["value"]
    mark = f" {MARK}" if row["selection"] == ON_TEST else ""
    share = row["labels"].endswith("%")
    labels = row["labels"] if share else f"{int(row['labels']):,}"
    place = float(row["labels"].removesuffix(" %")) + (1e9 if share else 0)
    n = NOTHING if pd.isna(row["n"]) else f"{row['n']:.0f}"
    cells = (labels, TITLES[row["method"]], f"{_with_sd(accuracy, row['sd'])}{mark}", n, row["backbone"],
             row["pretraining"], row["source"])  # fmt: skip
    return place, -accuracy, cells


def _ours(
    ours: Sequence[Finished], dataset: str, published: pd.DataFrame
) -> list[tuple[float, float, tuple[str, ...]]]:
    """Our rows at label counts, and of methods, that others published; one for each experiment."""
    wanted = {(row["method"], row["labels"]) for row in published.to_dict("records")} | {
        ("marginmix", labels) for labels in published["labels"]
    }
    found: dict[tuple, list[Finished]] = {}
    for one in ours:
        key = one.key
        if key.dataset == dataset and (key.method, str(key.labels)) in wanted:
            found.setdefault((key.labels, key.method, key.experiment, one.recipe.steps), []).append(one)
    lines = []
    for (labels, method, experiment, steps), runs in found.items():
        accuracies = pd.Series([one.record["accuracy"] for one in runs])
        alarms = sum(map(collapsed, runs))
        more = f", collapsed ({alarms} of {len(runs)})" if alarms else ""
        cells = (f"{labels:,}", TITLES[method], _with_sd(accuracies.mean(), accuracies.std(ddof=1)), str(len(runs)),
                 runs[0].recipe.network, "none", f"here: {experiment}, {steps:,} steps{more}")  # fmt: skip
        lines.append((float(labels), -accuracies.mean(), cells))
    return lines


def _with_sd(value: float, sd: float) -> str:
    return f"{value:.2f}" if pd.isna(sd) else f"{value:.2f} ± {sd:.2f}"
