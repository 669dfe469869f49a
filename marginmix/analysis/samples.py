"""What the network sees, as pictures: weak views, mixtures with labels, the most and least confident guesses."""

import copy

import numpy as np
import torch
from torch import Tensor

from marginmix.analysis.diagnosis import guess, spread
from marginmix.methods.base import Batch
from marginmix.methods.step import guess_labels
from marginmix.training.learner import Learner

SEARCHED = 2048
"""Number of unlabelled images searched for the most and least confident guesses."""


def contact_sheet(learner: Learner, columns: int) -> dict[str, np.ndarray]:
    """Pictures uint8 [n, H, W, C] and labels float [n, classes], with at most `columns` images per row. {} if the
    method guesses no labels.

    - labelled: labelled images and their labels.
    - view_1 … view_K: K views of the same unlabelled images.
    - mixture: mixtures and their labels; those of the labelled part come first.
    - confident, doubtful: images with the guessed labels and the true classes [n] (-1: unknown).

    All pictures show the next step, with the network as it is now. The labels of mixtures are those before
    `label_what: mixtures` replaces them.
    """
    recipe, data = learner.recipe, learner.data
    if learner.method.looks_at == "nothing":
        return {}
    size, count = recipe.batch_size, recipe.unlabelled_ratio * recipe.batch_size
    draws = learner.drawer.step(learner.completed).to(learner.device)
    images, labels, _ = learner.views(draws)
    method = copy.deepcopy(learner.method)  # guessing changes its state
    guesses = guess_labels(method, learner.looking, images, labels, learner.clock.to(learner.dtype), tracked=False)
    everything = torch.cat([labels, *[guesses] * ((len(images) - size) // count)])
    mixed = method.mix(Batch(images, everything, size), draws)
    shown = torch.arange(min(columns, size), device=learner.device)
    half = len(shown) - len(shown) // 2
    mixtures = torch.cat([shown[:half], size + shown[: len(shown) - half]])
    sheet = {"labelled": data.scaling.pictures(images[shown]), "labelled_labels": labels[shown]}
    for k in range(1, recipe.augmentations + 1):
        sheet[f"view_{k}"] = data.scaling.pictures(images[size + (k - 1) * count + shown])
    sheet |= {"mixture": data.scaling.pictures(mixed.images[mixtures]), "mixture_labels": mixed.labels[mixtures]}
    return {name: tensor.cpu().numpy() for name, tensor in (sheet | _extremes(learner, columns)).items()}


def _extremes(learner: Learner, columns: int) -> dict[str, Tensor]:
    """The unlabelled images with the most and the least confident guessed labels among `SEARCHED`."""
    data = learner.data
    size = learner.recipe.batch_size
    count = min(SEARCHED, len(data.unlabelled)) // size * size
    if count == 0:
        return {}
    sample, labelled = (spread(pool, count, size) for pool in (data.unlabelled, data.labelled))
    step = learner.clock.to(learner.dtype)
    guesses = guess(learner.method, learner.looking, data, sample, labelled, step)[0]
    order = guesses.amax(1).argsort(descending=True, stable=True)
    found = {}
    for name, chosen in (("confident", order[:columns]), ("doubtful", order.flip(0)[:columns])):
        found |= {name: data.images[sample[chosen]], f"{name}_labels": guesses[chosen],
                  f"{name}_truth": data.targets[sample[chosen]]}  # fmt: skip
    return found
