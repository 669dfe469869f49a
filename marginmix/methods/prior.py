"""The class prior that guessed labels may carry: how common the classes are thought to be."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from marginmix.runs.recipe import Recipe
from marginmix.runs.setting import setting


@dataclass(frozen=True)
class PriorSettings(Recipe):
    """The settings of a class prior."""

    prior_exponent: float = setting(
        1.0, "rho in u_k ~ pi_k^rho d_k^(-1/(m-1)); 0 is the authors' form", within="[0, 1]"
    )
    prior_source: str = setting(
        "head",
        "pi: running mean of the head's predictions, of the guessed labels, the labelled class shares, or the "
        "target_shares",
        "head",
        "guesses",
        "labelled",
        "target",
    )
    prior_momentum: float = setting(0.99, "of the running mean that is the class prior", within="[0, 1]")
    prior_hold: float = setting(
        1.0, "share of the run after which the running mean is held where it is; 1: never", within="[0, 1]"
    )


class ClassPrior(nn.Module):
    """π [C], shares that sum to 1; saved with the method.

    `source` labelled: the labelled images' shares (+1 each), for good; target: those given at the start. Otherwise a
    running mean of what it follows, from equal shares on: where labels are drawn balanced, their counts say nothing. It
    is held where it is after `steps`, if that is given.
    """

    shares: Tensor

    def __init__(self, source: str, momentum: float, labelled_counts: Tensor, steps: float | None = None):
        super().__init__()
        counts = labelled_counts + 1.0 if source == "labelled" else torch.ones_like(labelled_counts)
        self.register_buffer("shares", counts / counts.sum())
        self.source, self.momentum, self.steps = source, momentum, steps

    @classmethod
    def of(cls, recipe: PriorSettings, labelled_counts: Tensor) -> "ClassPrior":
        steps = recipe.prior_hold * recipe.steps if recipe.prior_hold < 1 else None
        return cls(recipe.prior_source, recipe.prior_momentum, labelled_counts, steps)

    def start(self, target: Tensor) -> None:
        """Before the first step: the shares [C] that a prior with the source target has."""
        if self.source == "target":
            self.shares.copy_(target)

    def follow(self, predictions: Tensor, guesses: Tensor, step: Tensor) -> None:
        """One batch: probabilities [N, C] of the head, and guessed labels [B, C]; the source says which counts. `step`
        is the number of steps done, a tensor of no dimension."""
        if self.source in ("head", "guesses"):
            seen = (predictions if self.source == "head" else guesses).mean(0).to(self.shares.dtype)
            weight = 1 - self.momentum if self.steps is None else (1 - self.momentum) * (step < self.steps)
            self.shares.lerp_(seen, weight)
