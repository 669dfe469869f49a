"""The parts of the check, in their order, and each in a process of its own.

So an error of a GPU, or a GPU that hangs, ends one part and not the others.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from benchmarks.gpu_check import arithmetic, buffers, machine, paper, same_bits, sharing, speed
from benchmarks.gpu_check.checks import FAILED, PASSED, SKIPPED, Check, Place, Row, carry_out, in_one_line
from marginmix.training import devices

LIMIT_S = 600.0
ALL, FIRST, EACH = "all GPUs", "the first GPU", "each GPU"


@dataclass(frozen=True)
class Part:
    """`on`: what one of its processes sees. `without`: whether it says something on a machine without a GPU."""

    checks: Callable[[Place], Iterator[Check]]
    on: str = FIRST
    without: bool = False


PARTS = {
    "machine": Part(machine.checks, ALL, without=True),
    "flags": Part(arithmetic.flags, EACH, without=True),
    "numerics": Part(arithmetic.numerics, EACH, without=True),
    "bits": Part(same_bits.checks, EACH, without=True),
    "networks": Part(paper.networks),
    "buffers": Part(buffers.checks),
    "speed": Part(speed.checks),
    "leases": Part(sharing.checks, ALL),
    "together": Part(sharing.together_on_one),
    "hours": Part(paper.hours),
}


def carried_out(name: str, gpus: Sequence[str], quick: bool) -> Iterator[Row]:
    """The rows of a part, on the GPUs of these names; without any, in this process."""
    part = PARTS[name]
    if not gpus:
        if part.without:
            yield from in_this_process(name, "cpu", quick)
        else:
            yield Row(name, "", "no GPU here", SKIPPED)
        return
    if part.on == ALL:
        yield from in_a_process(name, None, quick)
        return
    # One GPU is seen anyway, and a MIG instance that is not listed goes by no other name.
    seen = {gpu: gpu if len(gpus) > 1 else None for gpu in (gpus if part.on == EACH else gpus[:1])}
    found = {gpu: list(in_a_process(name, chosen, quick)) for gpu, chosen in seen.items()}
    for gpu, rows in found.items():
        ending = f", {gpu}" if len(found) > 1 else ""
        yield from (replace(row, check=row.check + ending) for row in rows)
    if name == "bits" and len(found) > 1:
        yield agreement(found)


def agreement(found: dict[str, list[Row]]) -> Row:
    """Whether all GPUs of a kind have the same bits; their rows end in a digest."""
    digests = [{row.check: row.found for row in rows if row.status == PASSED} for rows in found.values()]
    differing = [name for name in digests[0] if len({digest.get(name) for digest in digests}) > 1]
    told = f"they differ in {', '.join(differing)}" if differing else f"{len(digests[0])} rows alike"
    return Row("bits: GPUs", "each has the bits of the others, if they are of one kind", told,
               FAILED if differing else PASSED)  # fmt: skip


def in_this_process(name: str, device: str, quick: bool) -> Iterator[Row]:
    """Each row when it is there; an error between two checks is a row, too."""
    part = PARTS[name]
    try:
        chosen = torch.device(device)
        if part.on != ALL:  # else the trainings that it starts take the GPUs one by one
            chosen = devices.choose(device)
            devices.prepare(chosen, 1, exact=True)
        for check in part.checks(Place(chosen, quick)):
            row = carry_out(check)
            yield replace(row, check=f"{name}: {row.check}")
            if chosen.type == "cuda":
                gc.collect()  # a learner and its recorded step hold each other, and the GPU's memory
                torch.cuda.empty_cache()
    except Exception as error:
        yield Row(name, "all of its checks are made", in_one_line(error), FAILED)


def in_a_process(name: str, gpu: str | None, quick: bool) -> Iterator[Row]:
    """The rows of a process that sees `gpu` only, or all of them. Where it dies or hangs, one more."""
    environment = os.environ if gpu is None else {**os.environ, "CUDA_VISIBLE_DEVICES": gpu}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows")
        file.touch()
        call = [sys.executable, "-m", __name__, name, str(file), *(["quick"] if quick else [])]
        process = subprocess.Popen(call, env=environment, start_new_session=True)
        try:
            code = process.wait(LIMIT_S)
            ending = f"it ended with {signal.Signals(-code).name if code < 0 else f'exit code {code}'}" if code else ""
        except subprocess.TimeoutExpired:
            ending = f"it did not end in {LIMIT_S:.0f} s"
        finally:
            if process.poll() is None:  # the processes that it has started, too
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        yield from (Row(**json.loads(line)) for line in file.read_text().splitlines())
    if ending:
        yield Row(name, "its process ends by itself", f"{ending}; what it said is above", FAILED)


def main(name: str, file: str, quick: bool) -> None:
    with Path(file).open("a") as rows:
        for row in in_this_process(name, "cuda", quick):
            rows.write(json.dumps(asdict(row)) + "\n")
            rows.flush()
            print(f"{row.check}: {row.status}, {row.found}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "quick" in sys.argv[3:])
