"""The network of the embedding figures: fully supervised, cross-entropy and the margin loss, no mixing."""

from dataclasses import dataclass

import torch
from torch import Tensor

from marginmix.methods.base import Batch, Method, Outputs, Task
from marginmix.methods.centroids import Centroids
from marginmix.methods.margin import MarginSettings, margin_loss
from marginmix.methods.mixing import soft_cross_entropy
from marginmix.runs.setting import setting
from marginmix.views.step_draws import Draws


class MarginSupervised(Method):
    """Cross-entropy and margin loss on weakly augmented labelled images; centroids are running class means."""

    title = "2-unit AlexNet"
    looks_at = "nothing"

    @dataclass(frozen=True)
    class Settings(MarginSettings, Method.Settings):
        """The margin's settings, and the momentum of the class means."""

        centroid_momentum: float = setting(0.99, "of the running class means over batches", within="[0, 1)")

    def __init__(self, recipe: Settings, task: Task):
        super().__init__(recipe, task)
        # A fuzzifier does nothing to one-hot labels.
        self.centroids = Centroids(task.classes, task.dimensions, 1.0, recipe.centroid_momentum)

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        self.centroids.start(embeddings, labels, self.recipe.batch_size)

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return batch

    def losses(self, logits: Tensor, embeddings: Tensor, batch: Batch, step: Tensor) -> dict[str, Tensor]:
        self.centroids.update(embeddings.detach(), batch.labels, torch.ones_like(batch.labels[:, :1]))
        margin = margin_loss(self.centroids.distances(embeddings), batch.labels, self.recipe)
        labelled = soft_cross_entropy(logits, batch.labels)
        return {"labelled": labelled, "margin": self.recipe.margin_weight * margin}

    def predict(self, seen: Outputs) -> dict[str, Tensor]:
        return {**super().predict(seen), "centroid": -self.centroids.distances(seen.embeddings)}

    def report(self, seen: Outputs, targets: Tensor, step: Tensor) -> dict[str, float]:
        return {**super().report(seen, targets, step), **self.centroids.report(seen.embeddings, targets)}
