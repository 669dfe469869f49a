"""What the paper's two tables cost: a step of every dataset's network, times 2^20 steps, times the runs."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from benchmarks.subjects import Subject, fast, plain, synthetic
from benchmarks.timing import seconds
from marginmix import datasets
from marginmix.runs.config import load, recipe_of, runs
from marginmix.runs.recipe import PAPER_STEPS
from marginmix.training import devices

WORKFLOW = Path(__file__).parents[1] / "workflow"


def run(device: torch.device, threads: int) -> list[dict]:
    """A row per dataset and method: ms a step of the fast and of the plain loop, and hours of all its runs."""
    devices.prepare(device, threads, exact=True)
    rows = []
    for table, count, subject in subjects("graph" if device.type == "cuda" else "eager"):
        data = synthetic(subject.side, subject.channels, 2_000, classes=subject.classes, device=device)
        duration = {"fast": _once(fast(subject, data).step, device)}
        duration["plain"] = _once(plain(subject, data, workers=threads), device)
        row = {"table": table, **vars(subject), "runs": count, "threads": threads}
        row |= {f"{name}_ms": 1000 * s for name, s in duration.items()}
        rows.append(row | {f"{name}_hours": s * PAPER_STEPS * count / 3600 for name, s in duration.items()})
        print(f"{subject}: {row['fast_ms']:.0f} ms, plain {row['plain_ms']:.0f} ms", flush=True)
    return rows


def subjects(mode: str) -> Iterator[tuple[str, int, Subject]]:
    """(table, number of runs, what one is) for every dataset and method of the experiment `paper`."""
    config = load(WORKFLOW, "paper")
    reference = pd.read_csv(WORKFLOW / "reference" / "paper_tables.csv")
    tables = dict(zip(reference["dataset"], reference["table"], strict=True))
    asked = runs(config)
    for dataset in config["datasets"]:
        row = datasets.get(dataset)
        for method in config["methods"]:
            alike = [r for r in asked if (r.dataset, r.method) == (dataset, method)]
            recipe = recipe_of(config, alike[0])
            subject = Subject(
                method, recipe.network, row.shape[0], row.shape[2], recipe.batch_size, recipe.precision, mode,
                len(row.classes),
            )  # fmt: skip
            yield tables[dataset], len(alike), subject


def _once(step, device: torch.device) -> float:
    """A mean of few: on a CPU the largest of these networks takes half a minute a step."""
    warm_up, times = (6, 20) if device.type == "cuda" else (1, 2)
    seconds(step, warm_up, device)
    return seconds(step, times, device)
