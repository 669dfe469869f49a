"""The data of a training: all images on the device, once, and which are labelled, unlabelled or held out."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from marginmix.datasets import Dataset, Prepared
from marginmix.datasets.splits import Split
from marginmix.errors import UserError
from marginmix.runs.recipe import Recipe
from marginmix.views.augment import Scaling


@dataclass(frozen=True)
class TrainingData:
    """images uint8 [N, side, side, C], targets int64 [N] (-1: unknown), and index tensors into them, on one device."""

    images: Tensor
    targets: Tensor
    labelled: Tensor
    unlabelled: Tensor
    validation: Tensor
    test: Tensor
    training: Tensor
    classes: tuple[str, ...]
    scaling: Scaling
    shift: int
    flip: bool

    @property
    def side(self) -> int:
        return self.images.shape[1]

    @property
    def channels(self) -> int:
        return self.images.shape[3]

    def one_hot(self, indices: Tensor, dtype: torch.dtype) -> Tensor:
        """Labels [n, C] of the images `indices` [n]; zeros where the class is unknown."""
        classes = torch.arange(len(self.classes), device=indices.device)
        return (self.targets[indices][:, None] == classes).to(dtype)


def gather(prepared: Prepared, images: np.ndarray, row: Dataset, split: Split, recipe: Recipe,
           device: torch.device, needs_unlabelled: bool = True) -> TrainingData:  # fmt: skip
    """The data of one run: `images` are those of `prepared` at the run's image size.

    The split is the same for every method; the recipe decides which part of it is the unlabelled pool. Raises
    `UserError` where that pool is empty and the method `needs_unlabelled` images.
    """
    labelled, unlabelled, validation = split.labelled, split.unlabelled, split.validation
    if recipe.unlabelled_pool == "all":
        unlabelled = np.sort(np.concatenate([unlabelled, labelled, validation[1:]]))
        validation = validation[:1]
    if recipe.labelled_pool == "all":
        known = split.unlabelled[prepared.targets[split.unlabelled] >= 0]
        labelled = np.sort(np.concatenate([labelled, known]))
    if len(unlabelled) == 0:
        if needs_unlabelled:
            raise UserError(
                f"split {split.dataset}/{split.labels}/{split.seed}: expected unlabelled images, found none, since all "
                f"training images are labelled; ask for fewer labels, or add images without labels"
            )
        unlabelled = labelled  # drawn from, never looked at
    side = images.shape[1]
    shift = recipe.shift if recipe.shift >= 0 else max(1, side // 8)
    if shift >= side:
        raise UserError(f"recipe: shift must be less than the images' side of {side} pixels, found {shift}")
    start, stop = prepared.parts["train"]
    dtype = torch.float64 if recipe.precision == "fp64" else torch.float32
    mean, sd = (torch.as_tensor(np.asarray(x), dtype=dtype, device=device) for x in (prepared.mean, prepared.sd))
    sets = (torch.from_numpy(np.asarray(x)).to(device) for x in (labelled, unlabelled, validation, split.test))
    return TrainingData(
        torch.from_numpy(np.array(images)).to(device),
        torch.from_numpy(np.array(prepared.targets)).to(device),
        *sets,
        training=torch.arange(start, stop, device=device),
        classes=tuple(prepared.classes),
        scaling=Scaling.of(recipe.input_scaling, mean, sd),
        shift=shift,
        flip=row.flip,
    )
