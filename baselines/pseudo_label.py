"""Pseudo-Label (Lee, ICML workshop 2013): the most probable class of an unlabelled image is its label."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from marginmix.methods.base import Batch, Method, Outputs
from marginmix.runs.setting import setting
from marginmix.views.step_draws import Draws


class PseudoLabel(Method):
    """Hard labels, no mixing. Lee's loss is `unlabelled_loss: cross-entropy`, his α(t) (eq. 16) the ramp-up of λ_u.

    Lee takes every guess; `confidence_threshold` drops guesses below it, as Oliver et al. (2018) do: a row of zeros
    has no cross-entropy.
    """

    title = "Pseudo-Label"

    @dataclass(frozen=True)
    class Settings(Method.Settings):
        confidence_threshold: float = setting(
            0.0, "guesses below it do not count (Lee 2013 has none; Oliver et al. 2018: 0.95)", within="[0, 1]"
        )

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        confidence, best = seen.logits.softmax(2).mean(0).max(1)
        kept = confidence >= self.recipe.confidence_threshold
        return F.one_hot(best, self.task.classes).to(confidence.dtype) * kept[:, None]

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return batch
