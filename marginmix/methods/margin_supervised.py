"""The network of the embedding figures: fully supervised, cross-entropy and the margin loss, no mixing."""

import torch
from torch import Tensor

from marginmix.methods.centroids import Centroids
from marginmix.methods.margin import margin_loss
from marginmix.methods.mixing import soft_cross_entropy
from marginmix.methods.step import Batch, Method, Task
from marginmix.runs.recipe import Recipe
from marginmix.step_draws import Draws


class MarginSupervised(Method):
    """Cross-entropy and margin loss on weakly augmented labelled images; centroids are running class means."""

    looks_at = "nothing"

    def __init__(self, recipe: Recipe, task: Task):
        super().__init__(recipe, task)
        self.centroids = Centroids(task.classes, task.dimensions, recipe.fuzzifier, recipe.centroid_momentum)

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        self.centroids.start(embeddings, labels, self.recipe.batch_size)

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return batch

    def losses(self, logits: Tensor, embeddings: Tensor, batch: Batch, step: Tensor) -> dict[str, Tensor]:
        self.centroids.update(embeddings.detach(), batch.labels, torch.ones_like(batch.labels[:, :1]))
        margin = margin_loss(self.centroids.distances(embeddings), batch.labels, self.recipe)
        labelled = soft_cross_entropy(logits, batch.labels)
        return {"labelled": labelled, "margin": self.recipe.margin_weight * margin}

    def centroid_distances(self, embeddings: Tensor) -> Tensor:
        return self.centroids.distances(embeddings)
