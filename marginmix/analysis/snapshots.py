"""Embeddings of all images at a step of a run: the plane, where they have two units, and the separability."""

import torch.nn.functional as F
from torch import Tensor

from marginmix.training.data import TrainingData
from marginmix.training.evaluate import embed
from marginmix.training.learner import Learner

Arrays = dict[str, Tensor]
Row = dict[str, float | str]

PLANE = 2
"""Embeddings of this many units are kept for figures; of larger ones only the measures."""


def known_training(data: TrainingData) -> Tensor:
    """The training images whose class is known."""
    return data.training[data.targets[data.training] >= 0]


def take_snapshot(learner: Learner) -> tuple[Arrays, list[Row]]:
    """By the averaged network, of images with a known class:

    - of a plane, float16 `points` [n, 2] of the training images, the mean of each class's normalised points,
      `centroids` [C, 2], and the head's `accuracy` on them, percent; {} where the embedding is no plane;
    - rows of separability.csv: step, part (train, test), space (raw, for a plane only; normalised) and the measures.
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
