"""Label shift: the images to classify have other class shares than the labelled ones.

Balanced labels say nothing of how common a class is. These functions estimate the shares p of an unlabelled set from a
classifier's predictions on it, and adjust predictions to them. Under label shift p(x | y) is the same in both sets. So
p(y | x) of one set follows from that of the other by Bayes' rule.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize, nnls

ESTIMATES = ("em", "em-calibrated", "bbse")
"""The ways of estimating shares without labels, by their names in `target_shares`."""
FLOOR = 1e-8
SETTLED = 1e-7
"""Expectation-maximisation ends where no share moves by more than this in a round."""
ROUNDS = 10_000


def adjusted(probabilities: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """p_t(k | x) ∝ p(k | x) t_k / s_k, rows summing to 1 (Saerens et al. 2002, eq. 2.4).

    `probabilities` [N, C] come from a classifier trained under the shares `source` [C]; `target` [C] are the new
    shares.
    """
    weighted = probabilities * (target / np.maximum(source, FLOOR))
    return weighted / weighted.sum(1, keepdims=True)


def em_shares(probabilities: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The shares [C] of a set by expectation-maximisation (Saerens et al. 2002, eq. 2.9), from the `source` shares on.

    They maximise the likelihood of the set's images, given `probabilities` [N, C] by a classifier that learned under
    `source` [C]. They are returned once they have settled.
    """
    shares = np.asarray(source, np.float64)
    for _ in range(ROUNDS):
        before, shares = shares, adjusted(probabilities, source, shares).mean(0)
        if np.abs(shares - before).max() < SETTLED:
            break
    return shares


def calibration(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Temperature T and biases b [C] of softmax(z / T + b), bias-corrected temperature scaling (Alexandari et al.
    2020, section 3): those under which `targets` [N] are most likely.

    `logits` [N, C] are of images that the classifier has not learned from. The biases have mean 0.
    """
    classes = logits.shape[1]
    one_hot = np.eye(classes)[targets]

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean negative log-likelihood and its gradient, in (log 1/T, b)."""
        scale = np.exp(parameters[0])
        log_p = log_softmax(logits * scale + parameters[1:])
        residual = np.exp(log_p) - one_hot
        slope = (residual * logits).sum() * scale / len(logits)
        return -(one_hot * log_p).sum() / len(logits), np.r_[slope, residual.mean(0)]

    found = minimize(loss, np.zeros(1 + classes), jac=True, method="L-BFGS-B", bounds=[(-6, 6)] + [(-20, 20)] * classes)
    biases = found.x[1:]
    return float(np.exp(-found.x[0])), biases - biases.mean()


def black_box_shares(
    held_out: np.ndarray, targets: np.ndarray, predicted: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """The shares [C] of a set by black-box shift estimation (Lipton et al. 2018, section 3).

    Of labelled images that the classifier has not learned from, `held_out` [N] are its classes and `targets` [N] the
    true ones, drawn under the shares `source` [C]. `predicted` [C] is how often it says each class on the set. Solves
    Σ_k P(says j | k) p_k = predicted_j for p ≥ 0 in least squares.
    """
    classes = len(source)
    says = np.zeros((classes, classes))
    np.add.at(says, (held_out, targets), 1)
    says = says / np.maximum(says.sum(0), 1)
    shares, _ = nnls(says, predicted)
    return shares / shares.sum() if shares.sum() > 0 else np.asarray(source, np.float64)


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Total variation between two sets of shares, percent: half the sum of their absolute differences."""
    return 50 * float(np.abs(np.subtract(one, other)).sum())


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Logarithms of softmax over the rows of [N, C]."""
    shifted = scores - scores.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
