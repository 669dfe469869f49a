"""From the start of a job to its first step."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(threads: int, repeats: int = 3) -> list[dict]:
    """Seconds of a whole `marginmix train` of one step on faces, evaluated and written: more than its start alone."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        dataset = ["--dataset", "faces", "--cache", str(place / "cache")]
        _marginmix("split", *dataset, "--labels", "70", "--seed", "0", "--out", str(place / "split.json"))
        times = []
        for i in range(repeats):
            times.append(_marginmix(
                "train", *dataset, "--split", str(place / "split.json"), "--budget", "startup", "--name", "marginmix",
                "--method", "marginmix.method:MarginMix", "--threads", str(threads), "--out", str(place / f"out{i}"),
                "--checkpoints", str(place / f"checkpoints{i}"),
                "--set", "steps=1", "evaluations=1", "score_window=1", "network=wrn-10-1",
            ))  # fmt: skip
    return [{"threads": threads, "seconds": sorted(times)[len(times) // 2], "slowest": max(times)}]


def _marginmix(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "marginmix.cli", *arguments], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
