"""Supervised training: the floor (labelled images only) and, with `labelled_pool: all`, the ceiling."""

from torch import Tensor

from marginmix.methods.base import Batch, Method
from marginmix.methods.mixing import soft_cross_entropy
from marginmix.views.step_draws import Draws


class Supervised(Method):
    """Cross-entropy on weakly augmented labelled images, and nothing else."""

    title = "Supervised"
    looks_at = "nothing"

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return batch

    def losses(self, logits: Tensor, embeddings: Tensor, batch: Batch, step: Tensor) -> dict[str, Tensor]:
        return {"labelled": soft_cross_entropy(logits, batch.labels)}
