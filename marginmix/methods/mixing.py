"""What MixMatch does to labels and batches: sharpen, MixUp, interleave, ramp up."""

from typing import Any

import torch
from torch import Tensor


def sharpen(labels: Tensor, temperature: float) -> Tensor:
    """Soft labels [N, C] raised to 1/T and normalised (Berthelot et al. 2019, eq. 7)."""
    if temperature == 1:
        return labels
    powered = labels.clamp_min(1e-30).log().div(temperature)
    return powered.softmax(1)


def mixup(values: Tensor, partners: Tensor, lam: Tensor) -> Tensor:
    """lam * x + (1 - lam) * x[partners] for `values` [M, ...] (Zhang et al. 2018); `lam` [M, 1]. MixMatch takes
    lam of at least 1/2 (eq. 9), so a mixture stays nearer to its first part."""
    lam = lam.view(-1, *[1] * (values.dim() - 1)).to(values.dtype)
    return values[partners].lerp(values, lam)


def interleave_order(batch: int, parts: int, device: torch.device | None = None) -> Tensor:
    """The order [parts * batch] that interleaves `parts` consecutive batches: each new batch holds a piece of every old
    one. The order is its own inverse.

    As in google-research/mixmatch: cut each batch into `parts` pieces, the later ones longer by one where it does not
    divide; then swap piece i of the first batch with piece i of batch i.
    """
    short = parts - batch % parts
    cuts = [i * (batch // parts) + max(0, i - short) for i in range(parts + 1)]
    order = torch.arange(parts * batch, device=device).view(parts, batch)
    for i in range(1, parts):
        piece = slice(cuts[i], cuts[i + 1])
        first, other = order[0, piece].clone(), order[i, piece].clone()
        order[0, piece], order[i, piece] = other, first
    return order.view(-1)


class _Reordered(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, order: Tensor) -> Tensor:
        context.save_for_backward(order)
        return values[order]

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (order,) = context.saved_tensors
        return gradient[order], None


def reordered(values: Tensor, order: Tensor) -> Tensor:
    """`values[order]` for an order that is its own inverse, such as `interleave_order`'s. Its gradient is then a gather
    too. Plain indexing has a scatter, for which deterministic CUDA kernels must sort."""
    return _Reordered.apply(values, order)


def ramp_up(step: Tensor, steps: int, share: float) -> Tensor:
    """Linear rise from 0 at step 0 to 1 after `share` of the run's `steps`, then 1."""
    return (step / (share * steps)).clamp(max=1.0) if share > 0 else torch.ones_like(step)


def soft_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over N of -Σ_k y_k log softmax_k(z), logits and soft labels [N, C]."""
    return -(labels * logits.log_softmax(1)).sum(1).mean()


def squared_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over N and C of (softmax(z) - y)² (Berthelot et al. 2019, eq. 4)."""
    return (logits.softmax(1) - labels).square().mean()
