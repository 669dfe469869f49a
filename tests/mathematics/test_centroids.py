"""Memberships and centroids of fuzzy C-means, against the formulas written out in numpy and cases worked by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from marginmix.methods.centroids import Centroids, memberships, squared_distances


def bezdek(d, m):
    """u_k = 1 / Σ_j (d_k/d_j)^(1/(m−1)), as printed."""
    return 1 / ((d[:, :, None] / d[:, None, :]) ** (1 / (m - 1))).sum(2)


@pytest.mark.parametrize("fuzzifier", [1.2, 1.5, 2.0, 3.0])
def test_memberships_are_bezdeks(fuzzifier):
    d = np.random.default_rng(0).uniform(0.05, 3, (20, 7))
    u = memberships(torch.from_numpy(d), fuzzifier, 1e-6)
    np.testing.assert_allclose(u.numpy(), bezdek(d, fuzzifier), atol=1e-12)


def test_memberships_by_hand():
    # m = 2: inverse squared distances 1 and 1/3 give 3/4 and 1/4; midway gives a flat label.
    d = torch.tensor([[1.0, 3.0], [2.0, 2.0]], dtype=torch.float64)
    assert memberships(d, 2.0, 1e-6).tolist() == [[pytest.approx(0.75), pytest.approx(0.25)], [0.5, 0.5]]


def test_a_point_on_a_centroid_belongs_to_it():
    u = memberships(torch.tensor([[0.0, 1.0]], dtype=torch.float64), 1.5, 1e-6)
    assert u[0, 0].item() == pytest.approx(1, abs=1e-9)


def test_prior_multiplies_memberships():
    d, prior = np.random.default_rng(1).uniform(0.1, 2, (6, 3)), np.array([0.7, 0.2, 0.1])
    u = bezdek(d, 1.5) * prior**0.5
    got = memberships(torch.from_numpy(d), 1.5, 1e-6, torch.from_numpy(prior), 0.5)
    np.testing.assert_allclose(got.numpy(), u / u.sum(1, keepdims=True), atol=1e-12)


def test_temperature_is_a_change_of_fuzzifier():
    """Sharpening by T multiplies 1/(m − 1) by 1/T."""
    d = torch.rand(9, 4, dtype=torch.float64) + 0.1
    torch.testing.assert_close(memberships(d, 2.0, 1e-6, temperature=0.5), memberships(d, 1.5, 1e-6))


def test_squared_distances_are_of_normalised_embeddings():
    e, c = torch.randn(5, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    expected = (F.normalize(e, dim=1)[:, None] - c).square().sum(2)
    torch.testing.assert_close(squared_distances(e, c), expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(squared_distances(10 * e, c), expected, atol=1e-12, rtol=0)


def make(momentum=0.0, normalise=False):
    return Centroids(2, 2, fuzzifier=2.0, momentum=momentum, normalise=normalise).double()


def test_centroids_start_at_the_labelled_means():
    centroids = make()
    e = torch.tensor([[2.0, 0.0], [0.0, 3.0], [0.0, -1.0]], dtype=torch.float64)
    centroids.start(e, F.one_hot(torch.tensor([0, 0, 1])), batch_size=6)
    assert centroids.positions.tolist() == [[0.5, 0.5], [0.0, -1.0]]
    assert centroids.denominator.tolist() == [4.0, 2.0]  # as a batch of six weighs: 2/3 and 1/3 of it


def test_one_update_without_memory_is_the_formula():
    centroids = make()
    rng = np.random.default_rng(2)
    e, u, w = rng.normal(size=(8, 2)), rng.dirichlet([1, 1], 8), rng.uniform(size=(8, 1))
    centroids.update(*map(torch.from_numpy, (e, u, w)))
    unit = e / np.linalg.norm(e, axis=1, keepdims=True)
    weight = w * u**2
    expected = (weight.T @ unit) / weight.sum(0)[:, None]
    np.testing.assert_allclose(centroids.positions.numpy(), expected, atol=1e-12)


def test_update_has_memory():
    centroids = make(momentum=0.75)
    centroids.numerator[:] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    centroids.denominator[:] = 1.0
    e, u = torch.tensor([[0.0, 5.0]], dtype=torch.float64), torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    centroids.update(e, u, torch.ones(1, 1, dtype=torch.float64))
    # numerator 0.75 (1, 0) + 0.25 (0, 1), denominator 0.75 + 0.25; the other class keeps its place
    assert centroids.positions.tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_normalised_centroids_lie_on_the_sphere_and_an_empty_class_at_the_origin():
    centroids = make(normalise=True)
    centroids.numerator[0] = torch.tensor([3.0, 4.0])
    centroids.denominator[0] = 10.0
    assert centroids.positions.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]
