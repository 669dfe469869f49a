"""A training step of every method, network, batch, dtype and execution, beside the plain loop."""

import os
import statistics
import tempfile
from collections import defaultdict
from itertools import product

import torch

from benchmarks import ceilings
from benchmarks.children import measured_alone
from benchmarks.counting import Counter
from benchmarks.parts import shares
from benchmarks.subjects import METHODS, Subject, fast, plain, synthetic
from benchmarks.timing import in_turns, median_ratio, seconds
from marginmix.training import devices

# The paper's network and images, and those of the experiment quick (faces).
NETWORKS = (("wrn-28-2", 32, 3), ("wrn-10-1", 24, 1))
WITH_PLAIN = ("mixmatch", "marginmix")


def grid(full: bool, on_gpu: bool) -> list[Subject]:
    """What is timed: the whole product, or, unless `full`, batches of 64 in bf16 and eager (on a GPU captured too), and
    for the two methods of the comparison also fp32 and torch.compile, which takes minutes on a CPU."""
    modes = ("eager", "compiled", "graph", "compiled-graph") if on_gpu else ("eager", "compiled")
    everything = (
        Subject(method, *network, batch, precision, mode)
        for network, method, batch, precision, mode in product(NETWORKS, METHODS, (64, 16), ("bf16", "fp32"), modes)
    )
    return [subject for subject in everything if full or _usual(subject)]


def _usual(subject: Subject) -> bool:
    special = (subject.precision != "bf16") + ("compiled" in subject.mode)
    return subject.batch == 64 and special <= (subject.method in WITH_PLAIN)


def run(device: torch.device, threads: int, full: bool) -> list[dict]:
    """One row per subject. Those of one network, method and batch are timed in turns, the plain loop among them."""
    devices.prepare(device, threads, exact=True)
    best = {precision: ceilings.measure(device, precision) for precision in ("bf16", "fp32")}
    groups = defaultdict(list)
    for subject in grid(full, device.type == "cuda"):
        groups[subject.network, subject.method, subject.batch].append(subject)
    return [row for group in groups.values() for row in _group(group, device, threads, best)]


def _group(group: list[Subject], device: torch.device, threads: int, best: dict[str, ceilings.Ceilings]) -> list[dict]:
    data = synthetic(group[0].side, group[0].channels, device=device)
    learners = {str(subject): fast(subject, data) for subject in group}
    functions = {name: learner.step for name, learner in learners.items()}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        first = {name: seconds(step, 1, device) for name, step in functions.items()}
    if group[0].method in WITH_PLAIN:
        functions["plain"] = plain(group[0], data, workers=threads)
    turns = in_turns(functions, device)
    rows = []
    for subject in group:
        duration = statistics.median(turns[str(subject)])
        # Counted eagerly: what a compiled step moves cannot be seen from outside, but it computes the same.
        counted = fast(Subject(**{**vars(subject), "mode": "eager"}), data)
        counted.step()
        with Counter() as counter:
            counted.step()
        limits = best[subject.precision]
        rows.append({
            **vars(subject),
            "threads": threads,
            "ms_per_step": 1000 * duration,
            "images_per_second": 2 * subject.batch / duration,
            "times_plain": median_ratio(turns["plain"], turns[str(subject)]) if "plain" in turns else None,
            "gflop_per_step": counter.flops / 1e9,
            "gflops": counter.flops / duration / 1e9,
            "gbytes_per_step": counter.moved / 1e9,
            "gbytes_per_second": counter.moved / duration / 1e9 if "compiled" not in subject.mode else None,
            "floor_over_time": counter.floor(limits) / duration,
            "ceiling_product_gflops": limits.product / 1e9,
            "ceiling_convolution_gflops": limits.convolution / 1e9,
            "ceiling_copy_gbytes": limits.copy / 1e9,
            **(shares(counted, 5) if subject.mode == "eager" else {}),
            "first_step_s": first[str(subject)],
            "peak_mib": measured_alone(subject, device, threads)["peak_bytes"] / 2**20,
        })  # fmt: skip
        print(f"{subject}: {rows[-1]['ms_per_step']:.1f} ms", flush=True)
    if "plain" in turns:
        duration = statistics.median(turns["plain"])
        rows.append({
            **vars(group[0]), "precision": "fp32", "mode": "plain", "threads": threads, "ms_per_step": 1000 * duration,
            "images_per_second": 2 * group[0].batch / duration, "times_plain": 1.0,
        })  # fmt: skip
    return rows
