"""What a step costs as the dataset and the number of labels grow: time should not, memory only by the dataset."""

import statistics

import torch

from benchmarks.children import measured_alone
from benchmarks.subjects import Subject, fast, synthetic
from benchmarks.timing import in_turns
from marginmix.training import devices

SUBJECT = Subject("marginmix", "wrn-10-1", 32, 3, 64, "bf16", "eager")
SIZES = ((10_000, 1_000), (50_000, 1_000), (500_000, 1_000), (50_000, 250), (50_000, 10_000))


def run(device: torch.device, threads: int) -> list[dict]:
    """One row per (images, labelled): ms a step, timed in turns; peak memory of a process of its own, with and without
    its images."""
    devices.prepare(device, threads, exact=True)
    learners = {
        sizes: fast(SUBJECT, synthetic(SUBJECT.side, SUBJECT.channels, *sizes, device=device)) for sizes in SIZES
    }
    turns = in_turns({sizes: learner.step for sizes, learner in learners.items()}, device)
    rows = []
    for images, labelled in SIZES:
        alone = measured_alone(SUBJECT, device, threads, images)
        rows.append({
            **vars(SUBJECT), "images": images, "labelled": labelled,
            "ms_per_step": 1000 * statistics.median(turns[images, labelled]),
            "images_mib": alone["images_bytes"] / 2**20,
            "peak_mib_beyond_images": (alone["peak_bytes"] - alone["images_bytes"]) / 2**20,
        })  # fmt: skip
    return rows
