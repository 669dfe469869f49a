"""Where a step's time goes."""

import time
from pathlib import Path

import torch

from benchmarks.timing import wait_for
from marginmix.methods.step import guess_labels, mixed_losses
from marginmix.training.learner import Learner

PARTS = ("draws", "guesses", "gradient", "update")


def shares(learner: Learner, steps: int) -> dict[str, float]:
    """Share of the time, in percent, of draws and views; of guessing labels; of the forward and backward on mixtures;
    of Adam, average, decay and sums. Measured eagerly, each part waited for."""
    spent = dict.fromkeys(PARTS, 0.0)
    method, recipe = learner.method, learner.recipe
    tracked = recipe.batch_norm_updates == "every"

    def done(part: str) -> None:
        nonlocal began
        wait_for(learner.device)
        now = time.perf_counter()
        spent[part] += now - began
        began = now

    for _ in range(steps):
        wait_for(learner.device)
        began = time.perf_counter()
        learner.supply.refill(learner.completed)
        draws = learner.supply.take(learner.clock)
        images, labels, unlabelled = learner.views(draws)
        done("draws")
        step = learner.clock.to(learner.dtype)
        guesses = guess_labels(method, learner.network.train(), images, labels, step, tracked)
        done("guesses")
        terms = mixed_losses(method, learner.network, images, labels, guesses, draws, step)
        learner.descend(terms)
        done("gradient")
        learner.update()
        learner.sums.add(terms, guesses, learner.data.targets[unlabelled])
        learner.completed += 1
        done("update")
    total = sum(spent.values())
    return {f"{part}_percent": 100 * value / total for part, value in spent.items()}


def peak_bytes(device: torch.device) -> int:
    """The most that this process held so far: of the GPU's memory, or of the machine's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Not getrusage: a child starts there with what its parent had.
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
