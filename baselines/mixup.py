"""MixUp (Zhang et al., ICLR 2018) as the semi-supervised baseline of the MixMatch paper.

Labelled images are mixed among themselves with their labels, unlabelled ones among themselves with the network's
predictions; `unlabelled_loss: cross-entropy` is its loss.
"""

import torch
from torch import Tensor

from marginmix.methods.base import Batch, Method, Outputs
from marginmix.methods.mixing import mixup
from marginmix.views.step_draws import Draws


class MixUp(Method):
    """No sharpening, no mixing across the two parts."""

    title = "MixUp"

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        return seen.logits.softmax(2).mean(0)

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        # The rank of a random permutation's values is a permutation too, here one within each part.
        labelled = draws.partners[: batch.size].argsort()
        partners = torch.cat([labelled, batch.size + draws.partners[batch.size :].argsort()])
        images, labels = (mixup(values, partners, draws.lam) for values in (batch.images, batch.labels))
        return Batch(images, labels, batch.size)
