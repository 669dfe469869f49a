"""Wide residual networks (Zagoruyko & Komodakis 2016) as in MixMatch: leaky ReLU 0.1, pre-activation."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from marginmix.networks.batchnorm import BatchNorm2d
from marginmix.networks.precision import full_precision
from marginmix.runs.recipe import Recipe

LEAK = 0.1


def _convolution(inputs: int, outputs: int, size: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (size * size * outputs)))
    return layer


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut.

    `activated` says which of them read the normalised, activated input: "both" (the network's first block), the
    "convolution" alone, or "none" (the port's blocks that change the width: their norm1, whose output nothing reads, is
    counted among the parameters and not computed).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, activated: str, **norm: float):
        super().__init__()
        self.norm1 = BatchNorm2d(inputs, **norm)
        self.conv1 = _convolution(inputs, outputs, 3, stride)
        self.norm2 = BatchNorm2d(outputs, **norm)
        self.conv2 = _convolution(outputs, outputs, 3, 1)
        self.shortcut = _convolution(inputs, outputs, 1, stride) if inputs != outputs else None
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        entry = x if self.activated == "none" else F.leaky_relu(self.norm1(x), LEAK, inplace=True)
        skip = entry if self.activated == "both" else x
        out = F.leaky_relu(self.norm2(self.conv1(entry)), LEAK, inplace=True)
        return self.conv2(out) + (skip if self.shortcut is None else self.shortcut(skip))


class WideResNet(nn.Module):
    """Images [N, channels, H, W] to (logits [N, classes], embedding [N, D]).

    `depth` = 6 n + 4 gives n blocks a stage; `filters` is the width of the first stage, doubled in each of the others.
    The embedding is the input of the last layer (D = filters of the last stage), or, `embedding: flattened`, the
    feature map before pooling (D times its positions); the logits always come from the pooled features.
    """

    def __init__(
        self, depth: int, filters: int, stages: int, classes: int, channels: int, recipe: Recipe, **norm: float
    ):
        super().__init__()
        widening = "none" if recipe.stage_input == "raw" else "convolution"
        self.stem = _convolution(channels, 16, 3, 1)
        blocks, inputs = [], 16
        for stage in range(stages):
            for i in range((depth - 4) // 6):
                first = i == 0
                activated = "both" if first and stage == 0 else widening if first else "convolution"
                stride = 2 if first and stage > 0 else 1
                blocks.append(Block(inputs, filters << stage, stride, activated, **norm))
                inputs = filters << stage
        self.blocks = nn.Sequential(*blocks)
        self.norm = BatchNorm2d(inputs, **norm)
        self.head = nn.Linear(inputs, classes)
        nn.init.zeros_(self.head.bias)
        if recipe.head_init == "glorot":
            nn.init.xavier_normal_(self.head.weight)
        self.flattened = recipe.embedding == "flattened"

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = F.leaky_relu(self.norm(self.blocks(self.stem(images))), LEAK)
        with full_precision(images):
            # Positions before channels, as they lie in memory: so does their gradient, and what follows it is fast.
            positions = features.permute(0, 2, 3, 1).flatten(1, 2).to(self.head.weight.dtype)
            pooled = positions.mean(1)
            return self.head(pooled), positions.mT.flatten(1) if self.flattened else pooled
