"""The candidate margin losses, one case each by hand, and what all of them have in common."""

import math

import pytest
import torch

from marginmix.methods.margin import (
    MarginSettings,
    distance_softmax,
    hinge,
    margin_loss,
    ratio,
    triplet,
    triplet_nearest,
)

# One embedding at squared distances 0.2, 0.5 and 1.0 of class 0: its own, a near and a far other.
D = torch.tensor([[0.2, 0.5, 1.0]], dtype=torch.float64)
HARD = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
SOFT = torch.tensor([[0.6, 0.4, 0.0]], dtype=torch.float64)


def test_hinge():
    # own 0.2; others weigh 1/2: (0.6 − 0.5)/2 + 0
    assert hinge(D, HARD, 0.6).item() == pytest.approx(0.2 + 0.05, abs=1e-12)
    # 0.6 · 0.2 + 0.4 · 0.5; others weigh 0.2, 0.3, 0.5: 0.2 · 0.4 + 0.3 · 0.1
    assert hinge(D, SOFT, 0.6).item() == pytest.approx(0.32 + 0.11, abs=1e-12)


def test_ratio():
    assert ratio(D, HARD, 1.0).item() == pytest.approx(0.2 / 2.5, abs=1e-12)


def test_triplet():
    # (0.4 + 0.2 − 0.5)/2 for the near one, nothing for the far one
    assert triplet(D, HARD, 0.4).item() == pytest.approx(0.05, abs=1e-12)
    # own 0.32, so 0.4 + 0.32 − d: 0.2 · 0.52 + 0.3 · 0.22
    assert triplet(D, SOFT, 0.4).item() == pytest.approx(0.17, abs=1e-12)


def test_triplet_nearest():
    assert triplet_nearest(D, HARD, 0.4).item() == pytest.approx(0.1, abs=1e-12)
    assert triplet_nearest(D, HARD, 0.2).item() == 0


def test_distance_softmax():
    weights = [math.exp(-d / 0.5) for d in (0.2, 0.5, 1.0)]
    assert distance_softmax(D, HARD, 0.5).item() == pytest.approx(-math.log(weights[0] / sum(weights)), abs=1e-12)


@pytest.mark.parametrize("form", ["hinge", "ratio", "triplet", "triplet-nearest", "softmax"])
def test_every_form_pulls_towards_the_own_centroid_and_away_from_the_nearest_other(form):
    d = torch.tensor([[0.6, 0.5, 1.5]], dtype=torch.float64, requires_grad=True)
    margin_loss(d, HARD, MarginSettings(margin=form, margin_width=0.7)).backward()
    assert d.grad[0, 0] > 0 > d.grad[0, 1]


def test_none_is_zero():
    assert margin_loss(D, HARD, MarginSettings(margin="none")).item() == 0
