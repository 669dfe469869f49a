"""What the workflow itself costs: planning 160 and 2,000 runs, and each job beside its training."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from marginmix.runs.config import load
from marginmix.runs.paths import RESULT
from marginmix.runs.plan import Plan

ROOT = Path(__file__).parents[1]

EXPERIMENT = """
experiment: cost
report: true
device: cpu
missing: skip
data_root: data
cache: .cache
threads: 1
seeds: [{seeds}]
methods:
  mixmatch: {{method_class: "baselines.mixmatch:MixMatch"}}
  marginmix: {{method_class: "marginmix.methods.marginmix:MarginMix"}}
recipe: {{steps: 10, evaluations: 5, score_window: 5}}
datasets:
  digits: {{labels: [20]}}
"""

DATA = "0123456789abcdef"
# In the place of `marginmix`: describes a dataset, or leaves the files of a run, at once.
TRAINER = f"""#!/bin/sh
command=$1
while [ $# -gt 1 ]; do [ "$1" = --out ] && out=$2; shift; done
case $command in
    prepare) echo '{{"data_hash": "{DATA}"}}' > "$out" ;;
    train) cd "$out" && echo '{{}}' > result.json && touch metrics.csv observations.npz model.pt split.json ;;
esac
"""


def run(cores: int, sizes: tuple[int, int] = (160, 2000), times: int = 3) -> list[dict]:
    """A row for each number of runs, each in `sizes` even: seconds of a dry run, the best of `times`. For the first of
    them also the seconds of all jobs, per job. The data are decoded before, or there would be nothing to plan."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(ROOT / "workflow", place / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "environment.yml", place)
        (place / "trainer.sh").write_text(TRAINER)
        _ask_for(place, sizes[0])
        _snakemake(place, "--cores", "1", "--until", "prepare")
        rows = [{"runs": runs, "plan_seconds": _plan(place, runs, times)} for runs in sizes]
        _ask_for(place, sizes[0])
        results = [f"{run.folder(DATA)}/{RESULT}" for run in Plan(load(place / "workflow", "cost")).runs.values()]
        planning = min(_snakemake(place, "--dry-run", *results) for _ in range(times))
        whole = _snakemake(place, "--cores", str(cores), *results)
        rows[0] |= {"jobs": len(results), "seconds_per_job": (whole - planning) / len(results)}
    return rows


def _ask_for(place: Path, runs: int) -> None:
    seeds = ", ".join(map(str, range(runs // 2)))
    (place / "workflow/config/cost.yaml").write_text(EXPERIMENT.format(seeds=seeds))


def _plan(place: Path, runs: int, times: int) -> float:
    """Seconds of a dry run."""
    _ask_for(place, runs)
    return min(_snakemake(place, "--dry-run") for _ in range(times))


def _snakemake(place: Path, *arguments: str) -> float:
    call = [sys.executable, "-m", "snakemake", "--config", "experiment=cost", "--quiet", "all", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MARGINMIX_COMMAND": f"sh {place}/trainer.sh"}
    began = time.perf_counter()
    subprocess.run(call, cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
