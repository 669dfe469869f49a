"""MixUp (Zhang et al., ICLR 2018) as the semi-supervised baseline of the MixMatch paper.

It mixes labelled images with each other, with their labels, and unlabelled images with each other, with the network's
predictions. Its loss is `unlabelled_loss: cross-entropy`.
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
        # The ranks of some values of a random permutation are a random permutation too: here one for each part.
        labelled = draws.partners[: batch.size].argsort()
        partners = torch.cat([labelled, batch.size + draws.partners[batch.size :].argsort()])
        images, labels = (mixup(values, partners, draws.lam) for values in (batch.images, batch.labels))
        return Batch(images, labels, batch.size)
