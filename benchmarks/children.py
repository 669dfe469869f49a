"""Measurements that need a process of their own: peak memory, and several runs at once on one device."""

import json
import os
import subprocess
import sys
import time

import torch

from benchmarks.parts import peak_bytes
from benchmarks.subjects import Subject, fast, plain, synthetic
from benchmarks.timing import seconds, wait_for
from marginmix.training import devices


def start(order: dict) -> subprocess.Popen:
    call = [sys.executable, "-m", "benchmarks.children", json.dumps(order)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(order["threads"])}
    return subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def measured_alone(subject: Subject, device: torch.device, threads: int, images: int = 10_000) -> dict:
    """Peak memory in bytes of three steps of `subject` in a process of its own, and what the images take of it."""
    child = start({"subject": vars(subject), "device": str(device), "threads": threads, "images": images, "for_s": 0})
    return json.loads(_finish(child))


def together(subject: Subject, device: torch.device, threads: int, processes: int, for_s: float) -> float:
    """Steps a second of `processes` runs at once, added up. They begin together, when all have warmed up."""
    order = {"subject": vars(subject), "device": str(device), "threads": threads, "images": 10_000, "for_s": for_s}
    children = [start(order) for _ in range(processes)]
    for child in children:
        child.stdout.readline()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    return sum(json.loads(_finish(child))["steps_per_second"] for child in children)


def _finish(child: subprocess.Popen) -> str:
    output, _ = child.communicate()
    if child.returncode:
        raise RuntimeError("a measurement in a process of its own failed; its error is above")
    return output.splitlines()[-1]


def obey(order: dict) -> dict:
    """What a child does."""
    device, subject = torch.device(order["device"]), Subject(**order["subject"])
    devices.prepare(device, order["threads"], exact=True)
    data = synthetic(subject.side, subject.channels, order["images"], device=device)
    if subject.mode == "plain":
        # One loader process for each thread beyond the first, as one who has the cores would set it.
        step = plain(subject, data, workers=order["threads"] if order["threads"] > 1 else 0)
    else:
        step = fast(subject, data).step
    seconds(step, 5 if order["for_s"] else 3, device)
    result = {"peak_bytes": peak_bytes(device), "images_bytes": data.images.numel()}
    if order["for_s"]:
        print("ready", flush=True)
        sys.stdin.readline()
        began, steps = time.perf_counter(), 0
        while time.perf_counter() - began < order["for_s"]:
            step()
            steps += 1
            if steps % 8 == 0:
                wait_for(device)
        wait_for(device)
        result["steps_per_second"] = steps / (time.perf_counter() - began)
    return result


if __name__ == "__main__":
    print(json.dumps(obey(json.loads(sys.argv[1]))))
