"""Networks from outside this package: a function of an installed package, named by its import path.

The call is `f(classes, channels, side)`. The module that it returns maps images [N, channels, side, side] to (logits
[N, classes], embedding [N, D]); `Headed` makes such a module of a backbone.
"""

import importlib

import torch
from torch import Tensor, nn

from marginmix.errors import UserError, suggest
from marginmix.networks.batchnorm import BatchNorm2d
from marginmix.networks.precision import full_precision


class Headed(nn.Module):
    """A `backbone`, images to embedding [N, `dimensions`], and a linear layer from it to the logits of `classes`."""

    def __init__(self, backbone: nn.Module, dimensions: int, classes: int):
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(dimensions, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.backbone(images)
        with full_precision(images):
            embedding = embedding.to(self.head.weight.dtype)
            return self.head(embedding), embedding


def foreign_network(path: str, classes: int, channels: int, side: int, eps: float, momentum: float) -> nn.Module:
    """The network from the function at `path`, tried on two images.

    Its batch norms become those of this package, which keep labelled and unlabelled parts of a batch apart, with `eps`
    and `momentum` of the recipe. Raises `UserError` where it is no such function, or returns no such network.
    """
    where = f"recipe: network {path}"
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        raise UserError(f"{where}: cannot import {module_name} ({error}); write package.module:function") from error
    if not callable(make := getattr(module, name, None)):
        known = [other for other, value in vars(module).items() if callable(value) and not other.startswith("_")]
        raise UserError(f"{where}: {module_name} has no function {name!r}; {suggest(name, known)}")
    network = make(classes, channels, side)
    if not isinstance(network, nn.Module):
        raise UserError(f"{where}: expected a torch.nn.Module from {name}(classes, channels, side), found {network!r}")
    network = _with_our_norms(network, eps, momentum)
    _try(network, where, classes, channels, side)
    return network


def _with_our_norms(module: nn.Module, eps: float, momentum: float) -> nn.Module:
    """`module` with its `nn.BatchNorm2d`s replaced; their weights and statistics stay."""
    if isinstance(module, nn.BatchNorm2d) and not isinstance(module, BatchNorm2d):
        ours = BatchNorm2d(module.num_features, eps, momentum, module.affine, module.track_running_stats)
        ours.load_state_dict(module.state_dict())
        return ours
    for name, child in module.named_children():
        setattr(module, name, _with_our_norms(child, eps, momentum))
    return module


@torch.no_grad()
def _try(network: nn.Module, where: str, classes: int, channels: int, side: int) -> None:
    outputs = network.eval()(torch.zeros(2, channels, side, side))
    network.train()
    shapes = [tuple(part.shape) for part in outputs] if isinstance(outputs, tuple) else [tuple(outputs.shape)]
    if not (len(shapes) == 2 and shapes[0] == (2, classes) and len(shapes[1]) == 2 and shapes[1][0] == 2):
        raise UserError(
            f"{where}: expected (logits [N, {classes}], embedding [N, D]) for N = 2 images, found shapes "
            f"{', '.join(map(str, shapes))}; marginmix.networks.Headed turns a backbone into such a network"
        )
