"""The network of a run, its average, method and optimiser, and their training step.

Everything that a step reads or writes is a tensor that stays in place, even step number and learning rate. So the same
code runs operation by operation, compiled, or recorded as a CUDA graph.
"""

import hashlib
import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from marginmix.methods.base import Method, Task
from marginmix.methods.mixing import ramp_up
from marginmix.methods.step import compute_losses
from marginmix.networks import make_network
from marginmix.training.data import TrainingData
from marginmix.training.draw_supply import DrawSupply
from marginmix.training.ema import AveragedNetwork, WeightDecay
from marginmix.training.evaluate import embed
from marginmix.training.execution import EAGER, Execution, Recorded, compiled
from marginmix.training.metrics import StepSums
from marginmix.training.optimiser import make_optimiser
from marginmix.views.augment import weak_views
from marginmix.views.step_draws import Drawer, Draws
from marginmix.views.strong import StrongDraws, strong_views


class Learner:
    """`cell` (dataset/labels/seed) seeds everything, equally for all methods."""

    def __init__(
        self, recipe: Method.Settings, method: type[Method], data: TrainingData, cell: str, execution: Execution = EAGER
    ):
        self.recipe, self.data, self.device = recipe, data, data.images.device
        self.dtype = torch.float64 if recipe.precision == "fp64" else torch.float32
        torch.manual_seed(int.from_bytes(hashlib.sha256(f"{cell}/init".encode()).digest()[:7], "little"))
        self.network = make_network(recipe, len(data.classes), data.channels, data.side)
        self.network.to(self.device, self.dtype, memory_format=torch.channels_last)
        self.average = AveragedNetwork(self.network, recipe.ema_decay, recipe.ema_over)
        # Adam's fused kernel for GPUs reads its learning rate as float32.
        exactly = torch.float32 if self.device.type == "cuda" else torch.float64
        self.rate = torch.zeros((), dtype=exactly, device=self.device)
        self.optimiser = make_optimiser(recipe, self.network, self.rate)
        apart = recipe.weight_decay if recipe.optimiser == "adam" else 0.0
        self.decay = WeightDecay(self.network, apart, recipe.weight_decay_on)
        counts = data.one_hot(data.labelled, self.dtype).sum(0)
        _, sample = embed(self.network, data.images[:1], data.scaling, recipe.precision)
        shares = counts / counts.sum()
        self.method = method(recipe, Task(len(data.classes), sample.shape[1], counts, len(data.unlabelled), shares))
        self.method.to(self.device, self.dtype)
        self.drawer = Drawer(
            cell, len(data.labelled), len(data.unlabelled), recipe.batch_size, recipe.augmentations, recipe.alpha,
            recipe.mixup_lambda == "example", max(1, 2 * data.shift + (recipe.crop_offsets == "closed")),
            data.flip, self.method.strong, recipe.unlabelled_ratio,
        )  # fmt: skip
        self.supply = DrawSupply(self.drawer, self.device)
        self.sums = StepSums(self.device)
        self.clock = torch.zeros((), dtype=torch.int64, device=self.device)
        self.compute = compiled(compute_losses) if execution.compiled else compute_losses
        self.advance = self.one_step
        if execution.captured:
            self.advance = Recorded(self.one_step, self.holders, execution.may_fail)
        self._asked = execution
        self.completed = 0

    @property
    def execution(self) -> Execution:
        """How steps run: as asked for, unless recording a graph failed."""
        return replace(self._asked, captured=isinstance(self.advance, Recorded) and self.advance.captured)

    def holders(self) -> list[object]:
        """The objects that hold what a step reads and writes."""
        modules = self.network, self.average.module, self.method
        return [self, self.sums, self.optimiser, *(part for module in modules for part in module.modules())]

    @property
    def looking(self) -> nn.Module:
        """The network that guesses labels, in training mode."""
        return (self.network if self.recipe.teacher == "online" else self.average.module).train()

    def step(self) -> None:
        """One step. The host supplies draws and counts; the device does the rest."""
        self.supply.refill(self.completed)
        self.advance()
        self.completed += 1

    def one_step(self) -> None:
        """Draw, augment, label, mix, update."""
        draws = self.supply.take(self.clock)
        images, labels, unlabelled = self.views(draws)
        done = self.clock.to(self.dtype)
        terms, guesses = self.compute(self.method, self.network.train(), self.looking, images, labels, draws, done)
        self.descend(terms)
        self.update()
        self.sums.add(terms, guesses, self.data.targets[unlabelled])

    def views(self, draws: Draws) -> tuple[Tensor, Tensor, Tensor]:
        """Augmented, scaled images [M, channels, side, side]: weak views, labelled first, then strong views of
        the unlabelled images where the method wants them; labels [B, C]; the unlabelled images' indices [µB]."""
        data, recipe = self.data, self.recipe
        labelled, unlabelled = data.labelled[draws.labelled], data.unlabelled[draws.unlabelled]
        repeats = 0 if self.method.looks_at == "nothing" else recipe.augmentations
        indices = torch.cat([labelled, *[unlabelled] * repeats])
        part = slice(len(indices))
        images = weak_views(data.images, indices, draws.offsets[part], draws.flips[part], data.shift)
        if self.method.strong:
            first = images[len(labelled) :][: len(unlabelled)]
            images = torch.cat([images, strong_views(first, StrongDraws.unpacked(draws.strong))])
        return data.scaling(images), data.one_hot(labelled, self.dtype), unlabelled

    def descend(self, terms: dict[str, Tensor]) -> None:
        """Compute the gradient of the sum of the loss `terms`."""
        self.optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()

    def update(self) -> None:
        """Apply the optimiser, the average and weight decay, and count the step."""
        self.rate.copy_(self.learning_rate(self.clock))
        self.optimiser.step()
        self.average.update()
        self.decay.apply(self.rate)
        self.clock += 1

    def learning_rate(self, step: Tensor) -> Tensor:
        """The rate after `step` steps: a cosine that ends at a fifth (Sohn et al. 2020); or constant, with a linear
        fall to 0 over the last share `decay_last` of the run."""
        recipe, done = self.recipe, step.double()
        if recipe.schedule == "cosine":
            return recipe.learning_rate * torch.cos(7 / 16 * math.pi / recipe.steps * done)
        return recipe.learning_rate * ramp_up(recipe.steps - done, recipe.steps, recipe.decay_last)
