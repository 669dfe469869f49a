"""Sizes of the networks, their outputs, and batch-norm that keeps batches apart."""

import pytest
import torch

from marginmix.errors import UserError
from marginmix.networks import batch_parts, make_network
from marginmix.runs.recipe import make_recipe


def count(name, classes, channels=3, side=32):
    return sum(p.numel() for p in make_network(make_recipe({"network": name}), classes, channels, side).parameters())


def test_parameter_counts():
    # WRN-28-2 has 1.5 M parameters, CIFAR-100's variant in the MixMatch paper 26 M
    assert count("wrn-28-2", 10) == 1_467_610
    assert round(count("wrn-28-2-large", 100) / 1e6) == 26
    assert count("wrn-28-2-stl", 10, side=96) > 4 * 1_400_000  # one more stage, twice as wide
    assert round(count("wrn-10-1", 8, channels=1, side=24) / 1e3) == 77


@pytest.mark.parametrize(("settings", "dimensions"), [
    ({"network": "wrn-10-1"}, 64), ({"network": "alexnet-2d"}, 2),
    ({"network": "wrn-10-1", "embedding": "flattened"}, 64 * 36),
])  # fmt: skip
def test_outputs(settings, dimensions):
    logits, embedding = make_network(make_recipe(settings), 7, 1, 24)(torch.randn(3, 1, 24, 24))
    assert logits.shape == (3, 7)
    assert embedding.shape == (3, dimensions)


@pytest.mark.parametrize("name", ["wrn-28", "wrn-11-2", "resnet", "wrn-4-1"])
def test_unknown_network(name):
    with pytest.raises(UserError, match="unknown network .* expected wrn-DEPTH-WIDTH"):
        make_network(make_recipe({"network": name}), 7, 1, 24)


@pytest.mark.parametrize("tracked", [0, 1, 3])
def test_parts_of_a_batch_are_normalised_as_separate_forwards_are(tracked):
    torch.manual_seed(0)
    recipe = make_recipe({"network": "wrn-10-1", "batch_norm_momentum": 0.1})
    together = make_network(recipe, 4, 1, 8).double().train()
    apart = make_network(recipe, 4, 1, 8).double().train()
    apart.load_state_dict(together.state_dict())
    images = torch.randn(15, 1, 8, 8, dtype=torch.float64)
    with batch_parts(together, 3, tracked):
        logits, _ = together(images)
    expected = []
    for i, part in enumerate(images.chunk(3)):
        with batch_parts(apart, 1, int(i < tracked)):
            expected.append(apart(part)[0])
    torch.testing.assert_close(logits, torch.cat(expected), atol=1e-12, rtol=0)
    for mine, theirs in zip(together.buffers(), apart.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=0)
