"""The class prior that guessed labels may carry: how common the classes are thought to be."""

import torch
from torch import Tensor, nn

from marginmix.runs.recipe import Recipe


class ClassPrior(nn.Module):
    """π [C], shares that sum to 1; saved with the method.

    `source` labelled: the labelled images' shares (+1 each), for good. Otherwise a running mean of what it follows,
    from equal shares on: where labels are drawn balanced, their counts say nothing.
    """

    shares: Tensor

    def __init__(self, source: str, momentum: float, labelled_counts: Tensor):
        super().__init__()
        counts = labelled_counts + 1.0 if source == "labelled" else torch.ones_like(labelled_counts)
        self.register_buffer("shares", counts / counts.sum())
        self.source, self.momentum = source, momentum

    @classmethod
    def of(cls, recipe: Recipe, labelled_counts: Tensor) -> "ClassPrior":
        return cls(recipe.prior_source, recipe.prior_momentum, labelled_counts)

    def follow(self, predictions: Tensor, guesses: Tensor) -> None:
        """One batch: probabilities [N, C] of the head, and guessed labels [B, C]; the source says which counts."""
        if self.source != "labelled":
            seen = (predictions if self.source == "head" else guesses).mean(0)
            self.shares.lerp_(seen.to(self.shares.dtype), 1 - self.momentum)
