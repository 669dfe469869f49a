"""What is timed: one training step of a method, fast or plain, on synthetic images."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.plain import PlainMarginMix, PlainMixMatch
from benchmarks.plain_data import PlainInput
from marginmix.networks import make_network
from marginmix.runs.methods import resolve_method
from marginmix.runs.recipe import Recipe, make_recipe
from marginmix.training import devices, execution
from marginmix.training.data import TrainingData
from marginmix.training.learner import Learner
from marginmix.views.augment import Scaling

METHODS = {
    "supervised": "baselines.supervised:Supervised",
    "pseudo-label": "baselines.pseudo_label:PseudoLabel",
    "mixup": "baselines.mixup:MixUp",
    "mixmatch": "baselines.mixmatch:MixMatch",
    "marginmix": "marginmix.methods.marginmix:MarginMix",
}


@dataclass(frozen=True)
class Subject:
    """A method, network and so on; `mode` is an execution, or plain."""

    method: str
    network: str
    side: int
    channels: int
    batch: int
    precision: str
    mode: str
    classes: int = 10

    @property
    def recipe(self) -> Recipe:
        settings = {"network": self.network, "batch_size": self.batch, "precision": self.precision}
        if self.method == "marginmix":  # the plain loop is written for these, and both are to do the same
            settings |= {"margin": "triplet", "membership_temperature": 1.0}
        return make_recipe(settings, kind=resolve_method(METHODS[self.method]).Settings)

    def __str__(self) -> str:
        return f"{self.method} {self.network} {self.side}x{self.side} B={self.batch} {self.precision} {self.mode}"


def synthetic(side: int, channels: int, images: int = 10_000, labelled: int = 1_000, classes: int = 10,
              device: torch.device | str = "cpu") -> TrainingData:  # fmt: skip
    """Noise in place of images: what a step computes does not depend on them."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, side, side, channels), dtype=torch.uint8, generator=generator)
    positions, held_out = torch.arange(images, device=device), min(1_000, images // 10)
    labels, rest, validation, test = positions.split([labelled, images - labelled - 2 * held_out, held_out, held_out])
    mean, sd = (torch.full((channels,), value, device=device) for value in (0.5, 0.25))
    return TrainingData(
        pixels.to(device), positions % classes, labels, rest, validation, test,
        training=positions[: labelled + len(rest)], classes=tuple(map(str, range(classes))),
        scaling=Scaling.of("channel", mean, sd), shift=side // 8, flip=True,
    )  # fmt: skip


def fast(subject: Subject, data: TrainingData) -> Learner:
    """Ready for its first step."""
    how = execution.choose(subject.mode, data.images.device)
    learner = Learner(subject.recipe, resolve_method(METHODS[subject.method]), data, "bench/0/0", how)
    labels = data.one_hot(data.labelled, learner.dtype)
    learner.method.start(torch.randn(len(labels), learner.method.task.dimensions, device=labels.device), labels)
    return learner


def plain(subject: Subject, data: TrainingData, workers: int) -> Callable[[], object]:
    """A step of the yardstick, its loader's work included. Published loops do not ask for deterministic kernels, so
    none are used within."""
    learner = fast(replace(subject, mode="eager", precision="fp32"), data)
    # Published loops compute all norms of the port's network, also those whose output nothing reads; ours does not.
    recipe = replace(learner.recipe, stage_input="activated")
    network = make_network(recipe, subject.classes, subject.channels, subject.side).to(data.images.device)
    if subject.method == "marginmix":
        centroids, prior = learner.method.centroids, learner.method.prior.shares
        start = len(data.unlabelled), centroids.numerator, centroids.denominator, prior
        loop = PlainMarginMix(recipe, network, *start)
    else:
        loop = PlainMixMatch(recipe, network)
    source = PlainInput(data, subject.batch, recipe.alpha, workers)
    np.random.seed(0)

    def step() -> dict[str, float]:
        exact = torch.are_deterministic_algorithms_enabled()
        devices.choose_kernels(data.images.device, exact=False)
        try:
            return loop.step(*source.batch())
        finally:
            devices.choose_kernels(data.images.device, exact)

    return step
