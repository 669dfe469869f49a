"""A recorded step keeps its tensors where they are; and a step that a replay would not repeat is found."""

import contextlib
import io
from collections.abc import Iterator
from functools import partial

import torch

from baselines.mixmatch import MixMatch
from benchmarks.gpu_check.checks import Check, Place
from benchmarks.gpu_check.same_bits import ALL, GRAPH, QUICK
from benchmarks.gpu_check.toy import on_device, toy_data, toy_trainer
from marginmix.errors import UserError
from marginmix.training.execution import EAGER, WARM_UP, Execution
from marginmix.training.in_place import Kept
from marginmix.training.trainer import Trainer

COUNTER = "Trainer.completed"
"""The host's own count of steps, which no step reads."""


class Replacing(MixMatch):
    """Trains rightly step by step. A replay would read the old tensor for ever."""

    def __init__(self, recipe, task):
        super().__init__(recipe, task)
        self.register_buffer("seen", torch.zeros(3, dtype=torch.float64))

    def prepare(self, seen, labels, step):
        self.seen = 0.9 * self.seen + labels.sum(0)


class Asking(MixMatch):
    """Asks the host for a number, which a recording cannot wait for."""

    def prepare(self, seen, labels, step):
        labels.sum().item()


def checks(place: Place) -> Iterator[Check]:
    for case in QUICK if place.quick else ALL:
        yield Check(f"{case}: tensors", "in place over recording and replays", partial(in_place, place, case))
    yield Check("a method that replaces a buffer", "is refused, and the buffer named", partial(_refused, place))
    yield Check(
        "a method that asks the host", "trains without a graph as it does eagerly, and says why", partial(_told, place)
    )


def in_place(place: Place, case: str) -> tuple[str, bool]:
    name, settings = ALL[case]
    trainer = _trainer(place, name, GRAPH, **settings)
    _steps(trainer, WARM_UP)
    kept = Kept(trainer.holders())
    _steps(trainer, WARM_UP)  # the first of them is recorded
    moved = [name for name in kept.changed() if name != COUNTER]
    return f"moved: {', '.join(moved)}" if moved else "in place", not moved and trainer.execution == GRAPH


def _refused(place: Place) -> tuple[str, bool]:
    try:
        _steps(_trainer(place, f"{__name__}:Replacing", GRAPH))
    except UserError as error:
        return str(error), "changes Replacing.seen other than in place" in str(error)
    return "it trained", False


def _told(place: Place) -> tuple[str, bool]:
    said = io.StringIO()
    states = []
    with contextlib.redirect_stderr(said):
        for how in (Execution(compiled=False, captured=True, may_fail=True), EAGER):
            trainer = _trainer(place, f"{__name__}:Asking", how)
            _steps(trainer)
            states.append(trainer.network.state_dict().values())
            if trainer.execution.captured:
                return "it was recorded", False
    line = said.getvalue().strip()
    same = all(torch.equal(a, b) for a, b in zip(*states, strict=True))
    # The end of a recording that failed has an error of its own, which says nothing.
    told = "cannot be recorded" in line and "previous error during capture" not in line
    return f"{line or 'nothing was said'}; {'the same weights' if same else 'other weights'}", told and same


def _trainer(place: Place, name: str, how: Execution, **settings: object) -> Trainer:
    data = on_device(toy_data(torch.float32), place.device)
    trainer = toy_trainer(name, data, "gpu-check/15/0", how, **{**settings, "precision": place.precision})
    trainer.start()
    return trainer


def _steps(trainer: Trainer, count: int = 2 * WARM_UP) -> None:
    for _ in range(count):
        trainer.step()
