"""Ranges, permutations and frequencies of a step's draws, whatever the sizes."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marginmix.draws import shuffled, uniform
from marginmix.views.step_draws import Drawer

drawers = st.builds(
    Drawer, cell=st.text(max_size=12), labelled=st.integers(1, 60), unlabelled=st.integers(1, 200),
    batch_size=st.integers(2, 16), augmentations=st.integers(1, 4), alpha=st.floats(0.05, 4),
    lambda_per_example=st.booleans(), offsets=st.integers(1, 9), flip=st.booleans(), strong=st.booleans(),
    unlabelled_ratio=st.integers(1, 4),
)  # fmt: skip


@given(drawers, st.integers(0, 10_000))
def test_ranges_and_permutations(drawer, step):
    draws = drawer.step(step)
    size, more = drawer.batch_size, drawer.batch_size * drawer.unlabelled_ratio
    views = size + drawer.augmentations * more
    assert draws.labelled.shape == (size,) and draws.unlabelled.shape == (more,)
    assert draws.labelled.min() >= 0 and draws.labelled.max() < drawer.labelled
    assert draws.unlabelled.min() >= 0 and draws.unlabelled.max() < drawer.unlabelled
    assert draws.offsets.shape == (views, 2)
    assert draws.offsets.min() >= 0 and draws.offsets.max() < drawer.offsets
    assert sorted(draws.partners.tolist()) == list(range(views))
    assert draws.lam.shape == (views, 1) and draws.lam.min() >= 0.5 and draws.lam.max() <= 1
    assert draws.flips.shape == (views,) and (drawer.flip or not draws.flips.any())
    if not drawer.lambda_per_example:
        assert len(draws.lam.unique()) == 1
    assert len(draws.strong) == (more if drawer.strong else 0)


@given(drawers, st.integers(0, 10_000))
def test_the_same_step_is_drawn_alike(drawer, step):
    for one, other in zip(drawer.step(step).tensors(), drawer.step(step).tensors(), strict=True):
        assert torch.equal(one, other)


@settings(max_examples=25)
@given(drawers)
def test_every_image_comes_once_in_a_pass(drawer):
    batch = drawer.batch_size
    pools = ("labelled", drawer.labelled, batch), ("unlabelled", drawer.unlabelled, batch * drawer.unlabelled_ratio)
    for pool, size, count in pools:
        steps = -(-2 * size // count)
        order = torch.cat([getattr(drawer.step(step), pool) for step in range(steps)])
        for turn in range(2):
            assert sorted(order[turn * size : (turn + 1) * size].tolist()) == list(range(size))


@settings(max_examples=10)
@given(st.text(max_size=8), st.integers(2, 9))
def test_offsets_flips_and_partners_are_equally_frequent(cell, offsets):
    """Within six standard deviations of a binomial's mean."""
    drawer = Drawer(cell, 10, 50, 16, 2, 0.75, True, offsets, True)
    steps = [drawer.step(step) for step in range(40)]
    found = torch.cat([step.offsets for step in steps]).flatten()
    expected, spread = len(found) / offsets, (len(found) / offsets * (1 - 1 / offsets)) ** 0.5
    assert (found.bincount(minlength=offsets) - expected).abs().max() <= 6 * spread
    flips = torch.cat([step.flips for step in steps])
    assert abs(int(flips.sum()) - len(flips) / 2) <= 6 * (len(flips) / 4) ** 0.5
    first = torch.stack([step.partners for step in steps])[:, 0]
    assert len(first.unique()) > 10, "a view is mixed with others each time"


@given(st.text(max_size=20), st.integers(0, 200))
def test_shuffling_loses_and_invents_nothing(text, size):
    values = np.arange(size) * 3
    found = shuffled(values, text)
    assert sorted(found) == sorted(values) and (shuffled(values, text) == found).all()


@given(st.text(max_size=20))
def test_uniform_numbers_lie_in_their_interval_and_spread_over_it(text):
    found = uniform(text, 40, 10)
    assert found.shape == (40, 10) and found.min() >= 0 and found.max() < 1
    assert (np.histogram(found, 4, (0, 1))[0] > 50).all()
