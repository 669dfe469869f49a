"""A damaged cache is told in one line and never trained on; one that does not fit on the disk leaves nothing behind."""

import errno
import json
import os
import shutil

import numpy as np
import pytest

from marginmix.datasets import at_size
from marginmix.errors import UserError
from tests.tiny_data import write_folder


@pytest.fixture
def pets(tmp_path, prepare_here):
    write_folder(tmp_path / "data", shape=(32, 32, 3))
    return lambda: prepare_here("pets", family="folder")


@pytest.fixture
def folder(pets, tmp_path):
    """The folder of the cached dataset."""
    pets()
    (found,) = (tmp_path / "cache" / "datasets").iterdir()
    return found


def flip(path, position: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


def change(path, index, value) -> None:
    """Set elements of a stored array, as a program would that writes to the wrong file."""
    array = np.load(path)
    array[index] = value
    np.save(path, array)


def assert_damaged(call, folder, what: str) -> None:
    with pytest.raises(UserError) as caught:
        call()
    told = str(caught.value)
    assert told.startswith(f"the cache {folder} is damaged (") and told.endswith("); delete it and run again")
    assert what in told


def test_a_cut_file(pets, folder):
    path = folder / "images.npy"
    path.write_bytes(path.read_bytes()[:100])
    assert_damaged(pets, folder, "")


def test_a_flipped_pixel(pets, folder):
    flip(folder / "images.npy", -1)
    assert_damaged(pets, folder, "images.npy: expected data with hash ")


def test_changed_labels(pets, folder):
    change(folder / "targets.npy", slice(10), 1)
    assert_damaged(pets, folder, "targets.npy: expected data with hash ")


def test_changed_hashes(pets, folder):
    change(folder / "hashes.npy", 3, 7)
    assert_damaged(pets, folder, "hashes.npy: expected the hashes of images.npy")


@pytest.mark.parametrize("name", ["copies", "perceptual"])
def test_changed_copies(pets, folder, name):
    change(folder / f"{name}.npy", 3, 7)
    assert_damaged(pets, folder, f"{name}.npy: expected content with digest ")


@pytest.mark.parametrize(
    "name", ["mean", "sd", "folds", "source", "classes", "parts", "data_hash", "derived", "digest"]
)
def test_changed_metadata(pets, folder, name):
    path = folder / "meta.json"
    meta = json.loads(path.read_text())
    changed = {"mean": [0.4, 0.5, 0.6], "folds": [[0, 1]], "classes": ["dog", "cat"], "parts": {"train": [0, 50]}}
    path.write_text(json.dumps(meta | {name: changed.get(name, "other")}))
    assert_damaged(pets, folder, "meta.json: expected content with digest ")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"digest": "0"}', "\xff"])
def test_broken_metadata(pets, folder, text):
    (folder / "meta.json").write_text(text, encoding="latin-1")
    assert_damaged(pets, folder, "")


@pytest.mark.parametrize(
    "name", ["images.npy", "targets.npy", "hashes.npy", "copies.npy", "perceptual.npy", "meta.json"]
)
def test_a_missing_file(pets, folder, name):
    (folder / name).unlink()
    assert_damaged(pets, folder, name)


@pytest.mark.parametrize("name", ["images", "targets", "hashes", "copies", "perceptual"])
@pytest.mark.filterwarnings("ignore")  # numpy's, of headers that look like those of Python 2
def test_a_flipped_bit_of_a_header_changes_nothing_unseen(pets, folder, name):
    """Some flips leave the meaning: a space for another white space. No other may pass."""
    before, path = pets(), folder / f"{name}.npy"
    content = path.read_bytes()
    for position in range(128):
        flip(path, position, position % 8)
        try:
            after = pets()
        except UserError as error:
            assert "is damaged" in str(error)
        else:
            one, other = getattr(before, name), getattr(after, name)
            assert one.dtype == other.dtype and np.array_equal(one, other), position
        path.write_bytes(content)


def test_deleting_it_mends_it(pets, folder):
    before = pets().data_hash
    flip(folder / "images.npy", 500)
    shutil.rmtree(folder)
    assert pets().data_hash == before


@pytest.mark.parametrize("position", [9, 70, 127, 128, 1000, -1])
@pytest.mark.parametrize("name", ["images.npy", "digest.json"])
def test_a_flipped_byte_of_a_resized_cache(pets, tmp_path, name, position):
    at_size(pets(), 8, tmp_path)
    (folder,) = (tmp_path / "resized").iterdir()
    path = folder / name
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 0xFF
    path.write_bytes(content)
    assert_damaged(lambda: at_size(pets(), 8, tmp_path), folder, "")


def test_resized_images_of_another_shape(pets, tmp_path):
    at_size(pets(), 8, tmp_path)
    (folder,) = (tmp_path / "resized").iterdir()
    np.save(folder / "images.npy", np.load(folder / "images.npy").reshape(50, 4, 16, 3))
    assert_damaged(lambda: at_size(pets(), 8, tmp_path), folder, "expected uint8 (50, 8, 8, 3), found uint8 (50, 4, 16")


@pytest.mark.parametrize("call", ["posix_fallocate", "fsync", "rename"])
def test_a_full_disk(pets, tmp_path, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    told = r"cannot write the cache .*/{} \({} bytes\): No space left on device; make room or set another cache"
    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        with pytest.raises(
            UserError, match=told.format("datasets/pets-[^/]*", "154,850")
        ):  # 50 of 32x32x3 and 25 bytes
            pets()
    assert list((tmp_path / "cache" / "datasets").iterdir()) == []
    prepared = pets()
    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        with pytest.raises(UserError, match=told.format("resized/pets-[^/]*-8-v1", "9,600")):
            at_size(prepared, 8, tmp_path)
    assert list((tmp_path / "resized").iterdir()) == []
    assert at_size(prepared, 8, tmp_path).shape == (50, 8, 8, 3)


def test_a_resized_cache_that_cannot_be_written(pets, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError, match=r"cannot write the cache .*file/resized/pets-.* \(9,600 bytes\): Not a directory"
    ):
        at_size(pets(), 8, tmp_path / "file")
