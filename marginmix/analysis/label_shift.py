"""Label shift: the images to classify have other class shares than the labelled ones.

Balanced labels do not say how common a class is. These functions estimate the class shares p of an unlabelled set from
a classifier's predictions on it, and adjust predictions to these shares. Under label shift p(x | y) is the same in both
sets. So p(y | x) of one set follows from that of the other by Bayes' rule.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize, nnls

ESTIMATES = ("em", "em-calibrated", "bbse")
"""The ways to estimate shares without labels, by their names in the setting `target_shares`."""
FLOOR = 1e-8
SETTLED = 1e-7
"""Expectation-maximisation ends once every share moves by less than this in a round."""
ROUNDS = 10_000


def adjusted(probabilities: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """p_t(k | x) ∝ p(k | x) t_k / s_k, rows summing to 1 (Saerens et al. 2002, eq. 2.4).

    `probabilities` [N, C] come from a classifier trained under the shares `source` [C]; `target` [C] are the new
    shares.
    """
    weighted = probabilities * (target / np.maximum(source, FLOOR))
    return weighted / weighted.sum(1, keepdims=True)


def em_shares(probabilities: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The class shares [C] of a set by expectation-maximisation (Saerens et al. 2002, eq. 2.9), starting from `source`.

    They maximise the likelihood of the set's images. `probabilities` [N, C] come from a classifier trained under the
    shares `source` [C]. Iteration ends when the shares have settled, or after `ROUNDS`.
    """
    shares = np.asarray(source, np.float64)
    for _ in range(ROUNDS):
        before, shares = shares, adjusted(probabilities, source, shares).mean(0)
        if np.abs(shares - before).max() < SETTLED:
            break
    return shares


def calibration(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Temperature T and biases b [C] of softmax(z / T + b): bias-corrected temperature scaling (Alexandari et al. 2020,
    section 3). They maximise the likelihood of `targets` [N].

    `logits` [N, C] belong to images that the classifier was not trained on. The biases have mean 0.
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
    """The class shares [C] of a set by black-box shift estimation (Lipton et al. 2018, section 3).

    `held_out` [N] are the predicted classes of labelled images that the classifier was not trained on, and `targets`
    [N] their true classes, drawn under the shares `source` [C]. `predicted` [C] is the share of each predicted class on
    the set. Solves Σ_k P(predicts j | k) p_k = predicted_j for p ≥ 0 by least squares.
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
