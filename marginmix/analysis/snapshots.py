"""Embeddings of all images at one step of a run: their separability, and the plane if they have two units."""

import torch.nn.functional as F
from torch import Tensor

from marginmix.training.data import TrainingData
from marginmix.training.evaluate import embed
from marginmix.training.learner import Learner

Arrays = dict[str, Tensor]
Row = dict[str, float | str]

PLANE = 2
"""Embeddings with this many units are kept for figures. Of larger embeddings only the measures are kept."""


def known_training(data: TrainingData) -> Tensor:
    """Indices of the training images with a known class."""
    return data.training[data.targets[data.training] >= 0]


def take_snapshot(learner: Learner) -> tuple[Arrays, list[Row]]:
    """A snapshot by the averaged network, of images with a known class. Returns arrays and rows.

    - Arrays: `points` float16 [n, 2] of the training images, `centroids` [C, 2], the means of each class's normalised
      points, and the head's `accuracy` on these images, percent. {} unless the embedding has two units.
    - Rows of separability: step, part (train, test), space (raw, only with two units; normalised) and the measures.
    """
    data, arrays, rows = learner.data, {}, []
    for part, indices in (("train", known_training(data)), ("test", data.test)):
        targets = data.targets[indices]
        logits, points = embed(learner.average.module, data.images[indices], data.scaling, learner.recipe.precision)
        if points.shape[1] == PLANE:
            rows.append(_row(learner.completed, part, "raw", points, targets))
        rows.append(_row(learner.completed, part, "normalised", F.normalize(points, dim=1), targets))
        if part == "train" and points.shape[1] == PLANE:
            labels = data.one_hot(indices, points.dtype)
            centroids = labels.T @ F.normalize(points, dim=1) / labels.sum(0).clamp_min(1)[:, None]
            correct = 100 * (logits.argmax(1) == targets).double().mean()
            arrays = {"points": points.half(), "centroids": centroids.float(), "accuracy": correct}
    return {name: array.cpu() for name, array in arrays.items()}, rows


def _row(step: int, part: str, space: str, points: Tensor, targets: Tensor) -> Row:
    from marginmix.analysis.separability import separability  # scikit-learn takes a second to import

    measured = separability(points.cpu().numpy(), targets.cpu().numpy())
    return {"step": step, "part": part, "space": space, **measured}
