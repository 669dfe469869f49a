"""Batch-norm over parts of a batch, with a choice of the parts that move the running statistics.

MixMatch sends its labelled and unlabelled batches through the network one after the other, each normalised by its own
statistics. Only batch-norm depends on where one batch ends. So the batches go through as one, and this layer keeps them
apart: as fast as one forward, with the same numbers as several.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` that normalises `parts` equal parts of a training batch each by its own statistics.

    `tracked` says how many of them, from the first on, also move the running statistics, in order.
    """

    parts = 1
    tracked = 1

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        if self.parts == 1:
            return self._normalise(x, self.tracked > 0)
        pieces = x.chunk(self.parts)
        return torch.cat([self._normalise(piece, i < self.tracked) for i, piece in enumerate(pieces)])

    def _normalise(self, x: Tensor, track: bool) -> Tensor:
        mean, variance = (self.running_mean, self.running_var) if track else (None, None)
        return F.batch_norm(x, mean, variance, self.weight, self.bias, True, self.momentum, self.eps)


@contextmanager
def batch_parts(network: nn.Module, parts: int, tracked: int) -> Iterator[None]:
    """Within: a training batch is `parts` batches, of which the first `tracked` move the running statistics."""
    layers = [layer for layer in network.modules() if isinstance(layer, BatchNorm2d)]
    for layer in layers:
        layer.parts, layer.tracked = parts, tracked
    try:
        yield
    finally:
        for layer in layers:
            layer.parts, layer.tracked = 1, 1
