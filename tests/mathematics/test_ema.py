"""The averaged network and MixMatch's weight decay, by profile."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from marginmix.training.ema import AveragedNetwork, WeightDecay


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def shift(network, by):
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(by)


@pytest.mark.parametrize("over", ["state", "parameters"])
def test_average(network, over):
    average = AveragedNetwork(network, 0.9, over)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    shift(network, 1.0)
    average.update()
    shift(network, 1.0)
    average.update()
    # 0.9 · (0.9 · 0 + 0.1 · 1) + 0.1 · 2 of the way from the start
    for name, tensor in average.module.state_dict().items():
        if tensor.is_floating_point():
            moved = 2.0 if over == "parameters" and "running" in name else 0.29
            torch.testing.assert_close(tensor, before[name] + moved, atol=1e-6, rtol=0)


@pytest.mark.parametrize("over", ["state", "parameters"])
def test_average_is_that_of_torch(network, over):
    """`torch.optim.swa_utils`: with buffers averaged too, or with those of the network."""
    average = AveragedNetwork(network, 0.9, over)
    theirs = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=over == "state")
    theirs.update_parameters(network)  # their first one copies
    for by in (1.0, -0.5, 0.25):
        shift(network, by)
        average.update()
        theirs.update_parameters(network)
    for name, tensor in theirs.module.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(average.module.state_dict()[name], tensor, rtol=1e-6, atol=1e-7, msg=name)


def test_average_is_not_trained(network):
    average = AveragedNetwork(network, 0.9, "state")
    assert not any(parameter.requires_grad for parameter in average.module.parameters())


def test_decay_of_the_whole_state_takes_batch_norm_in(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    WeightDecay(network, 0.5, "state").apply(0.1)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, before[name] * 0.95)


def test_decay_of_kernels_leaves_biases_and_batch_norm(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    WeightDecay(network, 0.5, "kernels").apply(0.1)
    for name, tensor in network.state_dict().items():
        factor = 0.95 if name in ("0.weight", "3.weight") else 1
        torch.testing.assert_close(tensor, before[name] * factor)
