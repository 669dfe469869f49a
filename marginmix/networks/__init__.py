"""The networks, by name."""

import re

from torch import nn

from marginmix.errors import UserError
from marginmix.networks.alexnet import AlexNet2d
from marginmix.networks.batchnorm import batch_parts
from marginmix.networks.wrn import WideResNet
from marginmix.recipe import Recipe

__all__ = ["batch_parts", "make_network"]

# depth, filters of the first stage, stages (MixMatch: 135 filters are its 26 M network; STL-10 has one more stage)
_NAMED = {"wrn-28-2-large": (28, 135, 3), "wrn-28-2-stl": (28, 32, 4)}


def make_network(recipe: Recipe, classes: int, channels: int, side: int) -> nn.Module:
    """The network `recipe.network`: images [N, channels, side, side] to (logits [N, classes], embedding [N, D]).

    Raises `UserError` for a name that is none of wrn-DEPTH-WIDTH (DEPTH = 6 n + 4), wrn-28-2-large, wrn-28-2-stl,
    alexnet-2d.
    """
    norm = {"eps": recipe.batch_norm_eps, "momentum": recipe.batch_norm_momentum}
    if recipe.network == "alexnet-2d":
        return AlexNet2d(classes, channels, side, **norm)
    depth, filters, stages = _shape_of(recipe.network)
    return WideResNet(depth, filters, classes, channels, stages, recipe.embedding == "flattened", **norm)


def _shape_of(name: str) -> tuple[int, int, int]:
    if name in _NAMED:
        return _NAMED[name]
    match = re.fullmatch(r"wrn-(\d+)-(\d+)", name)
    if match:
        depth, width = int(match[1]), int(match[2])
        if depth >= 10 and depth % 6 == 4 and width >= 1:
            return depth, 16 * width, 3
    raise UserError(
        f"recipe: unknown network {name!r}; expected wrn-DEPTH-WIDTH with DEPTH = 10, 16, 22, 28, …, "
        f"{', '.join(_NAMED)} or alexnet-2d"
    )
