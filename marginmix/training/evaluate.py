"""Evaluation of a network on a set of images, and what is read off a confusion matrix."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from marginmix.augment import Scaling
from marginmix.methods.step import Method
from marginmix.networks.precision import convolutions_in
from marginmix.training.diagnosis import calibration_error

BATCH = 500


@dataclass(frozen=True)
class Evaluation:
    """Confusion matrices [C, C] (rows: true class) of the head and, where there are centroids, of the nearest one; with
    the mean squared distance of an image to the centroid of its own class and to the nearest other. `calibration`: the
    head's expected calibration error, percent."""

    head: np.ndarray
    calibration: float
    centroid: np.ndarray | None = None
    own: float | None = None
    other: float | None = None


def accuracy(confusion: np.ndarray) -> float:
    """Share of correct images, in percent."""
    return 100 * float(np.trace(confusion)) / float(confusion.sum())


def recalls(confusion: np.ndarray) -> np.ndarray:
    """Recall of each class in percent [C]; not a number for a class without images."""
    with np.errstate(invalid="ignore"):
        return 100 * np.diag(confusion) / confusion.sum(1)


def balanced_accuracy(confusion: np.ndarray) -> float:
    """Mean recall over the classes that have images, in percent."""
    return float(np.nanmean(recalls(confusion)))


@torch.no_grad()
def embed(network: nn.Module, images: Tensor, scaling: Scaling, precision: str) -> tuple[Tensor, Tensor]:
    """Logits [N, C] and embeddings [N, D] of uint8 `images` [N, H, W, C], not augmented, in evaluation mode."""
    network.eval()
    with convolutions_in(precision, images.device):
        outputs = [network(scaling(batch)) for batch in images.split(BATCH)]
    return torch.cat([logits for logits, _ in outputs]), torch.cat([embedding for _, embedding in outputs])


def evaluate(method: Method, network: nn.Module, images: Tensor, targets: Tensor, scaling: Scaling,
             adjustment: Tensor | None = None) -> Evaluation:  # fmt: skip
    """`network` and the nearest centroid of `method` on uint8 `images` [N, H, W, C] with `targets` [N].

    `adjustment` [C] is added to the logits."""
    logits, embeddings = embed(network, images, scaling, method.recipe.precision)
    logits = logits if adjustment is None else logits + adjustment
    head = confusion(targets, logits.argmax(1), logits.shape[1])
    calibration = calibration_error(logits.softmax(1), targets)
    distances = method.centroid_distances(embeddings)
    if distances is None:
        return Evaluation(head, calibration)
    own = distances.gather(1, targets[:, None])
    other = distances.scatter(1, targets[:, None], torch.inf).amin(1)
    centroid = confusion(targets, distances.argmin(1), logits.shape[1])
    return Evaluation(head, calibration, centroid, float(own.mean()), float(other.mean()))


def confusion(targets: Tensor, predicted: Tensor, classes: int) -> np.ndarray:
    """Counts [C, C], rows: true class, of the classes `targets` and `predicted` [N]."""
    pairs = (targets * classes + predicted).cpu().numpy()
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
