"""The networks of the paper's experiment at their own image sizes, and the hours of its two tables here."""

import io
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from benchmarks.gpu_check.checks import MEASURED, Check, Place, Skip
from benchmarks.gpu_check.toy import METHODS
from benchmarks.subjects import Subject, fast, synthetic
from benchmarks.timing import seconds
from marginmix import datasets
from marginmix.analysis.samples import contact_sheet
from marginmix.runs.methods import resolve_method
from marginmix.runs.recipe import PAPER_STEPS, make_recipe
from marginmix.training.execution import WARM_UP
from marginmix.training.execution import choose as choose_execution
from marginmix.training.outputs import model_file
from marginmix.training.trainer import Trainer

PAPER = {
    "cifar10": ("benchmarks", "wrn-28-2", 15),
    "cifar100": ("benchmarks", "wrn-28-2-large", 5),
    "svhn": ("benchmarks", "wrn-28-2", 10),
    "stl10": ("benchmarks", "wrn-28-2-stl", 10),
    "ferplus": ("expressions", "wrn-28-2", 20),
    "rafdb": ("expressions", "wrn-28-2-stl", 20),
}
"""Dataset -> table, network, runs of each method. workflow/config/paper.yaml needs a reader of YAML; a test holds this
equal to it."""
COMPARED = ("mixmatch", "marginmix")
PLANES = ("cifar10", "ferplus")
"""Datasets of the embedding figures, whose network is alexnet-2d."""
STEPS = 2 * WARM_UP


def subjects(mode: str, precision: str = "bf16") -> Iterator[tuple[str, int, Subject]]:
    """(table, number of runs, what one is) for every dataset and method of the experiment `paper`."""
    for name, (table, network, runs) in PAPER.items():
        row = datasets.get(name)
        for method in COMPARED:
            yield table, runs, Subject(
                method, network, row.shape[0], row.shape[2], 64, precision, mode, len(row.classes)
            )  # fmt: skip


def networks(place: Place) -> Iterator[Check]:
    """Each network and image size once."""
    found = {("marginmix", s.network, s.side, s.channels): s.classes for *_, s in subjects("graph")}
    for name in PLANES:
        row = datasets.get(name)
        found["embedding", "alexnet-2d", row.shape[0], row.shape[2]] = len(row.classes)
    chosen = list(found.items())[-1:] if place.quick else found.items()
    for (method, network, side, channels), classes in chosen:
        yield Check(
            f"{network} at {side}×{side}×{channels}",
            f"{STEPS} steps, an evaluation and its outputs under exact; model.pt loads on a CPU",
            partial(_network, place, method, network, (side, channels), classes),
        )


def _network(place: Place, method: str, network: str, shape: tuple[int, int], classes: int) -> tuple[str, bool]:
    path = METHODS[method]
    settings = {"network": network, "steps": STEPS, "evaluations": 1, "score_window": 1, "snapshots": [1.0],
                "diagnosed": 64, "samples": 2, "precision": place.precision}  # fmt: skip
    kind = resolve_method(path)
    data = synthetic(*shape, 2_000, 500, classes, place.device)
    if place.on_gpu:
        torch.cuda.reset_peak_memory_stats(place.device)
    how = choose_execution("graph" if place.on_gpu else "eager", place.device)
    trainer = Trainer(make_recipe(settings, kind=kind.Settings), kind, data, "gpu-check/500/0", how)
    with tempfile.TemporaryDirectory() as folder:
        trainer.run(Path(folder), "gpu-check", lambda _: None)
    contact_sheet(trainer, 2)
    content = torch.load(io.BytesIO(model_file(path, trainer)), weights_only=True)
    elsewhere = [name for part in ("network", "method") for name, tensor in content[part].items() if tensor.is_cuda]
    peak = f"{torch.cuda.max_memory_allocated(place.device) / 2**30:.2f} GiB at most" if place.on_gpu else "on a CPU"
    if trainer.diverged or len(trainer.history) != 1:
        return f"{peak}; the loss is not finite", False
    return f"{peak}; model.pt names a GPU for {elsewhere[0]}" if elsewhere else peak, not elsewhere


def hours(place: Place) -> Iterator[Check]:
    """A step of every dataset's network; then steps × runs × milliseconds."""
    duration: dict[tuple, float] = {}
    everything = list(subjects("graph" if place.on_gpu else "eager", place.precision))
    for subject in dict.fromkeys(subject for *_, subject in everything):
        if (same := _cost(subject)) not in duration:
            yield Check(f"ms a step: {subject}", MEASURED, partial(_once, place, subject, same, duration))
    for table in dict.fromkeys(table for table, *_ in everything):
        rows = [(runs, subject) for name, runs, subject in everything if name == table]
        yield Check(f"hours of the paper's table of {table}", MEASURED, partial(_hours, rows, duration))


def _cost(subject: Subject) -> tuple:
    """What the time of a step depends on."""
    return subject.method, subject.network, subject.side, subject.channels, subject.classes


def _once(place: Place, subject: Subject, same: tuple, duration: dict[tuple, float]) -> tuple[str, bool]:
    data = synthetic(subject.side, subject.channels, 2_000, classes=subject.classes, device=place.device)
    step = fast(subject, data).step
    seconds(step, STEPS, place.device)
    duration[same] = seconds(step, 5 if place.quick else 20, place.device)
    return f"{1000 * duration[same]:.2f} ms", True


def _hours(rows: list[tuple[int, Subject]], duration: dict[tuple, float]) -> tuple[str, bool]:
    if missing := [str(subject) for _, subject in rows if _cost(subject) not in duration]:
        raise Skip(f"there is no time of {missing[0]}")
    runs = sum(count for count, _ in rows)
    spent = sum(count * duration[_cost(subject)] for count, subject in rows) * PAPER_STEPS / 3600
    return f"{spent:,.1f} h for {runs} runs of {PAPER_STEPS:,} steps, one after the other", True
