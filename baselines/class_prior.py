"""Controls: MixMatch with a class prior on its guesses. They separate the gain of a prior from that of the centroids.

A head's predictions already contain the prior that it learned; memberships contain none. So there are two readings.
"""

from dataclasses import dataclass

from torch import Tensor

from baselines.mixmatch import MixMatch
from marginmix.methods.base import Outputs, Task
from marginmix.methods.mixing import sharpen
from marginmix.methods.prior import ClassPrior, PriorSettings


class MixMatchWithPrior(MixMatch):
    """q ∝ q̄ π^ρ, sharpened: Margin-Mix's factor with its settings (`prior_source`, `prior_exponent`) on the averaged
    predictions q̄."""

    title = "MixMatch with a prior"

    @dataclass(frozen=True)
    class Settings(PriorSettings, MixMatch.Settings):
        """The prior's settings, and MixMatch's."""

    def __init__(self, recipe: Settings, task: Task):
        super().__init__(recipe, task)
        self.prior = ClassPrior.of(recipe, task.labelled_counts)

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        self.prior.start(self.task.target_shares)

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        mean = seen.logits.softmax(2).mean(0)
        guesses = sharpen(self.weigh(mean), self.recipe.temperature)
        self.prior.follow(mean, guesses, step)
        return guesses

    def weigh(self, mean: Tensor) -> Tensor:
        """Averaged predictions [B, C], weighted by the prior and normalised again."""
        weighted = mean * self.prior.shares.to(mean.dtype).clamp_min(1e-8) ** self.recipe.prior_exponent
        return weighted / weighted.sum(1, keepdim=True)


class AlignedMixMatch(MixMatchWithPrior):
    """Distribution alignment (Berthelot et al. 2020, ReMixMatch, section 3.1): q ∝ q̄ (p / p̃)^ρ, sharpened, with p the
    `target_shares`, by default the labelled ones, and p̃ the running mean of the predictions."""

    title = "MixMatch, aligned"
    target: Tensor

    def __init__(self, recipe: MixMatchWithPrior.Settings, task: Task):
        super().__init__(recipe, task)
        self.prior = ClassPrior("head", recipe.prior_momentum, task.labelled_counts)
        self.register_buffer("target", task.target_shares.clone())

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        self.target.copy_(self.task.target_shares)

    def weigh(self, mean: Tensor) -> Tensor:
        ratio = (self.target / self.prior.shares.clamp_min(1e-8)).to(mean.dtype)
        weighted = mean * ratio**self.recipe.prior_exponent
        return weighted / weighted.sum(1, keepdim=True)
