"""The yardstick: MixMatch and Margin-Mix as a published loop writes them, batch by batch and formula by formula.

It is no straw man: the arithmetic of YU1ut/MixMatch-pytorch, restated. Separate forwards, fp32 throughout, contiguous
tensors, an EMA that loops over the state in Python, losses fetched in every step. The tests hold the fast code to it.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marginmix.methods.mixing import interleave_order
from marginmix.runs.recipe import Recipe


class PlainMixMatch:
    """`network` in training, its average, Adam; K = 2 views, the port's profile. `step` takes what a loader yields."""

    def __init__(self, recipe: Recipe, network: nn.Module):
        self.recipe, self.network, self.done = recipe, network.train(), 0
        self.average = copy.deepcopy(network)
        self.optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, foreach=False)

    def step(self, x: Tensor, u1: Tensor, u2: Tensor, labels: Tensor, lam: float, partners: Tensor) -> dict[str, float]:
        """Labelled images x [B, channels, H, W] and two views u1, u2 of B unlabelled ones, or a multiple of B; labels
        one-hot [B, C]; λ' and whom each view is mixed with. Returns the terms of the loss."""
        with torch.no_grad():
            guess = self.guess(x, u1, u2, labels)
        images, targets = torch.cat([x, u1, u2]), torch.cat([labels, guess, guess])
        images = lam * images + (1 - lam) * images[partners]
        targets = lam * targets + (1 - lam) * targets[partners]
        order = interleave_order(len(x), len(images) // len(x))
        outputs = [self.network(part) for part in images[order].split(len(x))]
        logits, embeddings = (torch.cat(tensors)[order] for tensors in zip(*outputs, strict=True))
        terms = self.terms(logits, embeddings, targets, len(x))
        self.optimiser.zero_grad()
        sum(terms.values()).backward()
        self.optimiser.step()
        self.follow()
        self.done += 1
        return {name: term.item() for name, term in terms.items()}

    def guess(self, x: Tensor, u1: Tensor, u2: Tensor, labels: Tensor) -> Tensor:
        p = sum(F.softmax(self.network(view)[0], 1) for view in (u1, u2)) / 2
        p = p ** (1 / self.recipe.temperature)
        return p / p.sum(1, keepdim=True)

    def terms(self, logits: Tensor, embeddings: Tensor, targets: Tensor, size: int) -> dict[str, Tensor]:
        labelled = -(targets[:size] * F.log_softmax(logits[:size], 1)).sum(1).mean()
        unlabelled = ((F.softmax(logits[size:], 1) - targets[size:]) ** 2).mean()
        return {"labelled": labelled, "unlabelled": self.recipe.lambda_u * self.done / self.recipe.steps * unlabelled}

    @torch.no_grad()
    def follow(self) -> None:
        """The average, and MixMatch's weight decay: every floating tensor of the state."""
        averages = self.average.state_dict()
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point():
                averages[name].mul_(self.recipe.ema_decay).add_(tensor, alpha=1 - self.recipe.ema_decay)
                tensor.mul_(1 - self.recipe.weight_decay * self.recipe.learning_rate)


class PlainMarginMix(PlainMixMatch):
    """With fuzzy C-means in the place of sharpened predictions, and the triplet margin on the labelled part.

    `unlabelled`: images in the pool. At the start: `numerator` [C, D], `denominator` [C] of the centroids, `prior` [C].
    """

    def __init__(
        self, recipe: Recipe, network: nn.Module, unlabelled: int, numerator: Tensor, denominator: Tensor, prior: Tensor
    ):
        super().__init__(recipe, network)
        self.unlabelled = unlabelled
        self.numerator, self.denominator, self.prior = numerator, denominator, prior

    @property
    def centroids(self) -> Tensor:
        return self.numerator / self.denominator[:, None]

    def membership(self, unit: Tensor) -> Tensor:
        powers = [self.squared_distance(unit, c) ** (-1 / (self.recipe.fuzzifier - 1)) for c in self.centroids]
        scores = torch.stack(powers, 1) * self.prior
        return scores / scores.sum(1, keepdim=True)

    def squared_distance(self, unit: Tensor, centroid: Tensor) -> Tensor:
        return (unit - centroid).square().sum(1)

    def guess(self, x: Tensor, u1: Tensor, u2: Tensor, labels: Tensor) -> Tensor:
        recipe = self.recipe
        outputs = [self.network(view) for view in (x, u1, u2)]
        unit = [e / e.norm(dim=1, keepdim=True) for _, e in outputs]
        weight = min(1, self.done * len(u1) / self.unlabelled / recipe.centroid_rise)
        weights = torch.cat([labels, weight * self.membership(torch.cat(unit[1:])) ** recipe.fuzzifier])
        momentum = recipe.centroid_momentum
        self.numerator = momentum * self.numerator + (1 - momentum) * weights.T @ torch.cat(unit)
        self.denominator = momentum * self.denominator + (1 - momentum) * weights.sum(0)
        guess = (self.membership(unit[1]) + self.membership(unit[2])) / 2
        predicted = sum(F.softmax(logits, 1).mean(0) for logits, _ in outputs[1:]) / 2
        self.prior = recipe.prior_momentum * self.prior + (1 - recipe.prior_momentum) * predicted
        return guess

    def terms(self, logits: Tensor, embeddings: Tensor, targets: Tensor, size: int) -> dict[str, Tensor]:
        y, e = targets[:size], embeddings[:size]
        unit = e / e.norm(dim=1, keepdim=True)
        d = torch.stack([self.squared_distance(unit, c) for c in self.centroids], 1)
        margin = 0
        for j in range(d.shape[1]):
            apart = (self.recipe.margin_width + (y * d).sum(1) - d[:, j]).clamp_min(0)
            margin = margin + ((1 - y[:, j]) / (d.shape[1] - 1) * apart).mean()
        return {**super().terms(logits, embeddings, targets, size), "margin": self.recipe.margin_weight * margin}
