"""Several runs at once on one device: what is the total worth?"""

import torch

from benchmarks.children import together
from benchmarks.steps import NETWORKS, WITH_PLAIN
from benchmarks.subjects import Subject


def run(device: torch.device, threads: int, for_s: float = 8.0) -> list[dict]:
    """Rows of steps a second over all runs. A GPU: 1, 2, 4, 8 runs. A CPU: all threads to one run, or one to each; the
    plain loop in the same two ways."""
    if device.type == "cuda":
        ways = [("graph", 1, processes) for processes in (1, 2, 4, 8)]
    else:
        ways = [(mode, t, p) for mode in ("eager", "plain") for t, p in dict.fromkeys([(threads, 1), (1, threads)])]
    rows = []
    for network, side, channels in NETWORKS:
        for method in WITH_PLAIN:
            for mode, each, processes in ways:
                subject = Subject(method, network, side, channels, 64, "fp32" if mode == "plain" else "bf16", mode)
                rate = together(subject, device, each, processes, for_s)
                rows.append({**vars(subject), "runs": processes, "threads": each, "steps_per_second": rate})
                print(f"{subject}, {processes} at once: {rate:.2f} steps/s", flush=True)
    return rows
