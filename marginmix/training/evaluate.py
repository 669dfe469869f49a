"""Evaluation of a network on a set of images, and the measures of a confusion matrix."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from marginmix.analysis.diagnosis import calibration_error
from marginmix.methods.base import Method, Outputs, expect_shape
from marginmix.networks.precision import convolutions_in
from marginmix.views.augment import Scaling

BATCH = 500


@dataclass(frozen=True)
class Evaluation:
    """A network on N images: its outputs; a confusion matrix [C, C] (rows: true class) for each prediction of the
    method by name, the method's own first; the expected calibration error of its own, percent; and the class that it
    predicts for each image, `predicted` [N], on the CPU."""

    seen: Outputs
    confusions: dict[str, np.ndarray]
    calibration: float
    predicted: Tensor

    @property
    def confusion(self) -> np.ndarray:
        return next(iter(self.confusions.values()))

    def accuracies(self) -> dict[str, float]:
        """accuracy, balanced_accuracy, and for each other prediction accuracy_NAME, balanced_accuracy_NAME, percent."""
        row = {}
        for i, (name, found) in enumerate(self.confusions.items()):
            suffix = f"_{name}" if i else ""
            row |= {f"accuracy{suffix}": accuracy(found), f"balanced_accuracy{suffix}": balanced_accuracy(found)}
        return row


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
    """Logits [N, C] and embeddings [N, D] of uint8 `images` [N, H, W, C], without augmentation, in evaluation mode."""
    network.eval()
    with convolutions_in(precision, images.device):
        outputs = [network(scaling(batch)) for batch in images.split(BATCH)]
    return torch.cat([logits for logits, _ in outputs]), torch.cat([embedding for _, embedding in outputs])


def evaluate(method: Method, network: nn.Module, images: Tensor, targets: Tensor, scaling: Scaling,
             adjustment: Tensor | None = None) -> Evaluation:  # fmt: skip
    """`network` and the predictions of `method` on uint8 `images` [N, H, W, C] with `targets` [N].

    `adjustment` [C] is added to the scores of the method's own prediction."""
    seen = Outputs(*embed(network, images, scaling, method.recipe.precision))
    scores = method.predict(seen)
    for name, found in scores.items():
        expect_shape(method, f"predict, {name!r}", found, tuple(seen.logits.shape))
    own, *others = scores
    if adjustment is not None:
        scores = {**scores, own: scores[own] + adjustment}
    classes = seen.logits.shape[1]
    predicted = {name: scores[name].argmax(1) for name in (own, *others)}
    confusions = {name: confusion(targets, found, classes) for name, found in predicted.items()}
    kept = predicted[own].to(torch.uint8 if classes <= 256 else torch.uint16).cpu()
    return Evaluation(seen, confusions, calibration_error(scores[own].softmax(1), targets), kept)


def confusion(targets: Tensor, predicted: Tensor, classes: int) -> np.ndarray:
    """Counts [C, C], rows: true class, of the classes `targets` and `predicted` [N]."""
    pairs = (targets * classes + predicted).cpu().numpy()
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
