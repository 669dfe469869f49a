"""The optimisers against `torch.optim`, the learning rate against numbers worked by hand."""

import math

import pytest
import torch
from torch import nn

from marginmix.errors import UserError
from marginmix.training.optimiser import SGD, Adam, Optimiser, make_optimiser
from marginmix.training.trainer import Trainer
from tests.toy_training import small_recipe, toy_trainer

RATES = (0.1, 0.05, 0.2, 0.01)


def network() -> nn.Sequential:
    """With batch-norm, and a layer that never gets a gradient, as the port's network has."""
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2), nn.Linear(2, 2)
    return nn.Sequential(*layers).double()


def loss(net: nn.Sequential, step: int) -> torch.Tensor:
    images = torch.randn(4, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
    return net[:4](images).square().sum()


def walk(net: nn.Sequential, optimiser: Optimiser, first: int = 0) -> None:
    """A step at each of `RATES`, from `first` on."""
    for step in range(first, len(RATES)):
        optimiser.rate.fill_(RATES[step])
        optimiser.zero_grad()
        loss(net, step).backward()
        optimiser.step()


def walk_by_torch(net: nn.Sequential, optimiser: torch.optim.Optimizer) -> None:
    for step, rate in enumerate(RATES):
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss(net, step).backward()
        optimiser.step()


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for (name, mine), theirs in zip(one.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14, msg=name)


def rate() -> torch.Tensor:
    return torch.zeros((), dtype=torch.float64)


def test_adam_is_that_of_torch():
    mine, theirs = network(), network()
    walk(mine, Adam(mine.parameters(), rate()))
    walk_by_torch(theirs, torch.optim.Adam(theirs.parameters(), foreach=False))
    assert_same(mine, theirs)


@pytest.mark.parametrize("momentum", [0.9, 0.5, 0.0])
@pytest.mark.parametrize("on", ["kernels", "state"])
def test_sgd_is_that_of_torch(momentum, on):
    """kernels: those of convolutions and linear layers decay; state: every parameter does."""
    mine, theirs = network(), network()
    recipe = small_recipe(optimiser="sgd", momentum=momentum, weight_decay=0.3, weight_decay_on=on)
    walk(mine, make_optimiser(recipe, mine, rate()))
    kernels = [theirs[0].weight, theirs[3].weight, theirs[4].weight]
    others = [*theirs[1].parameters(), theirs[3].bias, theirs[4].bias]
    groups = [{"params": kernels}, {"params": others, "weight_decay": 0.3 if on == "state" else 0.0}]
    walk_by_torch(theirs, torch.optim.SGD(groups, momentum=momentum, nesterov=momentum > 0, weight_decay=0.3))
    assert_same(mine, theirs)
    assert not torch.equal(mine[0].weight, network()[0].weight)


@pytest.mark.parametrize("make", [Adam, lambda parameters, rate: SGD(parameters, rate, 0.9)])
def test_state_is_all_that_the_next_steps_need(make):
    whole, part = network(), network()
    walk(whole, make(whole.parameters(), rate()))
    first = make(part.parameters(), rate())
    for step in range(2):
        first.rate.fill_(RATES[step])
        first.zero_grad()
        loss(part, step).backward()
        first.step()
    second = make(part.parameters(), rate())
    second.load_state(first.state())
    walk(part, second, 2)
    assert all(map(torch.equal, whole.parameters(), part.parameters()))


def test_a_step_of_sgd_asks_nothing_of_the_host():
    net = nn.Linear(3, 2, device="meta")
    optimiser = SGD(net.parameters(), torch.zeros((), device="meta"), 0.9, 0.1, [net.weight])
    net(torch.zeros(4, 3, device="meta")).sum().backward()
    optimiser.step()
    assert all(velocity.is_meta for velocity in optimiser.velocities)


def learner(**settings) -> Trainer:
    return toy_trainer("supervised", **settings)


def test_the_cosine_by_hand():
    """cos 0 = 1, cos(7 π / 32) = 0.77301045, cos(7 π / 16) = 0.19509032."""
    here = learner(schedule="cosine", learning_rate=0.03, steps=100)
    found = [here.learning_rate(torch.tensor(step)).item() for step in (0, 50, 100)]
    assert found == pytest.approx([0.03, 0.03 * 0.7730104533627370, 0.03 * 0.1950903220161283], rel=1e-12)


def test_two_ways_for_the_rate_to_fall_are_refused():
    with pytest.raises(UserError, match=r"schedule: cosine or decay_last, which both .* found both \(decay_last 0.3\)"):
        small_recipe(schedule="cosine", decay_last=0.3)


@pytest.mark.parametrize("wrong", [{"optimiser": "rmsprop"}, {"momentum": 1.0}, {"unlabelled_ratio": 0}])
def test_values_that_are_not_allowed(wrong):
    (name,) = wrong
    with pytest.raises(UserError, match=f"recipe: {name} must"):
        small_recipe(**wrong)


def test_training_by_sgd_with_a_cosine():
    """The trainer's rate of each step, and no decay apart from the loss's."""
    here = learner(optimiser="sgd", schedule="cosine", learning_rate=0.1, weight_decay=0.01, weight_decay_on="kernels")
    theirs = learner().network
    kernels = [layer.weight for layer in theirs.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    others = [p for p in theirs.parameters() if all(p is not kernel for kernel in kernels)]
    groups = [{"params": kernels, "weight_decay": 0.01}, {"params": others}]
    plain = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    for step in range(3):
        images, labels, _ = here.views(here.drawer.step(step))
        for group in plain.param_groups:
            group["lr"] = 0.1 * math.cos(7 * math.pi * step / (16 * 6))
        plain.zero_grad()
        nn.functional.cross_entropy(theirs.train()(images)[0], labels.argmax(1)).backward()
        plain.step()
        here.step()
    for (name, mine), other in zip(here.network.state_dict().items(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12, msg=name)
