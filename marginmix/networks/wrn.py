"""Wide residual networks (Zagoruyko & Komodakis 2016) as in MixMatch: leaky ReLU 0.1, pre-activation."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from marginmix.networks.batchnorm import BatchNorm2d
from marginmix.networks.precision import full_precision

LEAK = 0.1


def _convolution(inputs: int, outputs: int, size: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (size * size * outputs)))
    return layer


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut; `activate_first` normalises the shortcut's input too."""

    def __init__(self, inputs: int, outputs: int, stride: int, activate_first: bool, **norm: float):
        super().__init__()
        self.norm1 = BatchNorm2d(inputs, **norm)
        self.conv1 = _convolution(inputs, outputs, 3, stride)
        self.norm2 = BatchNorm2d(outputs, **norm)
        self.conv2 = _convolution(outputs, outputs, 3, 1)
        self.shortcut = _convolution(inputs, outputs, 1, stride) if inputs != outputs else None
        self.activate_first = activate_first

    def forward(self, x: Tensor) -> Tensor:
        active = F.leaky_relu(self.norm1(x), LEAK, inplace=True)
        skip = active if self.activate_first else x
        out = F.leaky_relu(self.norm2(self.conv1(active)), LEAK, inplace=True)
        return self.conv2(out) + (skip if self.shortcut is None else self.shortcut(skip))


class WideResNet(nn.Module):
    """Images [N, channels, H, W] to (logits [N, classes], embedding [N, D]).

    `depth` = 6 n + 4 gives n blocks a stage; `filters` is the width of the first stage, doubled in each of the others.
    The embedding is the input of the last layer (D = filters of the last stage), or, `flattened`, the feature map
    before pooling (D times its positions); the logits always come from the pooled features.
    """

    def __init__(self, depth: int, filters: int, classes: int, channels: int, stages: int = 3,
                 flattened: bool = False, **norm: float):  # fmt: skip
        super().__init__()
        widths = [filters << stage for stage in range(stages)]
        self.stem = _convolution(channels, 16, 3, 1)
        blocks, inputs = [], 16
        for stage, width in enumerate(widths):
            for i in range((depth - 4) // 6):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(Block(inputs, width, stride, activate_first=stage == 0 and i == 0, **norm))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.norm = BatchNorm2d(inputs, **norm)
        self.head = nn.Linear(inputs, classes)
        nn.init.zeros_(self.head.bias)
        self.flattened = flattened

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = F.leaky_relu(self.norm(self.blocks(self.stem(images))), LEAK)
        with full_precision(images):
            features = features.to(self.head.weight.dtype)
            pooled = features.mean((2, 3))
            return self.head(pooled), features.flatten(1) if self.flattened else pooled
