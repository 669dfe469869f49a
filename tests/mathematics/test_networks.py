"""Sizes of the networks, their outputs, and batch-norm that keeps batches apart."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

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


def plain_wrn_10_1(state, images, raw: bool, training: bool):
    """Logits and embedding of a WRN-10-1 (Zagoruyko & Komodakis 2016; leak 0.1) in functions alone."""

    def norm(x, name):
        mean, variance = (None, None) if training else (state[f"{name}.running_mean"], state[f"{name}.running_var"])
        x = F.batch_norm(x, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"], training, eps=1e-5)
        return torch.where(x > 0, x, 0.1 * x)

    def convolved(x, name, stride=1):
        kernel = state[f"{name}.weight"]
        return F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    x = convolved(images, "stem")
    for i in range(3):
        block, stride = f"blocks.{i}", 1 if i == 0 else 2
        entry = x if raw and i > 0 else norm(x, f"{block}.norm1")
        out = convolved(norm(convolved(entry, f"{block}.conv1", stride), f"{block}.norm2"), f"{block}.conv2")
        # The first block is no wider than the stem: its shortcut is its activated input.
        x = out + (entry if i == 0 else convolved(x, f"{block}.shortcut", stride))
    embedding = norm(x, "norm").mean((2, 3))
    return embedding @ state["head.weight"].T + state["head.bias"], embedding


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stage_input", ["raw", "activated"])
def test_a_wrn_is_the_plain_one(stage_input, training):
    torch.manual_seed(0)
    network = make_network(make_recipe({"network": "wrn-10-1", "stage_input": stage_input}), 5, 3, 8).double()
    state = network.state_dict()
    for name, value in state.items():
        if value.is_floating_point() and not name.startswith("stem"):
            value.add_(0.1 * torch.rand_like(value))
    images = torch.randn(6, 3, 8, 8, dtype=torch.float64)
    expected = plain_wrn_10_1(
        {name: value.clone() for name, value in state.items()}, images, stage_input == "raw", training
    )
    for found, plain in zip(network.train(training)(images), expected, strict=True):
        torch.testing.assert_close(found, plain, rtol=1e-10, atol=1e-12)


@torch.no_grad()
def test_initial_weights():
    """Kernels: normal, variance 2 / (k² outputs), for each layer within five standard errors. The head: Glorot's
    normal, variance 2 / (inputs + classes), or PyTorch's uniform, ± 1 / sqrt(inputs)."""
    torch.manual_seed(0)
    for head in ("glorot", "uniform"):
        network = make_network(make_recipe({"network": "wrn-10-2", "head_init": head}), 100, 3, 8)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                outputs, count = layer.weight.shape[0], layer.weight.numel()
                expected = (2 / (layer.weight[0, 0].numel() * outputs)) ** 0.5
                assert abs(float(layer.weight.std()) / expected - 1) < 5 / (2 * count) ** 0.5
                assert layer.weight.abs().max() > 2.5 * expected, "normal, not uniform"
        weights, inputs = network.head.weight, 128
        assert not network.head.bias.any()
        if head == "glorot":
            expected = (2 / (inputs + 100)) ** 0.5
            assert weights.abs().max() > 3 * expected
        else:
            expected = (1 / inputs / 3) ** 0.5
            assert 0.99 / inputs**0.5 < weights.abs().max() <= 1 / inputs**0.5
        assert abs(float(weights.std()) / expected - 1) < 0.03
