"""The networks, by name."""

from torch import nn

from marginmix.network_names import network_shape
from marginmix.networks.alexnet import AlexNet2d
from marginmix.networks.batchnorm import batch_parts
from marginmix.networks.wrn import WideResNet
from marginmix.runs.recipe import Recipe

__all__ = ["batch_parts", "make_network"]


def make_network(recipe: Recipe, classes: int, channels: int, side: int) -> nn.Module:
    """The network `recipe.network`: images [N, channels, side, side] to (logits [N, classes], embedding [N, D])."""
    norm = {"eps": recipe.batch_norm_eps, "momentum": recipe.batch_norm_momentum}
    shape = network_shape(recipe.network)
    if shape is None:
        return AlexNet2d(classes, channels, side, **norm)
    return WideResNet(*shape, classes, channels, recipe, **norm)
