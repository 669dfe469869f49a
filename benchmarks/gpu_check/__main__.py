"""Check this machine's GPUs in a few minutes: one table, with the first failure named. The exit code is 1 where a check
failed. Without a GPU, what needs none is checked."""

import argparse
import datetime
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.gpu_check.checks import FAILED, Row, table, verdict
from benchmarks.gpu_check.parts import PARTS, carried_out
from marginmix.files import write_atomically
from marginmix.runs import paths
from marginmix.training import devices
from marginmix.training.provenance import provenance

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m marginmix.gpu_check", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PARTS, help=f"parts, of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer methods and steps")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER",
        help=f"where <name of the GPU>.md goes; default: {paths.GPU_CHECK} for the whole check, nowhere for a part",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    gpus = devices.names()
    if not gpus:
        print("PyTorch finds no GPU here: what needs none is checked", flush=True)
    began = time.monotonic()
    rows = [row for name in options.only or PARTS for row in carried_out(name, gpus, options.quick)]
    text = report(
        rows, torch.cuda.get_device_name(0) if gpus else None, len(gpus), options.quick, time.monotonic() - began
    )
    print(text)
    if gpus and (options.out or not (options.only or options.quick)):
        file = (options.out or ROOT / paths.GPU_CHECK) / f"{file_name(torch.cuda.get_device_name(0))}.md"
        write_atomically(file, text)
        print(f"Written to {file}")
    return int(any(row.status == FAILED for row in rows))


def report(rows: Sequence[Row], gpu: str | None, count: int, quick: bool, seconds: float) -> str:
    """The page: what was checked and when, the verdict, the table."""
    title = f"{count} × {gpu}" if count > 1 else gpu or "no GPU"
    commit = provenance(torch.device("cpu"), "eager")["commit"] or "unknown"
    about = f"{datetime.date.today()}, commit {commit}, {seconds / 60:.1f} minutes{', --quick' if quick else ''}."
    return f"# GPU check: {title}\n\n{about}\n{verdict(rows)}\n\n{table(rows)}\n"


def file_name(gpu: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-")


if __name__ == "__main__":
    sys.exit(main())
