"""From the start of a job to its first step."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.subjects import METHODS
from marginmix.files import read_json, write_json
from marginmix.runs.methods import resolve_method
from marginmix.runs.recipe import make_recipe
from marginmix.runs.spec import Bits, Machine, Spec, bits_settings, observation_of

DATASET, LABELS, METHOD = "faces", 70, "marginmix"
SETTINGS = {"steps": 1, "evaluations": 1, "score_window": 1, "network": "wrn-10-1"}


def run(device: torch.device, threads: int, repeats: int = 3) -> list[dict]:
    """Seconds of a whole `marginmix train` of one step on faces, evaluated and written: more than its start alone. On a
    GPU it uses the one that this process holds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        spec = _spec(place, device, threads)
        times = [_marginmix("train", str(spec), "--out", str(place / f"out{i}")) for i in range(repeats)]
    return [{"threads": threads, "seconds": sorted(times)[len(times) // 2], "slowest": max(times)}]


def _spec(place: Path, device: torch.device, threads: int) -> Path:
    """The spec of the run, its images decoded into a cache below `place`."""
    cache, described, spec = str(place / "cache"), place / "data.json", place / "spec.json"
    _marginmix("prepare", "--dataset", DATASET, "--cache", cache, "--out", str(described))
    recipe = make_recipe(SETTINGS, kind=resolve_method(METHODS[METHOD]).Settings)
    data = read_json(described)["data_hash"]
    bits = Bits(DATASET, {}, None, data, LABELS, 0, METHODS[METHOD], bits_settings(recipe))
    machine = Machine(device.type, threads, cache=cache)
    write_json(spec, Spec("startup", METHOD, bits, observation_of(recipe), machine).to_json())
    return spec


def _marginmix(*arguments: str) -> float:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "marginmix", *arguments], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"marginmix {arguments[0]} failed:\n{done.stderr}")
    return time.perf_counter() - began
