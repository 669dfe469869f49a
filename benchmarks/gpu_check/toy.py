"""A training of seconds, which the tests use too: 120 images of 8×8 pixels in three classes, made here."""

from dataclasses import replace

import numpy as np
import torch

from marginmix.runs.methods import resolve_method
from marginmix.runs.recipe import Recipe, make_recipe
from marginmix.training.data import TrainingData
from marginmix.training.execution import EAGER, Execution
from marginmix.training.trainer import Trainer
from marginmix.views.augment import Scaling

METHODS = {
    "marginmix": "marginmix.methods.marginmix:MarginMix",
    "mixmatch": "baselines.mixmatch:MixMatch",
    "supervised": "baselines.supervised:Supervised",
    "pseudo-label": "baselines.pseudo_label:PseudoLabel",
    "mixup": "baselines.mixup:MixUp",
    "embedding": "marginmix.methods.margin_supervised:MarginSupervised",
}

SMALL = {
    "steps": 6, "evaluations": 3, "score_window": 2, "batch_size": 6, "network": "wrn-10-1", "precision": "fp64",
    "stage_input": "activated", "head_init": "uniform", "lambda_u": 5.0, "batch_norm_momentum": 0.05, "ema_decay": 0.9,
}  # fmt: skip


def small_recipe(method: str = "marginmix", **settings: object) -> Recipe:
    """A recipe of `method`, a name of `METHODS` or an import path: its own defaults, but for `SMALL` and `settings`."""
    kind = resolve_method(METHODS.get(method, method)).Settings
    return make_recipe({**SMALL, **settings}, kind=kind)


def toy_trainer(method: str = "marginmix", data: TrainingData | None = None, cell: str = "toy/15/0",
                how: Execution = EAGER, **settings: object) -> Trainer:  # fmt: skip
    """`method`, a name of `METHODS` or an import path, on the toy data or on `data`, before its first step."""
    path = METHODS.get(method, method)
    return Trainer(small_recipe(path, **settings), resolve_method(path), data or toy_data(), cell, how)


def toy_data(dtype: torch.dtype = torch.float64, channels: int = 1) -> TrainingData:
    """Bright squares, placed by class, under noise; 15 labelled, 60 unlabelled, 15 validation, 30 test."""
    rng = np.random.default_rng(0)
    targets = np.arange(120) % 3
    images = rng.integers(0, 120, (120, 8, 8, channels), dtype=np.uint8)
    for image, target in zip(images, targets, strict=True):
        image[2 * target : 2 * target + 3, 2:6] += 130
    order = torch.from_numpy(rng.permutation(120))
    labelled, unlabelled, validation, test = order.split([15, 60, 15, 30])
    mean, sd = torch.full((channels,), 0.3, dtype=dtype), torch.full((channels,), 0.2, dtype=dtype)
    return TrainingData(
        torch.from_numpy(images), torch.from_numpy(targets), labelled, unlabelled, validation, test,
        training=torch.cat([labelled, unlabelled]), classes=("top", "middle", "bottom"),
        scaling=Scaling.of("channel", mean, sd), shift=1, flip=True,
    )  # fmt: skip


def on_device(data: TrainingData, device: torch.device | str) -> TrainingData:
    """The same data, all of its tensors on `device`."""
    tensors = {name: value.to(device) for name, value in vars(data).items() if isinstance(value, torch.Tensor)}
    return replace(data, scaling=Scaling(data.scaling.factor.to(device), data.scaling.bias.to(device)), **tensors)
