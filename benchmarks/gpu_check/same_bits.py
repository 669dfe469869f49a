"""The same bits from a training step by step, as a graph, and stopped half way and resumed in a new process.

`python -m benchmarks.gpu_check.same_bits FOLDER` is that process.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from benchmarks.gpu_check.checks import Check, Place, in_one_line
from benchmarks.gpu_check.numerics import CASES
from benchmarks.gpu_check.toy import on_device, toy_data, toy_trainer
from marginmix.training import devices
from marginmix.training.execution import EAGER, Execution
from marginmix.training.trainer import Trainer

OTHERS = ("baselines.fixmatch:FixMatch", "baselines.mean_teacher:MeanTeacher", "baselines.class_prior:AlignedMixMatch")
ALL = CASES | {path.partition(":")[2]: (path, {}) for path in OTHERS}
QUICK = ("mixmatch", "marginmix")
STEPS = 80
"""Beyond the 64 whose draws travel together."""
GRAPH = Execution(compiled=False, captured=True)
APART = ("seconds", "provenance")
"""What two trainings of the same bits may differ in."""


@dataclass(frozen=True)
class Training:
    """What a new process must know."""

    cases: tuple[str, ...]
    steps: int
    precision: str
    device: str

    def trainer(self, case: str, how: Execution) -> Trainer:
        name, settings = ALL[case]
        data = on_device(toy_data(torch.float32), self.device)
        given = {**settings, "steps": self.steps, "evaluations": 2, "precision": self.precision}
        return toy_trainer(name, data, "gpu-check/15/0", how, **given)

    @property
    def recorded(self) -> Execution:
        return GRAPH if self.device.startswith("cuda") else EAGER


class _Stopped(Exception):
    pass


def checks(place: Place) -> Iterator[Check]:
    cases = QUICK if place.quick else tuple(ALL)
    training = Training(cases, 8 if place.quick else STEPS, place.precision, str(place.device))
    with tempfile.TemporaryDirectory() as folder:
        resumed: dict[str, dict[str, str]] = {}
        yield Check(
            "resume", f"what was stopped at step {training.steps // 2} ends in a new process",
            lambda: _resume(training, Path(folder), resumed),
        )  # fmt: skip
        ways = "eager = graph = resumed" if place.on_gpu else "eager = resumed"
        for case in cases:
            name = f"{case}: {training.steps} steps, {training.precision}, exact"
            yield Check(name, f"{ways}, bit for bit", partial(_same, training, case, Path(folder), resumed))


def _resume(training: Training, folder: Path, resumed: dict) -> tuple[str, bool]:
    for case in training.cases:
        try:
            _train(training.trainer(case, training.recorded), folder / case, training.steps // 2)
        except Exception as error:
            resumed[case] = {"error": in_one_line(error)}
    (folder / "training.json").write_text(json.dumps(vars(training)))
    done = subprocess.run([sys.executable, "-m", __name__, str(folder)], capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no word"])[-1], False
    resumed |= {**json.loads((folder / "resumed.json").read_text()), **resumed}
    failed = [case for case, digests in resumed.items() if "error" in digests]
    return f"{len(resumed) - len(failed)} of {len(training.cases)} resumed", not failed


def _same(training: Training, case: str, folder: Path, resumed: dict) -> tuple[str, bool]:
    found = {}
    for how in dict.fromkeys((EAGER, training.recorded)):
        trainer = training.trainer(case, how)
        _train(trainer, folder / f"{case}, {how.name}")
        if trainer.execution != how:
            return f"trained {trainer.execution.name}, not {how.name}", False
        found[how.name] = digests(trainer)
    found["resumed"] = resumed.get(case, {"error": "it was not resumed"})
    if "error" in found["resumed"]:
        return f"resumed: {found['resumed']['error']}", False
    expected = found["eager"]
    for name, other in found.items():
        if differing := [part for part in expected if other[part] != expected[part]]:
            return f"{name} differs from eager in {', '.join(differing)}", False
    return hashlib.sha256(json.dumps(expected).encode()).hexdigest()[:12], True


def _train(trainer: Trainer, folder: Path, stop: int | None = None) -> None:
    def report(trainer: Trainer) -> None:
        if trainer.completed == stop:
            raise _Stopped

    try:
        trainer.run(folder, "gpu-check", report, every_s=0 if stop else 1e9)
    except _Stopped:
        return


def digests(trainer: Trainer) -> dict[str, str]:
    """A digest of each part of a trainer's state."""
    return {name: _digest(part) for name, part in trainer.state().items() if name not in APART}


def _digest(part: object) -> str:
    found = hashlib.sha256()
    for leaf in tree_leaves(part):
        if isinstance(leaf, Tensor):
            found.update(leaf.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        else:
            found.update(repr(leaf).encode())
    return found.hexdigest()


def main(folder: Path) -> None:
    content = json.loads((folder / "training.json").read_text())
    training = Training(**{**content, "cases": tuple(content["cases"])})
    devices.prepare(torch.device(training.device), 1, exact=True)
    resumed = {}
    for case in training.cases:
        try:
            resumed[case] = _end(training, case, folder)
        except Exception as error:
            resumed[case] = {"error": in_one_line(error)}
    (folder / "resumed.json").write_text(json.dumps(resumed))


def _end(training: Training, case: str, folder: Path) -> dict[str, str]:
    trainer = training.trainer(case, training.recorded)
    trainer.resume(folder / case, "gpu-check")
    if trainer.completed != training.steps // 2:
        raise RuntimeError(f"resumed from step {trainer.completed}")
    _train(trainer, folder / case)
    return digests(trainer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
