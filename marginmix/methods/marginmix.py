"""Margin-Mix (Florea et al., ECCV 2020): MixMatch with labels by the distances to centroids, and a margin loss."""

import torch
from torch import Tensor

from marginmix.methods.centroids import Centroids, memberships
from marginmix.methods.margin import margin_loss
from marginmix.methods.mixing import ramp_up
from marginmix.methods.prior import ClassPrior
from marginmix.methods.step import Batch, Method, Seen, Task
from marginmix.runs.recipe import Recipe


class MarginMix(Method):
    """The four steps: centroids by fuzzy C-means; MixMatch's mixing; labels by distance to the centroids; margin loss.

    The open choices are the settings of `Recipe` from `fuzzifier` on.
    """

    looks_at = "all"

    def __init__(self, recipe: Recipe, task: Task):
        super().__init__(recipe, task)
        self.centroids = Centroids(
            task.classes, task.dimensions, recipe.fuzzifier, recipe.centroid_momentum, recipe.centroid_normalise
        )
        self.prior = ClassPrior.of(recipe, task.labelled_counts)

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        if self.recipe.centroid_start == "labelled":
            self.centroids.start(embeddings, labels, self.recipe.batch_size)
        self.prior.start(self.task.target_shares)

    def prepare(self, seen: Seen, labels: Tensor, step: Tensor) -> None:
        """Labelled points belong to their class, unlabelled ones to each as far as they are near; the weight of the
        unlabelled rises from 0, so that at first the labelled dominate."""
        rise = ramp_up(step * self.recipe.batch_size, self.task.unlabelled, self.recipe.centroid_rise)
        unlabelled = self._memberships(seen.embeddings[1:].flatten(0, 1))
        belongs = torch.cat([labels, unlabelled])
        weights = torch.cat([torch.ones_like(labels[:, :1]), rise.expand(len(unlabelled), 1)])
        self.centroids.update(seen.embeddings.flatten(0, 1), belongs, weights)

    def self_label(self, seen: Seen, step: Tensor) -> Tensor:
        views = seen.embeddings[1:]
        guesses = self._memberships(views.flatten(0, 1)).unflatten(0, views.shape[:2]).mean(0)
        self.prior.follow(seen.logits[1:].softmax(2).flatten(0, 1), guesses, step)
        return guesses

    def losses(self, logits: Tensor, embeddings: Tensor, batch: Batch, step: Tensor) -> dict[str, Tensor]:
        if self.recipe.label_what == "mixtures":
            labels = torch.cat([batch.labels[: batch.size], self._memberships(embeddings[batch.size :].detach())])
            batch = Batch(batch.images, labels, batch.size)
        terms = super().losses(logits, embeddings, batch, step)
        part = slice(batch.size if self.recipe.margin_on == "labelled" else None)
        distances = self.centroids.distances(embeddings[part])
        terms["margin"] = self.recipe.margin_weight * margin_loss(distances, batch.labels[part], self.recipe)
        return terms

    def centroid_distances(self, embeddings: Tensor) -> Tensor:
        return self.centroids.distances(embeddings)

    def _memberships(self, embeddings: Tensor) -> Tensor:
        recipe = self.recipe
        return memberships(
            self.centroids.distances(embeddings),
            recipe.fuzzifier,
            recipe.distance_floor,
            self.prior.shares.to(embeddings.dtype),
            recipe.prior_exponent,
            recipe.membership_temperature,
        )
