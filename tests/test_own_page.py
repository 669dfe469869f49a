"""The Python blocks of docs/own_method.md and docs/own_dataset.md do what the pages say."""

import sys

import numpy as np
import pytest
import torch

from marginmix.cli import main
from marginmix.datasets import registry
from marginmix.networks import make_network
from marginmix.runs.recipe import make_recipe
from tests.docs_blocks import blocks, write_modules


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder on the import path with the files of the blocks that begin with a file's name."""
    write_modules(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


def test_the_method_has_its_settings(package, capsys):
    assert main(["recipe", "my_package.my_file:MyMethod"]) == 0
    assert "temperature = 0.5  ((0, inf))\n    T of sharpening\npull = 0.1  ([0, inf))" in capsys.readouterr().out


def test_the_network_maps_images_to_logits_and_embedding(package):
    pytest.importorskip("torchvision")
    network = make_network(make_recipe({"network": "my_package.networks:small_resnet"}), 3, 1, 16)
    assert [tuple(part.shape) for part in network(torch.zeros(2, 1, 16, 16))] == [(2, 3), (2, 512)]


def test_the_loader_and_the_row_of_the_dataset(tmp_path):
    found = [block.text for block in blocks("python")]
    loader, row = (next(text for text in found if mark in text) for mark in ("np.load", "_TEXTURES ="))
    images, targets = np.zeros((6, 32, 32, 3), np.uint8), np.arange(6) % 3
    np.savez(tmp_path / "textures.npz", x_train=images, y_train=targets, x_test=images[:3], y_test=targets[:3])
    names = dict(vars(registry))
    exec(row, names)
    exec(loader, names)
    raw = names["load"](tmp_path, names["_TEXTURES"], "npz")
    assert raw.classes == ("brick", "wood", "wool") and list(raw.parts) == ["train", "test"]
    assert raw.parts["train"][1].dtype == np.int64
    assert names["_TEXTURES"].layouts["npz"].sign == "textures.npz"
