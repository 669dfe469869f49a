"""SVHN and STL-10."""

import numpy as np
import pytest
from scipy.io import savemat

from marginmix.errors import UserError
from tests.tiny_data import noise, write_stl10, write_svhn


def test_svhn(tmp_path, prepare_here):
    write_svhn(tmp_path / "data")
    prepared = prepare_here("svhn")
    assert prepared.parts == {"train": (0, 100), "test": (100, 120)}
    assert np.array_equal(prepared.images[7], noise(100, 32, 32, 3, seed=0)[7])
    # The files' label 10 is the digit 0.
    assert prepared.targets[:11].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_svhn_truncated(tmp_path, prepare_here):
    path = write_svhn(tmp_path / "data") / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UserError, match="test_32x32.mat: truncated or damaged"):
        prepare_here("svhn")


def test_svhn_without_its_test_file(tmp_path, prepare_here):
    (write_svhn(tmp_path / "data") / "test_32x32.mat").unlink()
    with pytest.raises(UserError, match="missing .*test_32x32.mat"):
        prepare_here("svhn")


@pytest.mark.parametrize(
    ("label", "images", "told"), [(11, 1, "expected labels 1 to 10, found 11"), (3, 2, "expected X as uint8")]
)
def test_svhn_with_wrong_content(tmp_path, prepare_here, label, images, told):
    root = write_svhn(tmp_path / "data")
    content = {"X": np.zeros((32, 32, 3, images), np.uint8), "y": np.array([[label]], np.uint8)}
    savemat(root / "train_32x32.mat", content)
    with pytest.raises(UserError, match=told):
        prepare_here("svhn")


def test_stl10(tmp_path, prepare_here):
    write_stl10(tmp_path / "data")
    prepared = prepare_here("stl10")
    assert prepared.parts == {"train": (0, 60), "unlabelled": (60, 80), "test": (80, 100)}
    assert np.array_equal(prepared.images[5], noise(60, 96, 96, 3, seed=0)[5])
    assert np.array_equal(prepared.images[61], noise(20, 96, 96, 3, seed=1)[1])
    assert prepared.targets[:10].tolist() == list(range(10)) and set(prepared.targets[60:80]) == {-1}
    assert len(prepared.folds) == 10 and prepared.folds[1].tolist() == list(range(10, 30))


@pytest.mark.parametrize("name", ["train_X.bin", "unlabeled_X.bin", "test_X.bin"])
def test_stl10_truncated(tmp_path, prepare_here, name):
    path = write_stl10(tmp_path / "data") / "stl10_binary" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"{name}: expected a multiple of 27,648 bytes, found .* truncated"):
        prepare_here("stl10")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("train_y.bin", bytes([1] * 59), "expected 60 labels, one per image, found 59"),
        ("train_y.bin", bytes([0] * 60), "expected labels 1 to 10, found 0"),
        ("test_y.bin", b"", "cannot read .*test_y.bin"),
        ("test_y.bin", None, "cannot read .*test_y.bin"),
        ("fold_indices.txt", b"1 2\n3 60\n", "expected folds with indices 0 to 59"),
        ("fold_indices.txt", b"1 two\n", "expected lines of numbers"),
        ("fold_indices.txt", b"", "expected folds with indices"),
    ],
)
def test_stl10_with_wrong_content(tmp_path, prepare_here, name, content, told):
    path = write_stl10(tmp_path / "data") / "stl10_binary" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match=told):
        prepare_here("stl10")
