"""`python -m benchmarks NAME ...` measures and rewrites benchmarks/results; without names, all but the last two."""

import argparse
import os
from pathlib import Path

import torch

from benchmarks import packing, paper, precision, scaling, startup, steps, workflow_cost
from benchmarks.report import keep, write_report
from marginmix.training import devices

RESULTS = Path(__file__).with_name("results")
NAMES = ("steps", "packing", "scaling", "startup", "workflow", "paper", "precision")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--device", default="auto", help="cuda, cpu or auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads; all by default")
    parser.add_argument("--full", action="store_true", help="steps: the whole grid, on a CPU most of an hour")
    parser.add_argument("--seeds", type=int, default=16, help="precision: pairs a method")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    device = devices.choose(options.device)
    for name in options.names or NAMES[:-2]:
        if name not in NAMES:
            parser.error(f"expected {', '.join(NAMES)}, found {name!r}")
        print(f"== {name}", flush=True)
        keep(options.out / f"{name}.csv", _measure(name, device, options), devices.describe(device)["name"])
    write_report(options.out)


def _measure(name: str, device: torch.device, options: argparse.Namespace) -> list[dict]:
    match name:
        case "steps":
            return steps.run(device, options.threads, options.full)
        case "packing":
            return packing.run(device, options.threads)
        case "scaling":
            return scaling.run(device, options.threads)
        case "paper":
            return paper.run(device, options.threads)
        case "startup":
            return startup.run(device, 1)
        case "workflow":
            return workflow_cost.run(options.threads)
    return precision.run(options.threads, options.seeds, Path(".cache"))


if __name__ == "__main__":
    main()
