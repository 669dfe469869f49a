"""The loop: steps, evaluations, checkpoints. A run is its state; all chance is a function of the step."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from marginmix.augment import weak_views
from marginmix.networks import make_network
from marginmix.recipe import Recipe
from marginmix.step import Method, Task, compute_losses
from marginmix.step_draws import Drawer
from marginmix.training import checkpoints, devices
from marginmix.training.data import TrainingData
from marginmix.training.ema import AveragedNetwork, WeightDecay
from marginmix.training.evaluate import accuracy, balanced_accuracy, embed, evaluate, recalls
from marginmix.training.metrics import StepSums, centroid_metrics

Row = dict[str, float]


class Trainer:
    """One run on one cell: network, its average, method, optimiser and history.

    `cell` (dataset/labels/seed) seeds everything, the same for all methods.
    """

    def __init__(self, recipe: Recipe, method: type[Method], data: TrainingData, cell: str):
        self.recipe, self.data, self.device = recipe, data, data.images.device
        dtype = torch.float64 if recipe.precision == "fp64" else torch.float32
        torch.manual_seed(int.from_bytes(hashlib.sha256(f"{cell}/init".encode()).digest()[:7], "little"))
        classes = len(data.classes)
        self.network = make_network(recipe, classes, data.channels, data.side)
        self.network.to(self.device, dtype, memory_format=torch.channels_last)
        self.average = AveragedNetwork(self.network, recipe.ema_decay, recipe.ema_over)
        self.decay = WeightDecay(self.network, recipe.weight_decay, recipe.weight_decay_on)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate, foreach=True)
        counts = F.one_hot(data.targets[data.labelled], classes).sum(0).to(dtype)
        _, sample = embed(self.network, data.images[:1], data.scaling, recipe.precision)
        self.method = method(recipe, Task(classes, sample.shape[1], counts.cpu(), len(data.unlabelled)))
        self.method.to(self.device, dtype)
        self.drawer = Drawer(
            cell, len(data.labelled), len(data.unlabelled), recipe.batch_size, recipe.augmentations, recipe.alpha,
            recipe.mixup_lambda == "example", max(1, 2 * data.shift + (recipe.crop_offsets == "closed")),
            data.flip,
        )  # fmt: skip
        self.sums = StepSums(self.device)
        self.completed = 0
        self.history: list[Row] = []
        self.confusion: list[list[int]] = []
        self.snapshots: dict[str, dict[str, Tensor]] = {}
        self.diverged = False
        self.seconds = 0.0
        """Wall time of training and evaluation up to the last evaluation, over all the parts of a resumed run."""
        self.hardware = [devices.describe(self.device)]
        """Where the parts of the run were made: one entry, unless it was resumed elsewhere."""

    # One step

    def learning_rate(self) -> float:
        """Constant, then falling linearly to 0 over the last share `decay_last` of the run."""
        left = 1 - self.completed / self.recipe.steps
        return self.recipe.learning_rate * (min(1.0, left / self.recipe.decay_last) if self.recipe.decay_last else 1.0)

    def step(self) -> None:
        """Draw, augment, label, mix, update."""
        data, recipe = self.data, self.recipe
        draws = self.drawer.step(self.completed).to(self.device)
        labelled, unlabelled = data.labelled[draws.labelled], data.unlabelled[draws.unlabelled]
        indices = torch.cat([labelled, *[unlabelled] * recipe.augmentations])
        images = data.scaling(weak_views(data.images, indices, draws.offsets, draws.flips, data.shift))
        labels = F.one_hot(data.targets[labelled], len(data.classes)).to(images.dtype)

        self.network.train()
        looking = self.network
        if recipe.centroid_network == "ema":
            looking = self.average.module.train()
        terms, guesses = compute_losses(self.method, self.network, looking, images, labels, draws, self.completed)
        loss = torch.stack(list(terms.values())).sum()

        rate = self.learning_rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update()
        self.decay.apply(rate)
        self.sums.add(terms, guesses, data.targets[unlabelled])
        self.completed += 1

    # Evaluation

    def evaluate(self) -> Row:
        """One row of metrics.csv: means since the last row, and the averaged network on validation and test images."""
        data, network = self.data, self.average.module
        row: Row = {"step": self.completed, **self.sums.means_and_reset()}
        row["lambda_u"], row["learning_rate"] = self.method.unlabelled_weight(self.completed), self.learning_rate()
        held_out = evaluate(self.method, network, data.images[data.test], data.targets[data.test], data.scaling)
        row |= {"accuracy": accuracy(held_out.head), "balanced_accuracy": balanced_accuracy(held_out.head)}
        if held_out.centroid is not None:
            row["accuracy_centroid"] = accuracy(held_out.centroid)
            row["balanced_accuracy_centroid"] = balanced_accuracy(held_out.centroid)
            row |= centroid_metrics(self.method, held_out)
        if len(data.validation):
            images, targets = data.images[data.validation], data.targets[data.validation]
            validation = evaluate(self.method, network, images, targets, data.scaling).head
            row["validation_accuracy"] = accuracy(validation)
            row["validation_balanced_accuracy"] = balanced_accuracy(validation)
        row |= {f"recall_{name}": float(r) for name, r in zip(data.classes, recalls(held_out.head), strict=True)}
        self.confusion = held_out.head.tolist()
        return row

    def snapshot(self) -> dict[str, Tensor]:
        """Embeddings float16 [n, D] of all training images by the averaged network, and the mean of each class's
        normalised ones [C, D]."""
        images, targets = self.data.images[self.data.training], self.data.targets[self.data.training]
        logits, points = embed(self.average.module, images, self.data.scaling, self.recipe.precision)
        labels = F.one_hot(targets, len(self.data.classes)).to(points.dtype)
        centroids = labels.T @ F.normalize(points, dim=1) / labels.sum(0).clamp_min(1)[:, None]
        correct = 100 * (logits.argmax(1) == targets).double().mean()
        return {"points": points.half().cpu(), "centroids": centroids.float().cpu(), "accuracy": correct.cpu()}

    # The run

    def start(self) -> None:
        """What comes before the first step: the method sees the labelled images once, as the untrained network in
        evaluation mode embeds them."""
        data = self.data
        _, embeddings = embed(self.network, data.images[data.labelled], data.scaling, self.recipe.precision)
        self.method.start(embeddings, F.one_hot(data.targets[data.labelled], len(data.classes)))

    def run(self, folder: Path, identity: str, report: Callable[["Trainer"], None], every_s: float = 30.0) -> None:
        """Train to the end, from the checkpoint in `folder` where there is one; `report` after each step.

        Checkpoints are written at evaluations, at most one in `every_s` seconds. Stops early, `diverged`, where a loss
        is no longer finite at an evaluation.
        """
        state = checkpoints.load(folder, identity)
        if state is None:
            self.start()
        else:
            self.load_state(state)
        recipe = self.recipe
        evaluation_steps = {round((i + 1) * recipe.steps / recipe.evaluations) for i in range(recipe.evaluations)}
        snapshot_steps = {round(share * recipe.steps): share for share in recipe.snapshots}
        began = time.monotonic() - self.seconds
        saved = time.monotonic()
        while self.completed < recipe.steps and not self.diverged:
            self.step()
            if self.completed in snapshot_steps:
                self.snapshots[str(self.completed)] = self.snapshot()
            if self.completed in evaluation_steps:
                self.diverged = not self.sums.finite()
                self.history.append(self.evaluate())
                self.seconds = time.monotonic() - began
                more = self.completed < recipe.steps and not self.diverged
                if more and time.monotonic() - saved >= every_s:
                    checkpoints.save(folder, self.state(), identity)
                    saved = time.monotonic()
            report(self)

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on, in types that `torch.load(weights_only=True)` reads."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "method": self.method.state_dict(),
            "sums": self.sums.state(),
            "completed": self.completed,
            "seconds": self.seconds,
            "hardware": self.hardware,
            "history": self.history,
            "confusion": self.confusion,
            "snapshots": self.snapshots,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.module.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.method.load_state_dict(state["method"])
        self.sums.load_state(state["sums"])
        self.completed, self.seconds, self.history = state["completed"], state["seconds"], state["history"]
        self.hardware = state["hardware"] + [here for here in self.hardware if here not in state["hardware"]]
        self.confusion, self.snapshots = state["confusion"], state["snapshots"]
