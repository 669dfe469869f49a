"""Copies between parts: the hash against imagehash, the search against counting by hand, and what the cache keeps."""

import imagehash
import numpy as np
import pytest
from PIL import Image

from marginmix.datasets import describe, near
from marginmix.datasets.copies import bits, count_copies, find_copies, perceptual_hashes
from tests.tiny_data import noise, write_folder, write_images


def oracle(image: np.ndarray) -> int:
    return int(str(imagehash.phash(Image.fromarray(image.squeeze()))), 16)


@pytest.mark.parametrize("shape", [(48, 48, 1), (32, 32, 3), (96, 96, 3), (100, 61, 1)])
def test_the_hash_is_that_of_imagehash(shape):
    images = noise(20, *shape)
    smooth = np.stack([np.asarray(Image.fromarray(noise(5, 5, seed=i)).resize(shape[1::-1])) for i in range(5)])
    images = np.concatenate([images, np.broadcast_to(smooth[..., None], (5, *shape))])
    assert perceptual_hashes(images).tolist() == [oracle(image) for image in images]


def test_many_images_are_hashed_in_chunks(monkeypatch):
    images = noise(10, 32, 32, 1)
    together = perceptual_hashes(images)
    monkeypatch.setattr("marginmix.datasets.copies.CHUNK", 3)
    assert perceptual_hashes(images).tolist() == together.tolist()


def test_small_images_have_no_hash():
    assert perceptual_hashes(noise(2, 31, 40, 1)) is None and perceptual_hashes(noise(2, 32, 32, 1)) is not None


def test_near_is_four_bits_or_fewer():
    word = 0xF0F0_0000_1234_8001
    apart = np.array([word ^ ((1 << count) - 1) << 20 for count in range(8)], np.uint64)
    assert near(apart, np.array([word], np.uint64)).tolist() == [True] * 5 + [False] * 3
    assert near(apart, np.array([], np.uint64)).tolist() == [False] * 8
    assert near(apart[:0], apart).tolist() == []


def test_near_against_counting_bits_in_python(monkeypatch):
    """Words of few bits, so that about half of them have a near one; blocks of three rows."""
    monkeypatch.setattr("marginmix.datasets.copies.BLOCK", 100)
    rng = np.random.default_rng(0)
    words, among = (rng.integers(0, 1 << 18, size).astype(np.uint64) for size in (50, 30))
    expected = [any((int(a) ^ int(b)).bit_count() <= 4 for b in among) for a in words]
    assert near(words, among).tolist() == expected and 10 < sum(expected) < 40


def test_copies_by_part_and_kind():
    """Two images a part. Image 2 is image 0 again; image 4 is 3 bits from image 1, and image 5 is 5 bits from it."""
    parts = {"train": (0, 2), "valid": (2, 4), "test": (4, 6)}
    hashes = np.array([1, 2, 1, 3, 4, 5], np.uint64)
    perceptual = np.array([0, 0xFF00, 0, 0xFFFF_FFFF_0000_0000, 0xF800, 0xFF00 ^ 0x1F << 40], np.uint64)
    copies = find_copies(hashes, perceptual, parts)
    exact, near = (np.array([(copies & bits([part], kind)) != 0 for part in parts]) for kind in (False, True))
    assert exact.astype(int).tolist() == [[0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    assert near.astype(int).tolist() == [[0, 0, 1, 0, 1, 0], [1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    assert count_copies(copies, parts, True) == {
        "train/valid": {"exact": 1, "near": 1},
        "train/test": {"exact": 0, "near": 1},
        "valid/test": {"exact": 0, "near": 0},
    }
    alone = find_copies(hashes, None, parts)
    assert alone.tolist() == (copies & 0x0F).tolist()
    assert count_copies(alone, parts, False)["train/valid"] == {"exact": 1, "near": None}


def test_an_exact_copy_is_near_whatever_its_hash_says():
    copies = find_copies(np.array([7, 7], np.uint64), np.array([0, 255], np.uint64), {"train": (0, 1), "test": (1, 2)})
    assert count_copies(copies, {"train": (0, 1), "test": (1, 2)}, True) == {"train/test": {"exact": 1, "near": 1}}


def brighter(image: np.ndarray) -> np.ndarray:
    return (image // 2 + 60).astype(np.uint8)


def test_a_dataset_with_copies(tmp_path, prepare_here):
    """Of the test cats two are training cats again, one of them brighter; an unlabelled one is a test dog."""
    root = write_folder(tmp_path / "data", shape=(40, 40), unlabelled=3)
    cats, dogs = noise(20, 40, 40, seed=0), noise(5, 40, 40, seed=1001)
    write_images(root / "test" / "cat", np.stack([cats[3], brighter(cats[4])]))
    write_images(root / "unlabelled", dogs[:1])
    prepared = prepare_here("pets", family="folder")
    assert describe(prepared)["copies"] == {
        "train/unlabelled": {"exact": 0, "near": 0},
        "train/test": {"exact": 1, "near": 2},
        "unlabelled/test": {"exact": 1, "near": 1},
    }
    test = [True, True, False, False, False, True, False, False, False, False]
    assert prepared.copied("test", ["train", "unlabelled"]).tolist() == test
    assert prepared.copied("test", ["train"], near=False).tolist() == [True] + [False] * 9
    assert np.flatnonzero(prepared.copied("train", ["test"])).tolist() == [3, 4]
    assert prepared.copied("valid", ["train"]).tolist() == []
    again = prepare_here("pets", family="folder")
    assert np.array_equal(again.copies, prepared.copies) and np.array_equal(again.perceptual, prepared.perceptual)


def test_images_too_small_for_near_copies(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data", shape=(16, 16))
    cats = noise(20, 16, 16, seed=0)
    write_images(root / "test" / "cat", np.stack([cats[3], brighter(cats[4])]))
    prepared = prepare_here("pets", family="folder")
    assert prepared.perceptual is None
    assert describe(prepared)["copies"] == {"train/test": {"exact": 1, "near": None}}


def test_copies_in_the_real_ferplus(real_data, tmp_path):
    """Counted before by another program."""
    from marginmix.datasets import prepare

    prepared = prepare("ferplus", None, real_data, tmp_path)
    assert describe(prepared)["copies"]["train/test"] == {"exact": 232, "near": 360}
