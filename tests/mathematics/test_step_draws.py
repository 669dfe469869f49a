"""The draws of a step are a pure function of (cell, step), and fair."""

import torch

from marginmix.step_draws import Drawer


def drawer(**changes):
    settings = {
        "cell": "toy/10/0", "labelled": 10, "unlabelled": 50, "batch_size": 8, "augmentations": 2,
        "alpha": 0.75, "lambda_per_example": False, "offsets": 8, "flip": True,
    }  # fmt: skip
    return Drawer(**{**settings, **changes})


def same(a, b):
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)


def test_same_cell_and_step_same_draws_in_any_order():
    first = [drawer().step(i) for i in range(5)]
    assert same(drawer().step(3), first[3])
    assert not same(first[3], first[4])
    assert not same(drawer(cell="toy/10/1").step(3), first[3])


def test_images_come_in_shuffled_passes():
    steps = [drawer().step(i) for i in range(25)]
    labelled = torch.cat([s.labelled for s in steps])
    assert all(sorted(p.tolist()) == list(range(10)) for p in labelled.split(10))
    assert sorted(torch.cat([s.unlabelled for s in steps])[:50].tolist()) == list(range(50))


def test_ranges():
    draws = drawer().step(0)
    assert sorted(draws.partners.tolist()) == list(range(24))
    assert draws.offsets.min() >= 0 and draws.offsets.max() <= 7
    assert draws.lam.unique().numel() == 1 and draws.lam.min() >= 0.5
    assert drawer(lambda_per_example=True).step(0).lam.unique().numel() == 24
    assert not drawer(flip=False).step(0).flips.any()


def test_lambda_has_the_mean_of_the_folded_beta():
    """E max(λ, 1 − λ) for Beta(0.75, 0.75), by numerical integration: 0.7782."""
    lam = torch.cat([drawer(lambda_per_example=True).step(i).lam for i in range(400)])
    assert abs(lam.mean().item() - 0.7782) < 0.005
