"""The averaged network, for evaluation, and MixMatch's weight decay. Both change a network's state after a step."""

import copy

import torch
from torch import Tensor, nn


def _floating(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor for tensor in tensors if tensor.is_floating_point()]


class AveragedNetwork:
    """Exponential moving average of a network: average ← decay * average + (1 - decay) * network, starting from a copy.

    `over` state: averages parameters and batch-norm statistics (port); parameters: copies the network's statistics
    (google).
    """

    def __init__(self, network: nn.Module, decay: float, over: str):
        self.module = copy.deepcopy(network).requires_grad_(False)
        mine, theirs = list(self.module.parameters()), list(network.parameters())
        buffers = _floating(list(self.module.buffers())), _floating(list(network.buffers()))
        if over == "state":
            mine, theirs = mine + buffers[0], theirs + buffers[1]
            buffers = ([], [])
        self._averaged, self._copied, self._decay = (mine, theirs), buffers, decay

    @torch.no_grad()
    def update(self) -> None:
        mine, theirs = self._averaged
        torch._foreach_lerp_(mine, theirs, 1 - self._decay)
        if self._copied[0]:
            torch._foreach_copy_(*self._copied)


def decayed_tensors(network: nn.Module, on: str) -> list[Tensor]:
    """What weight decay applies to: every floating tensor of the state (port), or kernels only (google)."""
    if on == "kernels":
        return [layer.weight for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return _floating(list(network.state_dict(keep_vars=True).values()))


class WeightDecay:
    """v *= 1 - wd * learning rate, for the tensors of `decayed_tensors`; nothing where wd is 0.

    It is not Adam's own: it bypasses the moments, and in the port it also shrinks batch-norm's statistics.
    """

    def __init__(self, network: nn.Module, weight_decay: float, on: str):
        self._tensors, self._weight_decay = decayed_tensors(network, on), weight_decay

    @torch.no_grad()
    def apply(self, learning_rate: float) -> None:
        if self._weight_decay:
            torch._foreach_mul_(self._tensors, 1 - self._weight_decay * learning_rate)
