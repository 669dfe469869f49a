"""Mixed precision: convolutions in bfloat16, what is compared with labels and centroids in the weights' own type."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor


def convolutions_in(precision: str, device: torch.device) -> AbstractContextManager:
    """Within: convolutions and linear layers run in `precision` (bf16: automatic mixed precision)."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def full_precision(images: Tensor) -> AbstractContextManager:
    """Within: no automatic conversion. The last layer needs it: 8 bits of mantissa are few for a distance or a loss."""
    return torch.autocast(images.device.type, enabled=False)
