"""A network by import path: torchvision's resnet18 with a 3x3 stem, and what is no such network."""

import sys
import types

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from marginmix.errors import UserError
from marginmix.networks import Headed, batch_parts, make_network
from marginmix.networks.batchnorm import BatchNorm2d
from marginmix.runs.recipe import make_recipe
from tests.toy_training import toy_data, toy_trainer


def small_resnet(classes, channels, side):
    """For small images: a 3x3 stem of stride 1 and no pooling behind it."""
    network = resnet18()
    network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    network.fc = nn.Identity()
    return Headed(network, 512, classes)


MODULE = {
    "small_resnet": small_resnet,
    "logits_only": lambda classes, channels, side: nn.Sequential(nn.Flatten(), nn.Linear(channels * side**2, classes)),
    "no_module": lambda classes, channels, side: None,
    "flat": lambda classes, channels, side: Headed(nn.Flatten(), channels * side**2, classes + 1),
}


@pytest.fixture(autouse=True)
def package(monkeypatch):
    module = types.ModuleType("somebodys_networks")
    vars(module).update(MODULE)
    monkeypatch.setitem(sys.modules, "somebodys_networks", module)


def test_resnet18_with_a_small_stem_trains_by_every_part_of_the_step():
    trainer = toy_trainer("marginmix", toy_data(), network="somebodys_networks:small_resnet")
    trainer.start()
    trainer.step()
    assert trainer.method.task.dimensions == 512 and 0 <= trainer.evaluate()["accuracy"] <= 100
    norms = [layer for layer in trainer.network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 20 and all(isinstance(layer, BatchNorm2d) for layer in norms)
    assert {layer.momentum for layer in norms} == {0.05}


def test_its_batch_norms_keep_parts_apart():
    torch.manual_seed(0)
    recipe = make_recipe({"network": "somebodys_networks:small_resnet"})
    network = make_network(recipe, 3, 1, 8).double().train()
    images = torch.randn(8, 1, 8, 8, dtype=torch.float64)
    with batch_parts(network, 2, 0):
        logits, _ = network(images)
        separate = []
        for part in images.chunk(2):
            with batch_parts(network, 1, 0):
                separate.append(network(part)[0])
    torch.testing.assert_close(logits, torch.cat(separate), atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "line"), [
    ("small_resnt", "somebodys_networks has no function 'small_resnt'; did you mean 'small_resnet'?"),
    ("logits_only", r"expected \(logits \[N, 3\], embedding \[N, D\]\) for N = 2 images, found shapes \(2, 3\);"),
    ("flat", r"found shapes \(2, 4\), \(2, 64\); marginmix.networks.Headed turns a backbone into such a network"),
    ("no_module", r"expected a torch.nn.Module from no_module\(classes, channels, side\), found None"),
])  # fmt: skip
def test_what_is_no_such_network_is_refused(name, line):
    with pytest.raises(UserError, match=line):
        make_network(make_recipe({"network": f"somebodys_networks:{name}"}), 3, 1, 8)


def test_a_module_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="cannot import nobodys_networks"):
        make_network(make_recipe({"network": "nobodys_networks:net"}), 3, 1, 8)


def test_its_batch_norms_keep_their_weights():
    def weighted(classes, channels, side):
        network = small_resnet(classes, channels, side)
        nn.init.constant_(network.backbone.bn1.weight, 0.25)
        network.backbone.bn1.running_mean.fill_(3.0)
        return network

    sys.modules["somebodys_networks"].weighted = weighted
    norm = make_network(make_recipe({"network": "somebodys_networks:weighted"}), 3, 1, 8).backbone.bn1
    assert isinstance(norm, BatchNorm2d) and norm.weight.unique().tolist() == [0.25]
    assert norm.running_mean.unique().tolist() == [3.0]
