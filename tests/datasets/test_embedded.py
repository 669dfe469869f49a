"""digits and faces."""

import numpy as np
import pytest

from marginmix.datasets import get, prepare
from marginmix.datasets.faces import EXPRESSIONS, draw_faces


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    place = tmp_path_factory.mktemp("embedded")
    return {name: prepare(name, None, place, place) for name in ("digits", "faces")}


def test_digits(embedded):
    prepared = embedded["digits"]
    assert prepared.parts == {"train": (0, 1297), "test": (1297, 1797)} and prepared.images.shape[1:] == (8, 8, 1)
    assert (prepared.images.min(), prepared.images.max()) == (0, 255)
    assert np.bincount(prepared.targets[prepared.indices("test")]).tolist() == [50] * 10


def test_faces(embedded):
    prepared = embedded["faces"]
    assert prepared.parts == {"train": (0, 4000), "test": (4000, 5000)} and prepared.images.shape[1:] == (24, 24, 1)
    assert np.ptp(np.bincount(prepared.targets)) <= 1
    assert len(np.unique(prepared.hashes)) == 5000
    assert get("faces").classes == tuple(EXPRESSIONS)


@pytest.mark.parametrize(("name", "data_hash"), [("digits", "f4d47852b28f4803"), ("faces", "a10016cce2ae88af")])
def test_every_machine_has_the_same_bytes(embedded, name, data_hash):
    """A change makes the runs on these data stale; raise LOADER_VERSION with it, or caches keep the old ones."""
    assert embedded[name].data_hash == data_hash


def test_the_dial_moves_the_expression_and_nothing_else():
    clear, slightly, strongly = (draw_faces(70, ambiguity) for ambiguity in (0.0, 0.2, 0.8))
    assert np.array_equal(clear[1], slightly[1]) and np.array_equal(clear[1], strongly[1])
    change = [np.abs(faces[0].astype(int) - clear[0]).mean(axis=(1, 2, 3)) for faces in (slightly, strongly)]
    assert change[0].mean() < change[1].mean() < 12
    assert np.array_equal(clear[0][:, :1], strongly[0][:, :1])  # the top row shows no feature of an expression


def test_ambiguity_brings_the_classes_together():
    def spread(ambiguity: float) -> float:
        images, targets = draw_faces(2100, ambiguity)
        means = np.stack([images[targets == label].mean(0) for label in range(7)])
        return float((means - means.mean(0)).std())

    assert spread(1.0) < 0.9 * spread(0.5) < 0.81 * spread(0.0)
