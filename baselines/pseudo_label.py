"""Pseudo-Label (Lee, ICML workshop 2013): the most probable class of an unlabelled image is taken for its label."""

import torch.nn.functional as F
from torch import Tensor

from marginmix.methods.step import Batch, Method, Seen
from marginmix.step_draws import Draws


class PseudoLabel(Method):
    """Hard labels, no mixing. Lee's loss is `unlabelled_loss: cross-entropy`, his α(t) (eq. 16) the ramp-up of λ_u.

    Lee takes every guess; `confidence_threshold` drops those below it, as Oliver et al. (2018) do: a row of zeros has
    no cross-entropy.
    """

    def self_label(self, seen: Seen, step: Tensor) -> Tensor:
        confidence, best = seen.logits.softmax(2).mean(0).max(1)
        kept = confidence >= self.recipe.confidence_threshold
        return F.one_hot(best, self.task.classes).to(confidence.dtype) * kept[:, None]

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return batch
