"""Strong augmentation: RandAugment as FixMatch uses it (Sohn et al. 2020, appendix D), then Cutout.

Every image gets two operations, each with a magnitude u, uniform in [0, 1), and a sign s. Pixels are Pillow's to the
value. What u and s mean, and where it comes from ("paper": the list of transformations in that appendix, as
kekmodel/FixMatch-pytorch has it too; "code": google-research/fixmatch):

autocontrast, equalize, identity          no magnitude (paper)
brightness, color, contrast, sharpness    factor 0.05 + 0.9 u (paper: [0.05, 0.95]); 1 would be the image itself
posterize                                 4 to 8 bits (paper), equally likely: 4 + floor(5 u)
solarize                                  inverts pixels from floor(256 u) on (paper: [0, 1]; code, ctaugment.py)
rotate                                    30 s u degrees about the centre (paper: [-30, 30])
shear_x, shear_y                          0.3 s u about the upper left corner (paper: [-0.3, 0.3])
translate_x, translate_y                  0.3 s u of the side (paper: [-0.3, 0.3]), cut to whole pixels (code)
Cutout                                    a square of half the side (paper: at most 0.5; code: 16 of 32 pixels), grey
                                          127 (code, ctaugment.py); its centre is uniform, so an edge may cut it

What comes in from outside an image is black, Pillow's default, and in the code's CTAugment.

The code's RandAugment (libml/augment.py, augmentations.py) differs from the paper's list: it skips an operation with
probability 1/2, draws u from 0.1, ..., 0.9, takes factors 0.1 + 1.8 u and 1 to 4 bits, and fills with the middle grey.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from marginmix.draws import uniform

OPERATIONS = (
    "autocontrast", "brightness", "color", "contrast", "equalize", "identity", "posterize", "rotate", "sharpness",
    "shear_x", "shear_y", "solarize", "translate_x", "translate_y",
)  # fmt: skip
GREY = 127


@dataclass(frozen=True)
class StrongDraws:
    """The choices for N images. operation: int64 [N, 2], positions in `OPERATIONS`, in the order of application.
    magnitude: float64 [N, 2] in [0, 1). sign: int64 [N, 2], -1 or 1. centre: float64 [N, 2] in [0, 1), row and column
    of the Cutout as shares of the sides."""

    operation: Tensor
    magnitude: Tensor
    sign: Tensor
    centre: Tensor

    def packed(self) -> Tensor:
        """All choices in one float64 tensor [N, 8], which travels to the device at once."""
        parts = (self.operation, self.magnitude, self.sign, self.centre)
        return torch.cat([part.double() for part in parts], dim=1)

    @classmethod
    def unpacked(cls, packed: Tensor) -> "StrongDraws":
        """The inverse of `packed`, on its device."""
        operation, magnitude, sign, centre = packed.split(2, dim=1)
        return cls(operation.long(), magnitude, sign.long(), centre)


def draw_strong(text: str, count: int) -> StrongDraws:
    """The choices for `count` images, a pure function of `text`, which names the cell and the step."""

    def drawn(what: str) -> np.ndarray:
        return uniform(f"{text}/{what}", count, 2)

    return StrongDraws(
        operation=torch.from_numpy((drawn("operation") * len(OPERATIONS)).astype(np.int64)),
        magnitude=torch.from_numpy(drawn("magnitude")),
        sign=torch.from_numpy(np.where(drawn("sign") < 0.5, -1, 1)),
        centre=torch.from_numpy(drawn("centre")),
    )


def strong_views(images: Tensor, draws: StrongDraws) -> Tensor:
    """uint8 `images` [N, H, W, C], C = 1 or 3, each with its two operations, then Cutout. Returns uint8 [N, H, W, C].

    It asks the host nothing, so a step with it can be recorded as a CUDA graph."""
    return cutout(randaugment(images, draws), draws.centre)


def randaugment(images: Tensor, draws: StrongDraws) -> Tensor:
    """The two operations alone: uint8 [N, H, W, C] to the same.

    Every operation is a table of 256 values, a blend with a duller image, or an affine map. Each image passes through
    all three kinds, and those that were not drawn for it leave it as it is."""
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"images: expected 1 or 3 channels, found {images.shape[-1]}")
    planes = images.permute(0, 3, 1, 2).contiguous()
    for turn in range(draws.operation.shape[1]):
        chosen = {name: draws.operation[:, turn] == number for number, name in enumerate(OPERATIONS)}
        magnitude = draws.magnitude[:, turn]
        planes = _toned(planes, chosen, magnitude)
        planes = _enhanced(planes, chosen, magnitude)
        planes = _moved(planes, chosen, magnitude * draws.sign[:, turn])
    return planes.permute(0, 2, 3, 1).contiguous()


def cutout(images: Tensor, centre: Tensor) -> Tensor:
    """uint8 `images` [N, H, W, C] with a grey square, half as long as the shorter side, about `centre` [N, 2]."""
    size = min(images.shape[1:3]) // 2
    hidden = []
    for axis, side in enumerate(images.shape[1:3]):
        first = (centre[:, axis] * side).long() - size // 2
        position = torch.arange(side, device=images.device) - first[:, None]
        hidden.append((position >= 0) & (position < size))
    return images.masked_fill((hidden[0][:, :, None] & hidden[1][:, None, :])[..., None], GREY)


def _toned(planes: Tensor, chosen: dict[str, Tensor], magnitude: Tensor) -> Tensor:
    """PIL.ImageOps: a table [N, C, 256] for every plane of uint8 `planes` [N, C, H, W]."""
    pixels, magnitude = planes.flatten(2), magnitude[:, None, None]
    levels = torch.arange(256, device=planes.device)
    dropped = 4 - (5 * magnitude).long()
    tables = {
        "autocontrast": _autocontrast(pixels, levels),
        "equalize": _equalize(pixels, levels),
        "posterize": levels >> dropped << dropped,
        "solarize": torch.where(levels < (256 * magnitude).long(), levels, 255 - levels),
    }
    table = levels.expand(*pixels.shape[:2], 256)
    for name, values in tables.items():
        table = torch.where(chosen[name][:, None, None], values, table)
    return table.to(torch.uint8).gather(2, pixels.long()).view_as(planes)


def _autocontrast(pixels: Tensor, levels: Tensor) -> Tensor:
    """The table that stretches darkest to brightest over 0 to 255; a constant plane stays."""
    darkest, brightest = pixels.amin(2, keepdim=True).double(), pixels.amax(2, keepdim=True).double()
    # A whole product may come out just below itself, and is then cut. So this rounds as Pillow's doubles do: 255 / x
    # would be 255 times a rounded 1 / x.
    scale = torch.full_like(darkest, 255) / (brightest - darkest).clamp_min(1)
    values = (levels * scale + -darkest * scale).clamp(0, 255).long()
    return torch.where(brightest > darkest, values, levels)


def _equalize(pixels: Tensor, levels: Tensor) -> Tensor:
    """The table that spreads the levels evenly; a plane stays where Pillow's step is 0, below 255 pixels for sure."""
    darker = _counted(pixels) if pixels.is_cpu else _sorted(pixels)
    step = darker.gather(2, pixels.amax(2, keepdim=True).long()) // 255
    values = (step // 2 + darker) // step.clamp_min(1)
    return torch.where(step > 0, values.clamp_max(255), levels)


def _counted(pixels: Tensor) -> Tensor:
    """How many pixels of each plane are darker than each level: uint8 [N, C, pixels] to int64 [N, C, 256]."""
    counts = torch.zeros(*pixels.shape[:2], 256, dtype=torch.int64, device=pixels.device)
    counts.scatter_add_(2, pixels.long(), counts.new_ones(()).expand_as(pixels))
    return counts.cumsum(2) - counts


def _sorted(pixels: Tensor) -> Tensor:
    """The same without a scatter, which deterministic CUDA kernels must sort for, and may ask the host about. On a CPU
    it takes 20 times as long."""
    levels = torch.arange(256, dtype=torch.uint8, device=pixels.device).expand(*pixels.shape[:2], 256)
    return torch.searchsorted(pixels.sort(2).values, levels.contiguous())


def _enhanced(planes: Tensor, chosen: dict[str, Tensor], magnitude: Tensor) -> Tensor:
    """PIL.ImageEnhance: `planes` [N, C, H, W] blended with a duller image of the kind drawn, and cut to whole values.

    In float32, a product and a sum, as Pillow's C code has it."""
    pixels = planes.float()
    grey = _grey(pixels)
    mean = grey.mean((1, 2, 3), keepdim=True, dtype=torch.float64)
    duller = {
        "brightness": pixels.new_zeros(()),
        "color": grey,
        "contrast": (mean + 0.5).floor().float(),
        "sharpness": _smooth(pixels),
    }
    other = pixels
    for name, values in duller.items():
        other = torch.where(chosen[name][:, None, None, None], values, other)
    factor = (0.05 + 0.9 * magnitude).float()[:, None, None, None]
    return (other + factor * (pixels - other)).to(torch.uint8)


def _grey(pixels: Tensor) -> Tensor:
    """Luma [N, 1, H, W] of whole-valued `pixels` [N, C, H, W], in Pillow's fixed point: below 2^24, where float32 is
    exact. A grey image is its own, so color leaves it as it is."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels.split(1, 1)
    return ((red * 19595 + green * 38470 + blue * 7471 + 32768) / 65536).floor()


def _smooth(pixels: Tensor) -> Tensor:
    """PIL.ImageFilter.SMOOTH: a pixel 5 times and its 8 neighbours, over 13, rounded; the border is copied. 13 is odd:
    no mean lies half-way, so float32 rounds right."""
    lines = pixels[:, :, :-2] + pixels[:, :, 1:-1] + pixels[:, :, 2:]
    total = lines[..., :-2] + lines[..., 1:-1] + lines[..., 2:] + 4 * pixels[:, :, 1:-1, 1:-1]
    smooth = pixels.clone()
    smooth[:, :, 1:-1, 1:-1] = (total / 13 + 0.5).floor()
    return smooth


def _moved(planes: Tensor, chosen: dict[str, Tensor], amount: Tensor) -> Tensor:
    """PIL.Image.rotate and transform of `planes` [N, C, H, W] by `amount` [N] in (-1, 1): the nearest pixel, or black.
    (x, y) of the result shows (a x + b y + c, d x + e y + f), in Pillow's fixed point of 16 bits."""
    height, width = planes.shape[2:]

    def where(name: str, value: Tensor) -> Tensor:
        return torch.where(chosen[name], value, 0.0)

    def fixed(value: Tensor) -> Tensor:
        return (value * 65536 + 0.5).floor().long()[:, None, None]

    angle = torch.deg2rad(where("rotate", -30 * amount))
    a = e = angle.cos()
    b = angle.sin() + where("shear_x", 0.3 * amount)
    d = -angle.sin() + where("shear_y", 0.3 * amount)
    # Pillow rotates about the centre, and shears about the corner.
    c = a * (-width / 2) + angle.sin() * (-height / 2) + width / 2
    f = -angle.sin() * (-width / 2) + e * (-height / 2) + height / 2
    c = c + where("translate_x", (0.3 * amount * width).trunc())
    f = f + where("translate_y", (0.3 * amount * height).trunc())
    rows = torch.arange(height, device=planes.device)[:, None]
    columns = torch.arange(width, device=planes.device)
    x = (fixed(c + a * 0.5 + b * 0.5) + fixed(a) * columns + fixed(b) * rows) >> 16
    y = (fixed(f + d * 0.5 + e * 0.5) + fixed(d) * columns + fixed(e) * rows) >> 16
    outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    position = (y * width + x).masked_fill(outside, 0).flatten(1)[:, None].expand(-1, planes.shape[1], -1)
    moved = planes.flatten(2).gather(2, position).view_as(planes)
    return moved.masked_fill(outside[:, None], 0)
