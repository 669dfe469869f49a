"""The class prior of guessed labels: the believed share of each class."""

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
        "pi: a running mean of the head's predictions or of the guessed labels; the labelled class shares; or the "
        "target_shares",
        "head",
        "guesses",
        "labelled",
        "target",
    )
    prior_momentum: float = setting(0.99, "of the running mean", within="[0, 1]")
    prior_hold: float = setting(
        1.0, "share of the run after which the running mean stays as it is; 1: never", within="[0, 1]"
    )


class ClassPrior(nn.Module):
    """π [C], shares that sum to 1. Checkpoints hold it.

    `source` labelled: the shares of the labelled images (each count + 1), fixed. target: the shares given at the start.
    head, guesses: a running mean, which starts from equal shares, since balanced labels say nothing of the classes'
    shares. It stops changing after `steps`, if given.
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
        """Before the first step: sets the shares [C] of a prior with the source target."""
        if self.source == "target":
            self.shares.copy_(target)

    def follow(self, predictions: Tensor, guesses: Tensor, step: Tensor) -> None:
        """One batch: the head's probabilities [N, C] and guessed labels [B, C]; `source` decides which counts. `step`
        is the number of steps done, a scalar tensor."""
        if self.source in ("head", "guesses"):
            seen = (predictions if self.source == "head" else guesses).mean(0).to(self.shares.dtype)
            weight = 1 - self.momentum if self.steps is None else (1 - self.momentum) * (step < self.steps)
            self.shares.lerp_(seen, weight)
