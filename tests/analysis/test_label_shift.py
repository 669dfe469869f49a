"""Label shift: adjustment by hand, shares of sets whose shares are known, scipy and scikit-learn as oracles."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from marginmix.analysis.label_shift import adjusted, black_box_shares, calibration, em_shares, log_softmax

EQUAL = np.array([0.5, 0.5])


def test_a_prediction_is_adjusted_as_bayes_says():
    found = adjusted(np.array([[0.6, 0.4], [0.5, 0.5]]), EQUAL, np.array([0.2, 0.8]))
    assert found == pytest.approx(np.array([[0.12 / 0.44, 0.32 / 0.44], [0.2, 0.8]]))
    assert adjusted(found, np.array([0.2, 0.8]), EQUAL) == pytest.approx(np.array([[0.6, 0.4], [0.5, 0.5]]))


def test_expectation_maximisation_solves_a_case_that_can_be_solved_by_hand():
    # Sure of nine images in ten: the likelihood of p is highest where 0.7 (1 - e) + 0.3 e is what is seen, e = 0.1.
    seen = np.r_[np.tile([0.9, 0.1], (66, 1)), np.tile([0.1, 0.9], (34, 1))]
    assert em_shares(seen, EQUAL) == pytest.approx([0.7, 0.3], abs=1e-5)


@pytest.mark.parametrize("source", [[0.5, 0.5], [0.3, 0.7]])
def test_every_estimate_finds_the_shares_of_gaussian_classes(source):
    rng = np.random.default_rng(0)

    def drawn(count, shares):
        targets = rng.choice(2, count, p=shares)
        return rng.normal(2.0 * targets - 1, 1.0), targets

    def logits(x):  # the true posterior under `source`: log p1/p0 = 2 x + log s1/s0
        return np.stack([np.zeros_like(x), 2 * x + np.log(source[1] / source[0])], 1)

    known, targets = drawn(4000, source)
    x, _ = drawn(20_000, [0.85, 0.15])
    plain = np.exp(log_softmax(logits(x)))
    assert em_shares(plain, np.array(source)) == pytest.approx([0.85, 0.15], abs=0.01)
    says = np.bincount(logits(x).argmax(1), minlength=2) / len(x)
    found = black_box_shares(logits(known).argmax(1), targets, says, np.array(source))
    assert found == pytest.approx([0.85, 0.15], abs=0.02)


def test_black_box_shares_by_hand_and_never_negative():
    held_out, targets = np.array([0, 0, 0, 1, 1, 1, 1, 0]), np.array([0, 0, 0, 0, 1, 1, 1, 1])  # 3/4 of each are right
    assert black_box_shares(held_out, targets, np.array([0.6, 0.4]), EQUAL) == pytest.approx([0.7, 0.3])
    assert black_box_shares(held_out, targets, np.array([0.9, 0.1]), EQUAL) == pytest.approx([1.0, 0.0])


def test_calibration_is_the_most_likely_temperature_and_bias():
    """Against scikit-learn: with two classes z / T + b is a logistic regression on z1 - z0."""
    rng = np.random.default_rng(1)
    gap = rng.normal(0, 4, 500)
    targets = (rng.random(500) < 1 / (1 + np.exp(-(gap / 3 + 0.7)))).astype(int)
    logits = np.stack([np.zeros(500), gap], 1)
    temperature, biases = calibration(logits, targets)
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(gap[:, None], targets)
    assert 1 / temperature == pytest.approx(oracle.coef_[0, 0], rel=1e-3)
    assert biases[1] - biases[0] == pytest.approx(oracle.intercept_[0], rel=1e-3)
    assert biases.sum() == pytest.approx(0, abs=1e-9)
