"""One job at a time on each GPU, with real trainings; and what several at once are worth.

`python -m benchmarks.gpu_check.sharing ARGUMENTS` is `marginmix ARGUMENTS`, and then prints the GPU that it held, and
from when to when.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.children import together
from benchmarks.gpu_check.checks import MEASURED, Check, Place
from benchmarks.gpu_check.toy import METHODS
from benchmarks.subjects import Subject
from marginmix import cli, datasets
from marginmix.files import write_json
from marginmix.runs.spec import Bits, Machine, Spec
from marginmix.training import devices, leases

STEPS = 20
LONG = 1_000_000
LIMIT_S = 180.0
WAITING = "waiting for one"
"""What a training says that finds no free GPU (leases.py)."""


def checks(place: Place) -> Iterator[Check]:
    names = devices.names()
    count = 2 * len(names) + 1
    with tempfile.TemporaryDirectory() as folder:
        trainings = Trainings(Path(folder))
        yield Check(
            f"{count} trainings on {len(names)} GPU(s)", "all wait while the GPUs are held; then one at a time on each",
            partial(_one_each, trainings, names, count),
        )  # fmt: skip
        yield Check("a killed training", "its GPU is free within 1 s", partial(_killed, trainings, names))
        yield Check(
            f"{devices.SLOTS_VARIABLE}=2", "a second training starts on a held GPU", partial(_two, trainings, names)
        )


class Trainings:
    """Real trainings on scikit-learn's digits. `folder` takes their specs, outputs and what they say."""

    def __init__(self, folder: Path, device: str = "cuda"):
        self.folder, self.device, self._count = folder, device, 0
        self.started: list[tuple[subprocess.Popen, Path]] = []
        self._data = datasets.prepare("digits", None, "data", folder / "cache").data_hash

    def start(self, steps: int, environment: Mapping[str, str] | None = None) -> tuple[subprocess.Popen, Path]:
        """A process and the file with what it says."""
        self._count += 1
        settings = {"steps": steps, "batch_size": 6, "network": "wrn-10-1", "precision": "fp32"}
        bits = Bits("digits", {}, None, self._data, 20, self._count, METHODS["marginmix"], settings)
        observed = {"evaluations": 1, "score_window": 1}
        machine = Machine(self.device, cache=str(self.folder / "cache"))
        spec = self.folder / f"{self._count}.json"
        write_json(spec, Spec("gpu-check", "marginmix", bits, observed, machine).to_json())
        call = [sys.executable, "-m", __name__, "train", str(spec), "--out", str(spec.with_suffix(""))]
        # A context that a job leaves on a GPU that it does not hold is then an error.
        given = {**os.environ, "TORCH_CUDA_CHECK_STRAY_CONTEXT": "error", **(environment or {})}
        given.pop(leases.HANDED_DOWN, None)  # else they would use what this process holds
        said = spec.with_suffix(".txt")
        with said.open("w") as file:
            process = subprocess.Popen(call, stdout=file, stderr=file, env=given)
        self.started.append((process, said))
        return process, said

    def end(self) -> None:
        """Let none outlive a check."""
        for process, _ in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.started.clear()


def _one_each(trainings: Trainings, names: list[str], count: int) -> tuple[str, bool]:
    try:
        for name in names:
            leases.take([name], 1)
        for _ in range(count):
            trainings.start(STEPS)
        try:
            _until(WAITING, trainings.started)
        finally:
            for name in names:
                leases.release(name)
        held = [_ended(process, said) for process, said in trainings.started]
    finally:
        trainings.end()
    used = {gpu for gpu, *_ in held}
    crossing = overlaps(held)
    found = f"{len(held)} ended, on {len(used)} of {len(names)} GPU(s), {crossing} at once on one"
    return found, len(held) == count and used == set(names) and not crossing


def _first(names: list[str]) -> dict[str, str]:
    """An environment with the first of the GPUs alone; one GPU is seen anyway."""
    return {"CUDA_VISIBLE_DEVICES": names[0]} if len(names) > 1 else {}


def _killed(trainings: Trainings, names: list[str]) -> tuple[str, bool]:
    try:
        process, said = trainings.start(LONG, _first(names))
        _until("labelled", [(process, said)])  # its first line, once it has its GPU
        process.kill()
        process.wait()
        began = time.perf_counter()
        leases.take(names[:1], 1)
        found = time.perf_counter() - began
        leases.release(names[0])
    finally:
        trainings.end()
    return f"{found:.2f} s", found < 1


def _two(trainings: Trainings, names: list[str]) -> tuple[str, bool]:
    try:
        leases.take(names[:1], 2)
        started = trainings.start(STEPS, {**_first(names), devices.SLOTS_VARIABLE: "2"})
        gpu, *_ = _ended(*started)
    finally:
        leases.release(names[0])
        trainings.end()
    waited = WAITING in started[1].read_text()
    return "it waited" if waited else "it started", gpu == names[0] and not waited


def _until(words: str, started: Iterable[tuple[subprocess.Popen, Path]]) -> None:
    """Wait until all have said `words`; `RuntimeError` where one ends before, or after `LIMIT_S` seconds."""
    deadline = time.monotonic() + LIMIT_S
    for process, said in started:
        while words not in said.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"a training did not say {words!r}, but: {_last_line(said)}")
            time.sleep(0.1)


def _ended(process: subprocess.Popen, said: Path) -> tuple[str, float, float]:
    """The GPU that a training held, and from when to when."""
    if process.wait(LIMIT_S):
        raise RuntimeError(f"a training failed: {_last_line(said)}")
    return tuple(json.loads(_last_line(said)))


def _last_line(said: Path) -> str:
    return (said.read_text().strip().splitlines() or ["nothing"])[-1]


def overlaps(held: Iterable[tuple[str, float, float]]) -> int:
    """Pairs (GPU, from, to) of one GPU that share time."""
    ordered = sorted(held)
    pairs = ((a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :])
    return sum(a[0] == b[0] and b[1] < a[2] for a, b in pairs)


def together_on_one(place: Place) -> Iterator[Check]:
    """Steps a second of all runs on one GPU."""
    subject = Subject("marginmix", "wrn-28-2", 32, 3, 64, place.precision, "graph")
    alone: dict[str, float] = {}
    for count in (1, 2) if place.quick else (1, 2, 4, 8):
        name = f"{count} at once on one GPU, MPS {'on' if mps() else 'off'}: {subject}"
        yield Check(name, MEASURED, partial(_together, place, subject, count, alone))


def _together(place: Place, subject: Subject, count: int, alone: dict[str, float]) -> tuple[str, bool]:
    rate = together(subject, place.device, 1, count, 2.0 if place.quick else 3.0)
    share = f", {rate / alone.setdefault('rate', rate):.2f} times the first" if count > 1 else ""
    alone.setdefault("rate", rate)
    return f"{rate:.1f} steps/s in all{share}", rate > 0


def mps() -> bool:
    """Whether NVIDIA's Multi-Process Service runs: its daemon keeps a pipe in this folder."""
    return (Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")) / "control").exists()


def main(arguments: list[str]) -> int:
    if code := cli.main(arguments):
        return code
    name = os.environ.get(leases.HANDED_DOWN, "").rpartition(" ")[0]
    locks = [path.stat().st_mtime for path in leases.FOLDER.glob(f"{name.replace('/', '_')}.0")]
    print(json.dumps([name, locks[0] if locks else 0.0, time.time()]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
