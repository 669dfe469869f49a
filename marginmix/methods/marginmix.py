"""Margin-Mix (Florea et al., ECCV 2020): MixMatch with labels from distances to centroids, and a margin loss."""

from dataclasses import dataclass

import torch
from torch import Tensor

from marginmix.methods.base import Batch, Method, Outputs, Task
from marginmix.methods.centroids import Centroids, memberships
from marginmix.methods.margin import MarginSettings, margin_loss
from marginmix.methods.mixing import ramp_up
from marginmix.methods.prior import ClassPrior, PriorSettings
from marginmix.runs.setting import inherited, setting


class MarginMix(Method):
    """The four steps: centroids by fuzzy C-means, MixMatch's mixing, labels by distance to centroids, margin loss."""

    title = "MarginMix"
    looks_at = "all"

    @dataclass(frozen=True)
    class Settings(PriorSettings, MarginSettings, Method.Settings):
        """The open choices of Margin-Mix.

        The study chose margin and T on FER+'s validation images in 1,500 steps: 36.3 and 46.0 % at 320 and 2,000
        labels, means over seeds 10 to 13. T = 1 gave 33.6 and 46.8, and the hinge margin at T = 1 gave 32.7 and 46.5
        (results/studies/study.md: margin=softmax, lambda_u=10, membership_temperature=0.5). In 6,000 steps guesses
        under them ran away to few classes at 320 labels of FER+ and at 250 of CIFAR-10 (experiment longer), since T
        sharpens the prior too (results/studies/runaway.md).
        """

        margin: str = inherited(MarginSettings, "margin", "softmax")
        fuzzifier: float = setting(
            1.5, "m > 1 of fuzzy C-means (Bezdek 1981); start value of the small experiments", within="(1, inf)"
        )
        distance_floor: float = setting(1e-6, "lower limit that squared distances are clamped to", within="(0, inf)")
        centroid_momentum: float = setting(
            0.99, "of the running numerators and denominators over batches", within="[0, 1)"
        )
        centroid_start: str = setting(
            "labelled",
            "labelled: start from the means of the labelled embeddings; zero: from nothing, so the first batch decides",
            "labelled",
            "zero",
        )
        centroid_normalise: bool = setting(False, "put the centroids back onto the unit sphere")
        centroid_rise: float = setting(
            1.0,
            "passes over the unlabelled pool in which the weight of unlabelled points in the centroids rises from 0 to "
            "1 (the authors: small at first, even afterwards); each of K views is a point",
            within="[0, inf)",
        )
        membership_temperature: float = setting(
            0.5,
            "T of sharpening the memberships; multiplies 1/(m-1) by 1/T. 1: soft labels stay soft, the authors' idea",
            within="(0, inf)",
        )
        label_what: str = setting(
            "views",
            "what gets labels: the unlabelled views, whose labels are then mixed as in "
            "MixMatch; or the mixtures, from their own embedding",
            "views",
            "mixtures",
        )

    def __init__(self, recipe: Settings, task: Task):
        super().__init__(recipe, task)
        self.centroids = Centroids(
            task.classes, task.dimensions, recipe.fuzzifier, recipe.centroid_momentum, recipe.centroid_normalise
        )
        self.prior = ClassPrior.of(recipe, task.labelled_counts)

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        if self.recipe.centroid_start == "labelled":
            self.centroids.start(embeddings, labels, self.recipe.batch_size)
        self.prior.start(self.task.target_shares)

    def prepare(self, seen: Outputs, labels: Tensor, step: Tensor) -> None:
        """Labelled points belong to their class, unlabelled points to each class by their memberships. The weight of
        the unlabelled rises from 0, so the labelled dominate at first."""
        drawn = self.recipe.unlabelled_ratio * self.recipe.batch_size
        rise = ramp_up(step * drawn, self.task.unlabelled, self.recipe.centroid_rise)
        views = seen.embeddings.flatten(0, 1)
        unlabelled = self._memberships(views)
        belongs = torch.cat([labels, unlabelled])
        weights = torch.cat([torch.ones_like(labels[:, :1]), rise.expand(len(unlabelled), 1)])
        self.centroids.update(torch.cat([seen.labelled_embeddings, views]), belongs, weights)

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        views = seen.embeddings
        guesses = self._memberships(views.flatten(0, 1)).unflatten(0, views.shape[:2]).mean(0)
        self.prior.follow(seen.logits.softmax(2).flatten(0, 1), guesses, step)
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

    def predict(self, seen: Outputs) -> dict[str, Tensor]:
        return {**super().predict(seen), "centroid": -self.centroids.distances(seen.embeddings)}

    def report(self, seen: Outputs, targets: Tensor, step: Tensor) -> dict[str, float]:
        return {**super().report(seen, targets, step), **self.centroids.report(seen.embeddings, targets)}

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
