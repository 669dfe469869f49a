"""What the workflow itself costs: planning 160 and 2,000 runs, and each job beside its training."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

BUDGET = """
budget: cost
report: true
device: cpu
missing_data: skip
data_root: data
cache: .cache
threads: 1
seeds: [{seeds}]
methods:
  mixmatch: {{method: "baselines.mixmatch:MixMatch"}}
  marginmix: {{method: "marginmix.method:MarginMix"}}
recipe: {{steps: 10, evaluations: 5, score_window: 5}}
datasets:
  digits: {{labels: [20]}}
"""

# In the place of `marginmix`: writes whatever --out names, at once.
TRAINER = """#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" = --out ] && out=$2; shift; done
case $out in *.json) echo '{}' > "$out" ;; *) echo '{}' > "$out/result.json"; : > "$out/metrics.csv" ;; esac
"""


def run(cores: int) -> list[dict]:
    """A row for 160 runs and one for 2,000: seconds of a dry run; of all jobs of the smaller, per job."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(ROOT / "workflow", place / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "environment.yml", place)
        (place / "trainer.sh").write_text(TRAINER)
        rows = [{"runs": runs, "plan_seconds": _plan(place, runs)} for runs in (160, 2000)]
        jobs = 1 + 80 + 160  # the data, a split for each seed, the trainings
        planning = _plan(place, 160)
        whole = _snakemake(place, "--cores", str(cores), "--until", "train")
        rows[0] |= {"jobs": jobs, "seconds_per_job": (whole - planning) / jobs}
    return rows


def _plan(place: Path, runs: int) -> float:
    """Seconds of a dry run, the best of three."""
    seeds = ", ".join(map(str, range(runs // 2)))
    (place / "workflow/config/cost.yaml").write_text(BUDGET.format(seeds=seeds))
    return min(_snakemake(place, "--dry-run") for _ in range(3))


def _snakemake(place: Path, *arguments: str) -> float:
    call = [sys.executable, "-m", "snakemake", "--config", "budget=cost", "--quiet", "all", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MARGINMIX_COMMAND": f"sh {place}/trainer.sh"}
    began = time.perf_counter()
    subprocess.run(call, cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
