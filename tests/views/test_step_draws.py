"""The draws of a step are a pure function of (cell, step), and fair."""

import hashlib

import numpy as np
import pytest
import torch

from marginmix.draws import shuffled
from marginmix.views.step_draws import Drawer
from marginmix.views.strong import draw_strong


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


@pytest.mark.parametrize(
    "changes", [{}, {"augmentations": 1, "strong": True}, {"lambda_per_example": True, "flip": False}]
)
def test_equal_batches_draw_what_they_always_drew(changes):
    """Step 3, in the order in which results that were published drew it."""
    here = drawer(**changes)
    found, views = here.step(3), 8 * (1 + here.augmentations)
    key = hashlib.sha256(b"toy/10/0/step/3").digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))
    lam = rng.beta(0.75, 0.75, size=(views if here.lambda_per_example else 1, 1))
    expected = {"lam": np.maximum(lam, 1 - lam).astype(np.float32).repeat(views // len(lam), 0)}
    expected["offsets"] = rng.integers(0, 8, size=(views, 2))
    expected["flips"] = rng.random(views) < 0.5 if here.flip else np.zeros(views, bool)
    expected["partners"] = rng.permutation(views)
    passes = np.concatenate([shuffled(np.arange(10), f"toy/10/0/labelled/{turn}") for turn in range(4)])
    expected["labelled"] = passes[24:32]
    expected["unlabelled"] = shuffled(np.arange(50), "toy/10/0/unlabelled/0")[24:32]
    expected["strong"] = draw_strong("toy/10/0/strong/3", 8).packed() if here.strong else torch.zeros(0, 8)
    for name, values in expected.items():
        drawn = getattr(found, name)
        assert torch.equal(drawn, torch.as_tensor(values).to(drawn.dtype)), name


@pytest.mark.parametrize("per_example", [False, True])
def test_more_unlabelled_images_leave_the_rest_as_it_was(per_example):
    """The labelled images and views, and those of the first B unlabelled ones, are drawn as with equal batches."""
    one, more = (
        drawer(strong=True, lambda_per_example=per_example, unlabelled_ratio=ratio).step(3) for ratio in (1, 3)
    )
    assert torch.equal(one.labelled, more.labelled)
    kept = torch.cat([torch.arange(8), torch.arange(8, 16), torch.arange(32, 40)])
    for name in ("offsets", "flips", "lam"):
        assert len(getattr(more, name)) == 8 * (1 + 2 * 3)
        assert torch.equal(getattr(one, name), getattr(more, name)[kept]), name
    assert sorted(more.partners.tolist()) == list(range(56))
    assert more.strong.shape == (24, 8) and torch.equal(one.strong, more.strong[:8])
    assert len(more.lam.unique()) == (56 if per_example else 1)
    assert len(more.offsets.unique(dim=0)) > 24 and 0 < more.flips[16:32].sum() < 16


def test_many_unlabelled_images_come_in_shuffled_passes_too():
    drawn = torch.cat([drawer(unlabelled_ratio=7).step(step).unlabelled for step in range(5)])
    assert len(drawn) == 5 * 56
    assert all(sorted(part.tolist()) == list(range(50)) for part in drawn[:250].split(50))


def test_offsets_flips_and_views_are_drawn_fairly():
    """Of 400 steps: each of 8 offsets about an eighth of the time, half of the views flipped; bounds of five standard
    errors. Two views of an image differ, and so do two passes over a pool and the rows from the columns."""
    steps = [drawer().step(i) for i in range(400)]
    offsets = torch.stack([step.offsets for step in steps])
    flips = torch.stack([step.flips for step in steps]).double()
    for axis in range(2):
        shares = offsets[:, :, axis].flatten().bincount(minlength=8) / offsets[:, :, axis].numel()
        assert len(shares) == 8 and (shares - 1 / 8).abs().max() < 5 * (1 / 8 * 7 / 8 / 9600) ** 0.5
    assert abs(float(flips.mean()) - 0.5) < 5 * 0.5 / 9600**0.5
    same = (offsets[:, 8:16] == offsets[:, 16:24]).all(2).double().mean()
    assert abs(float(same) - 1 / 64) < 5 * (1 / 64 * 63 / 64 / 3200) ** 0.5
    assert abs(float((flips[:, 8:16] == flips[:, 16:24]).double().mean()) - 0.5) < 5 * 0.5 / 3200**0.5
    assert abs(float((offsets[:, :, 0] == offsets[:, :, 1]).double().mean()) - 1 / 8) < 5 * (7 / 64 / 9600) ** 0.5
    passes = torch.cat([step.labelled for step in steps]).view(-1, 10)
    assert len(passes.unique(dim=0)) == len(passes)
    first = torch.stack([step.partners for step in steps])[:, 0].bincount(minlength=24) / 400
    assert (first - 1 / 24).abs().max() < 5 * (1 / 24 * 23 / 24 / 400) ** 0.5
