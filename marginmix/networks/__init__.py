"""The networks, by name or by import path."""

from torch import nn

from marginmix.network_names import ALEXNET, is_import_path, network_shape
from marginmix.networks.alexnet import AlexNet2d
from marginmix.networks.batchnorm import batch_parts
from marginmix.networks.foreign import Headed, foreign_network
from marginmix.networks.wrn import WideResNet
from marginmix.runs.recipe import Recipe

__all__ = ["Headed", "batch_parts", "make_network"]


def make_network(recipe: Recipe, classes: int, channels: int, side: int) -> nn.Module:
    """The network `recipe.network`: images [N, channels, side, side] to (logits [N, classes], embedding [N, D]).

    Raises `UserError` where an import path names no function that makes such a network.
    """
    norm = {"eps": recipe.batch_norm_eps, "momentum": recipe.batch_norm_momentum}
    if is_import_path(recipe.network):
        return foreign_network(recipe.network, classes, channels, side, **norm)
    if recipe.network == ALEXNET:
        return AlexNet2d(classes, channels, side, **norm)
    return WideResNet(*network_shape(recipe.network), classes, channels, recipe, **norm)
