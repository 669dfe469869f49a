"""Copies of the workflow to plan and run in, with a trainer that takes no time (`fake_marginmix.py`)."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
NO_TORCH = str(Path(__file__).with_name("no_torch"))
TIME_LIMIT_S = 300
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

TINY = """
experiment: tiny
report: true
device: cpu
missing: skip
data_root: data
cache: .cache
threads: 1
seeds: [0]
methods:
  mixmatch: {method_class: "baselines.mixmatch:MixMatch"}
  marginmix: {method_class: "marginmix.methods.marginmix:MarginMix"}
recipe: {steps: 10, evaluations: 5, score_window: 5}
datasets:
  digits: {labels: [20]}
embeddings:
  recipe: {network: alexnet-2d, steps: 10, evaluations: 5, score_window: 5, snapshots: [0.5, 1.0]}
  datasets: {digits: {}}
"""


NO_PICTURE = """from pathlib import Path

for path in snakemake.output:
    Path(path).write_bytes(b"no picture")
"""


class Copy:
    """A folder with the workflow, and Snakemake in it. Unless it `needs_torch`, a module that has no more than names
    stands in for that: planning imports it, and a test calls Snakemake often."""

    needs_torch = False

    def __init__(self, folder: Path, interpreter: str = sys.executable):
        self.folder, self.interpreter = folder, interpreter

    @classmethod
    def make(cls, folder: Path, *more: str, interpreter: str = sys.executable) -> "Copy":
        """The workflow with the experiment `tiny`, and `more` files and folders of the repository."""
        shutil.copytree(ROOT / "workflow", folder / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("environment.yml", ".gitignore", *more):
            copy_over(ROOT / name, folder / name)
        copy = cls(folder, interpreter)
        copy.add_experiment("tiny", TINY)
        return copy

    @classmethod
    def with_evidence(cls, folder: Path) -> "Copy":
        """With all that git keeps below results/ and figures/."""
        pictures = [path.relative_to(ROOT).as_posix() for path in (ROOT / "figures").glob("*.png")]
        tables = ["results/published", "results/studies", "results/tables.md", "results/tables.csv"]
        return cls.make(folder, *tables, *pictures)

    def duplicate(self, folder: Path) -> "Copy":
        shutil.copytree(self.folder, folder, symlinks=True)
        copy = type(self)(folder, self.interpreter)
        copy.needs_torch = self.needs_torch
        return copy

    def without_pictures(self) -> "Copy":
        """Figures take no time: each is a file that holds none."""
        for script in self.folder.glob("workflow/scripts/figure_*.py"):
            script.write_text(NO_PICTURE)
        return self

    def add_experiment(self, name: str, text: str) -> None:
        path = self.folder / "workflow" / "config" / f"{name}.yaml"
        path.write_text(text.replace("experiment: tiny", f"experiment: {name}"))

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run it, stdout and stderr together in `.stdout`; a time limit in case it hangs."""
        return self.run(*self._call, *arguments, **{**self._fake, **environment})

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """The same, and do not wait for its end."""
        environment = self._environment({**self._fake, **environment})
        return subprocess.Popen([*self._call, *arguments], cwd=self.folder, env=environment, **QUIET)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess:
        environment = self._environment(environment)
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.run(command, cwd=self.folder, env=environment, timeout=TIME_LIMIT_S, **both)

    @property
    def _call(self) -> list[str]:
        return [self.interpreter, "-m", "snakemake", "--cores", "2"]

    @property
    def _fake(self) -> dict[str, str]:
        trainer = [self.interpreter, str(Path(__file__).with_name("fake_marginmix.py"))]
        return {"MARGINMIX_COMMAND": shlex.join(trainer)}

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        hidden = {"CUDA_VISIBLE_DEVICES": "", "XDG_CACHE_HOME": str(self.folder / ".snakemake" / "xdg")}
        found = {**os.environ, **hidden, **more}
        if not self.needs_torch:
            found["PYTHONPATH"] = os.pathsep.join(filter(None, [NO_TORCH, found.get("PYTHONPATH")]))
        return found

    def planned(self, *arguments: str, **environment: str) -> dict[str, int]:
        """Jobs by rule that a dry run lists; none when there is nothing to do."""
        done = self.snakemake("--dry-run", *arguments, **environment)
        assert done.returncode == 0, done.stdout
        return jobs_in(done.stdout)

    def calls(self, command: str) -> list[str]:
        """The command lines with which the fake trainer was called for `command`, so far."""
        return [line for line in self._lines("calls.txt") if line.startswith(f"{command} ")]

    def trained(self) -> list[str]:
        """<dataset>/<labels>/<method>/<seed>/<identity> of every training so far, in order."""
        return self._lines("trained.txt")

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def results(self, experiment: str, method: str) -> list[Path]:
        """result.json of the method's runs in the experiment."""
        return sorted(self.folder.glob(f"results/runs/{experiment}/*/*/{method}/*/*/result.json"))

    def commit(self) -> None:
        """All that is not ignored becomes a commit of a repository of its own."""
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "all")

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout


def write_images(root: Path) -> Path:
    """A folder of 24 training and 6 test images of two classes; the first of them all is returned."""
    for part, count in (("train", 12), ("test", 3)):
        for label, shade in (("dark", 0), ("light", 200)):
            (root / part / label).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(np.full((8, 8), shade + i, np.uint8)).save(root / part / label / f"{i}.png")
    return root / "train" / "dark" / "0.png"


def copy_over(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def jobs_in(output: str) -> dict[str, int]:
    """The first table of jobs that Snakemake prints."""
    if "Nothing to be done" in output:
        return {}
    table = output.partition("Job stats:")[2].partition("\ntotal")[0]
    found = {name: int(count) for name, count in re.findall(r"^([\w-]+) +(\d+)$", table, re.MULTILINE)}
    assert found, output
    return found
