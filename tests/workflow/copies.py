"""Copies of the workflow to plan and run in, with a trainer that takes no time (`fake_marginmix.py`)."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TINY = """
budget: tiny
report: true
device: cpu
missing_data: skip
data_root: data
cache: .cache
threads: 1
seeds: [0]
methods:
  mixmatch: {method: "baselines.mixmatch:MixMatch"}
  marginmix: {method: "marginmix.method:MarginMix"}
recipe: {steps: 10, evaluations: 5, score_window: 5}
datasets:
  digits: {labels: [20]}
embeddings:
  recipe: {network: alexnet-2d, steps: 10, evaluations: 5, score_window: 5, snapshots: [0.5, 1.0]}
  datasets: {digits: {}}
"""


class Copy:
    """A folder with the workflow, and Snakemake in it."""

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def make(cls, folder: Path) -> "Copy":
        shutil.copytree(ROOT / "workflow", folder / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "environment.yml", folder)
        copy = cls(folder)
        copy.add_budget("tiny", TINY)
        return copy

    def add_budget(self, name: str, text: str) -> None:
        (self.folder / "workflow" / "config" / f"{name}.yaml").write_text(
            text.replace("budget: tiny", f"budget: {name}")
        )

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run it, stdout and stderr together in `.stdout`; a time limit in case it hangs."""
        trainer = [sys.executable, str(Path(__file__).with_name("fake_marginmix.py"))]
        environment = {
            **os.environ,
            "MARGINMIX_COMMAND": shlex.join(trainer),
            "XDG_CACHE_HOME": str(self.folder / ".cache"),
            **environment,
        }
        call = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        return subprocess.run(
            call,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs by rule that a dry run lists; none when there is nothing to do."""
        done = self.snakemake("--dry-run", *arguments)
        assert done.returncode == 0, done.stdout
        return jobs_in(done.stdout)

    def calls(self, command: str) -> list[str]:
        """The command lines with which the fake trainer was called for `command`, so far."""
        path = self.folder / "calls.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(f"{command} ")]


def jobs_in(output: str) -> dict[str, int]:
    """The first table of jobs that Snakemake prints."""
    if "Nothing to be done" in output:
        return {}
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
