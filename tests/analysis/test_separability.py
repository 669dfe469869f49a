"""Separability by hand, and that all four numbers say which of two clouds is the more separable."""

import numpy as np
import pytest

from marginmix.analysis.separability import MEASURES, fisher_ratio, neighbour_error, separability
from marginmix.reporting.domains import MEASURES as TOLD


def clouds(distance: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = np.arange(600) % 3
    corners = distance * np.array([[0, 0], [1, 0], [0, 1]])
    return corners[targets] + rng.normal(size=(600, 2)), targets


def test_fisher_ratio_by_hand():
    """Means 1 and 5 of two points each, all 1 from theirs: between 4 * 2², within 4 * 1."""
    assert fisher_ratio(np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([0, 0, 1, 1])) == 4.0
    assert fisher_ratio(np.array([[0.0], [0.0], [1.0]]), np.array([0, 0, 1])) == float("inf")


def test_fisher_ratio_is_the_quotient_of_the_two_scatters():
    points, targets = clouds(2.0)
    means = np.stack([points[targets == k].mean(0) for k in range(3)])
    between = 200 * np.square(means - points.mean(0)).sum()
    within = np.square(points - means[targets]).sum()
    assert fisher_ratio(points, targets) == pytest.approx(between / within, rel=1e-9)


def test_a_point_does_not_vote_for_itself():
    """Four points of one class, one of another: it alone is outvoted."""
    assert neighbour_error(np.arange(5.0)[:, None], np.array([0, 0, 1, 0, 0])) == 20.0


def test_all_measures_tell_far_clouds_from_near_ones():
    near, far = separability(*clouds(1.0)), separability(*clouds(5.0))
    for name in MEASURES:
        assert np.sign(far[name] - near[name]) == TOLD[name][1], name
    assert far["neighbour_error"] < 3 and far["silhouette"] > 0.5


def test_one_class_is_not_separable_from_anything():
    assert all(np.isnan(value) for value in separability(np.eye(3), np.zeros(3, int)).values())


@pytest.mark.parametrize("points", [np.zeros((60, 2)), np.full((60, 2), np.nan)])
def test_a_network_that_collapsed_or_diverged_separates_nothing(points):
    assert all(np.isnan(value) for value in separability(points, np.arange(60) % 3).values())


def test_many_points_are_thinned_evenly():
    """Sorted by class, so that the first 3,000 of 6,000 would be of other classes than the rest."""
    points, targets = clouds(3.0)
    order = np.argsort(targets, kind="stable")
    few = separability(points, targets)
    many = separability(np.repeat(points[order], 10, axis=0), np.repeat(targets[order], 10))
    assert many["fisher_ratio"] == pytest.approx(few["fisher_ratio"])
    assert many["silhouette"] == pytest.approx(few["silhouette"], abs=0.02)
