"""Weak augmentation, random shift and horizontal flip, as one gather from the uint8 images; and the input's scaling."""

import torch
from torch import Tensor


def _reflect(position: Tensor, size: int) -> Tensor:
    """Positions beyond an edge, mirrored at the edge without repeating it."""
    position = position.abs()
    return torch.where(position >= size, 2 * (size - 1) - position, position)


def weak_views(images: Tensor, indices: Tensor, offsets: Tensor, flips: Tensor, shift: int) -> Tensor:
    """The images `indices` [M] of uint8 `images` [N, H, W, C], each flipped where `flips` [M] says and cropped at
    `offsets` [M, 2] from its copy that is padded by `shift` pixels (reflection). Returns uint8 [M, H, W, C]."""
    height, width = images.shape[1:3]
    rows = torch.arange(height, device=images.device) + offsets[:, :1] - shift
    columns = torch.arange(width, device=images.device) + offsets[:, 1:] - shift
    rows, columns = _reflect(rows, height), _reflect(columns, width)
    columns = torch.where(flips[:, None], width - 1 - columns, columns)
    return images[indices[:, None, None], rows[:, :, None], columns[:, None, :]]


class Scaling:
    """uint8 [..., H, W, C] to the network's input: [..., C, H, W], channels last in memory."""

    def __init__(self, factor: Tensor, bias: Tensor):
        """Maps a pixel in 0..255 by `factor` and `bias` [C]."""
        self.factor, self.bias = factor, bias

    @classmethod
    def of(cls, mode: str, mean: Tensor, sd: Tensor) -> "Scaling":
        """`mode` channel: to mean 0 and sd 1, by `mean` and `sd` [C] of the training images in [0, 1]; unit: to [-1,
        1]."""
        if mode == "unit":
            mean, sd = torch.full_like(mean, 0.5), torch.full_like(sd, 0.5)
        return cls(1 / (255 * sd), -mean / sd)

    def __call__(self, images: Tensor) -> Tensor:
        return (images * self.factor + self.bias).permute(0, 3, 1, 2)

    def pictures(self, inputs: Tensor) -> Tensor:
        """Back from the network's input [N, C, H, W] to uint8 [N, H, W, C]."""
        return ((inputs.permute(0, 2, 3, 1) - self.bias) / self.factor).round().clamp(0, 255).to(torch.uint8)
