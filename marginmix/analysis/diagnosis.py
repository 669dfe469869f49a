"""Why a method behaves as it does: its guessed labels and their gradients, on a fixed sample of unlabelled images.

Nothing here changes a run. A copy of the method guesses the labels, batch by batch with batch statistics as in
training, but on images without augmentation.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marginmix.methods.base import Method, Outputs
from marginmix.methods.centroids import squared_distances
from marginmix.methods.mixing import soft_cross_entropy, squared_error
from marginmix.methods.step import forward
from marginmix.training.data import TrainingData

CALIBRATION_BINS = 10
ENTROPY_BINS = 5
MIDDLE = 0.8
"""An image lies in the middle if its squared distance to the nearest class mean exceeds this share of its squared
distance to the second nearest."""

DIAGNOSED = (
    "guess_calibration_error", "guess_imbalance", "in_the_middle",
    *(f"guess_share_{i}" for i in range(1, ENTROPY_BINS + 1)), *(f"gradient_{i}" for i in range(1, ENTROPY_BINS + 1)),
)  # fmt: skip


def calibration_error(probabilities: Tensor, targets: Tensor) -> float:
    """Expected calibration error in percent (Guo et al. 2017, eq. 3; 10 bins) of `probabilities` [N, C] against the
    classes `targets` [N]."""
    confidence, best = probabilities.max(1)
    right = (best == targets).to(confidence.dtype)
    bins = (confidence * CALIBRATION_BINS).long().clamp(0, CALIBRATION_BINS - 1)  # a diverged network gives NaN
    gaps = torch.zeros(CALIBRATION_BINS, dtype=confidence.dtype, device=bins.device)
    return 100 * float(gaps.index_add(0, bins, confidence - right).abs().sum()) / len(targets)


def diagnose(method: Method, network: nn.Module, data: TrainingData, step: Tensor) -> dict[str, float]:
    """The columns `DIAGNOSED` for a row of metrics.csv, after `step` steps; {} if the method guesses no labels.

    - guess_calibration_error: calibration error of the guessed labels, percent.
    - guess_imbalance: total variation between the mean guessed label and the true class shares, percent.
    - in_the_middle: images between two class means (see `MIDDLE`), percent. For every method, the means are those of
      the labelled images' normalised embeddings.
    - guess_share_i, gradient_i, i = 1 … 5: about guessed labels whose entropy lies in the i-th fifth of 0 … log C.
      Their share in percent, and the mean norm of the gradient of the unlabelled loss (weight 1) in an image's logits.
    """
    recipe, known = method.recipe, data.unlabelled[data.targets[data.unlabelled] >= 0]
    count = min(recipe.diagnosed, len(known)) // recipe.batch_size * recipe.batch_size
    if method.looks_at == "nothing" or count == 0:
        return {}
    sample, labelled = (spread(pool, count, recipe.batch_size) for pool in (known, data.labelled))
    guesses, logits, embeddings, theirs = guess(method, network, data, sample, labelled, step)
    kept = guesses.sum(1) > 0  # a row of zeros means that the guess was dropped
    if not kept.any():
        return {}
    sample, guesses, logits, embeddings = (found[kept] for found in (sample, guesses, logits, embeddings))
    targets, classes = data.targets[sample], len(data.classes)
    shares = torch.bincount(targets, minlength=classes) / len(sample)
    row = {
        "guess_calibration_error": calibration_error(guesses, targets),
        "guess_imbalance": 50 * float((guesses.mean(0) - shares).abs().sum()),
        "in_the_middle": 100 * _in_the_middle(embeddings, theirs, data.one_hot(labelled, embeddings.dtype)),
    }
    entropy = -torch.special.xlogy(guesses, guesses).sum(1) / torch.tensor(classes).log()
    fifth = (entropy * ENTROPY_BINS).long().clamp(0, ENTROPY_BINS - 1)
    norms = _gradient(logits, guesses, recipe.unlabelled_loss).norm(dim=1)
    for i in range(ENTROPY_BINS):
        within = fifth == i
        row[f"guess_share_{i + 1}"] = 100 * float(within.float().mean())
        row[f"gradient_{i + 1}"] = float(norms[within].mean())
    return row


def spread(pool: Tensor, count: int, size: int) -> Tensor:
    """`count` entries of the `pool` [N], evenly spread over it. `count` is a multiple of `size`.

    Each consecutive batch of `size` is evenly spread, too, since a pool may be sorted by class. If N is smaller than
    `count`, entries repeat.
    """
    chosen = pool[torch.arange(count, device=pool.device) * len(pool) // max(count, 1)]
    return chosen.view(size, -1).T.flatten()


@torch.no_grad()
def guess(
    method: Method, network: nn.Module, data: TrainingData, sample: Tensor, labelled: Tensor, step: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Guessed labels [N, C], logits [N, C] and embeddings [N, D] of the images `sample` [N], and embeddings [N, D] of
    the images `labelled` [N], after `step` steps. N is a multiple of the batch size."""
    method, size = copy.deepcopy(method), method.recipe.batch_size
    network.train()
    found = []
    for images, known in zip(sample.split(size), labelled.split(size), strict=True):
        views = data.scaling(data.images[torch.cat([known, images])])
        outputs = forward(network, views, 2, 0, method.recipe.precision)
        seen = Outputs.of(outputs, size, size)
        guesses = method.self_label(seen, step)
        found.append((guesses, seen.logits[0], seen.embeddings[0], seen.labelled_embeddings))
    guesses, logits, embeddings, theirs = (torch.cat(tensors) for tensors in zip(*found, strict=True))
    return guesses, logits, embeddings, theirs


def _in_the_middle(embeddings: Tensor, labelled: Tensor, labels: Tensor) -> float:
    """Share of `embeddings` [N, D] in the middle between the two nearest class means of `labelled` [M, D], which have
    the one-hot `labels` [M, C]. NaN if all labels are of one class."""
    if (labels.sum(0) > 0).sum() < 2:
        return float("nan")
    means = labels.T @ F.normalize(labelled, dim=1) / labels.sum(0).clamp_min(1)[:, None]
    nearest = squared_distances(embeddings, means[labels.sum(0) > 0]).topk(2, largest=False, sorted=True).values
    return float((nearest[:, 0] > MIDDLE * nearest[:, 1]).float().mean())


def _gradient(logits: Tensor, guesses: Tensor, loss: str) -> Tensor:
    """The gradient of each image's unlabelled loss in its logits, [N, C]."""
    logits = logits.detach().requires_grad_()
    distance = squared_error if loss == "squared" else soft_cross_entropy
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(distance(logits, guesses) * len(logits), logits)
    return gradient
