"""The class shares of the unlabelled images, estimated without further labels by labelled-only networks.

Each network trains on all labelled images except one fold, and predicts the classes of that fold. These held-out
predictions calibrate probabilities and measure confusion. Predictions for a network's own training images could not.
"""

import hashlib
import sys
import warnings
from dataclasses import asdict, replace

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold

from marginmix.analysis.label_shift import ESTIMATES, black_box_shares, calibration, em_shares, log_softmax
from marginmix.methods.base import Method
from marginmix.methods.margin_supervised import MarginSupervised
from marginmix.runs.recipe import core_settings
from marginmix.training.data import TrainingData
from marginmix.training.evaluate import embed
from marginmix.training.execution import EAGER
from marginmix.training.learner import Learner

JUDGED = 5_000
"""Number of unlabelled images used for the estimate, evenly spread over the pool. The standard error of a share is then
at most 0.7 points."""

Shares = dict[str, list[float]]


def labelled_shares(data: TrainingData) -> np.ndarray:
    """Class shares [C] of the labelled images."""
    return _shares_of(data.targets[data.labelled].cpu().numpy(), len(data.classes))


def true_shares(data: TrainingData) -> np.ndarray:
    """Class shares [C] of the unlabelled images, from their hidden labels: an upper bound for any estimate."""
    targets = data.targets[data.unlabelled].cpu().numpy()
    return _shares_of(targets[targets >= 0], len(data.classes))


def estimated_shares(recipe: Method.Settings, data: TrainingData, cell: str) -> Shares:
    """The class shares of the unlabelled images by each of `ESTIMATES`: name -> [C].

    They come from `recipe.share_folds` labelled-only networks, trained for `recipe.share_steps` steps and seeded by
    `cell`.

    - em: expectation-maximisation on the networks' mean probabilities (Saerens et al. 2002).
    - em-calibrated: the same, after bias-corrected temperature scaling on held-out labels (Alexandari et al. 2020).
    - bbse: black-box shift estimation from the confusion on held-out labels (Lipton et al. 2018).
    """
    source, classes = labelled_shares(data), len(data.classes)
    labelled = data.labelled.cpu().numpy()
    targets = data.targets[data.labelled].cpu().numpy()
    held_out, unlabelled = np.zeros((len(labelled), classes)), []
    step = max(1, len(data.unlabelled) // JUDGED)
    judged = data.unlabelled[::step]
    folds = _folds(targets, recipe.share_folds, cell)
    for number, (learned, left_out) in enumerate(folds):
        network = _labelled_only(recipe, data, learned, f"{cell}/shares/{number}")
        held_out[left_out] = _logits(network, data, data.labelled[_indices(left_out, data)], recipe)
        unlabelled.append(_logits(network, data, judged, recipe))
        print(f"{cell}: class shares, network {number + 1} of {len(folds)}", file=sys.stderr, flush=True)
    temperature, biases = calibration(held_out, targets)
    plain = np.mean([np.exp(log_softmax(logits)) for logits in unlabelled], axis=0)
    calibrated = np.mean([np.exp(log_softmax(logits / temperature + biases)) for logits in unlabelled], axis=0)
    says = np.mean([_shares_of(logits.argmax(1), classes) for logits in unlabelled], axis=0)
    found = {
        "em": em_shares(plain, source),
        "em-calibrated": em_shares(calibrated, source),
        "bbse": black_box_shares(held_out.argmax(1), targets, says, source),
    }
    return {name: found[name].tolist() for name in ESTIMATES}


def _labelled_only(recipe: Method.Settings, data: TrainingData, learned: np.ndarray, cell: str) -> torch.nn.Module:
    """The averaged network after training on only the labelled images at the positions `learned`."""
    chosen = data.labelled[_indices(learned, data)]
    short = core_settings(asdict(recipe)) | {
        "steps": recipe.share_steps, "evaluations": 1, "score_window": 1, "diagnosed": 0, "samples": 0, "snapshots": (),
    }  # fmt: skip
    short = MarginSupervised.Settings(**short, margin="none")
    learner = Learner(short, MarginSupervised, replace(data, labelled=chosen), cell, EAGER)
    for _ in range(short.steps):
        learner.step()
    return learner.average.module


def _logits(network: torch.nn.Module, data: TrainingData, indices: torch.Tensor, recipe: Method.Settings) -> np.ndarray:
    """Logits [N, C] of the images `indices` [N]."""
    return embed(network, data.images[indices], data.scaling, recipe.precision)[0].double().cpu().numpy()


def _indices(positions: np.ndarray, data: TrainingData) -> torch.Tensor:
    return torch.from_numpy(positions).to(data.labelled.device)


def _folds(targets: np.ndarray, folds: int, cell: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(positions to train on, held-out positions) of each fold. Folds are stratified: each has every class if the
    labels suffice."""
    seed = int.from_bytes(hashlib.sha256(f"{cell}/shares".encode()).digest()[:4], "little")
    rarest = int(np.unique(targets, return_counts=True)[1].min())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of a class with fewer images than folds
        splitter = StratifiedKFold(max(2, min(folds, rarest)), shuffle=True, random_state=seed)
        return list(splitter.split(targets, targets))


def _shares_of(targets: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(targets, minlength=classes) / max(len(targets), 1)
