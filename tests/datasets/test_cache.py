import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from marginmix.datasets import at_size, available, describe, get, how_to_get, locate, prepare
from marginmix.datasets.decode import Raw
from marginmix.errors import UserError
from tests.tiny_data import noise, write_cifar10, write_folder, write_images, write_rafdb


@pytest.fixture
def pets(tmp_path, prepare_here):
    write_folder(tmp_path / "data")
    return lambda: prepare_here("pets", family="folder")


def test_decoded_once(pets, tmp_path, monkeypatch):
    first = pets()
    assert isinstance(first.images, np.memmap) and not first.images.flags.writeable
    monkeypatch.setattr("marginmix.datasets.folder.load", lambda *_: pytest.fail("decoded again"))
    again = pets()
    assert again.data_hash == first.data_hash and np.array_equal(again.images, first.images)
    assert (again.mean, again.sd, again.hashes.tolist()) == (first.mean, first.sd, first.hashes.tolist())


def test_decoded_again_when_a_file_changes_goes_or_comes(pets, tmp_path):
    seen = {pets().data_hash}
    cats = tmp_path / "data" / "train" / "cat"
    write_images(cats, noise(1, 16, 16, 3, seed=77))
    seen.add(pets().data_hash)
    (cats / "0001.png").unlink()
    seen.add(pets().data_hash)
    (cats / "0002.png").rename(cats / "9999.png")
    seen.add(pets().data_hash)
    assert len(seen) == 4


def test_the_hash_covers_content_not_place(tmp_path, pets):
    (tmp_path / "elsewhere").mkdir()
    write_folder(tmp_path / "elsewhere" / "pets")
    moved = prepare("pets", None, tmp_path / "elsewhere", tmp_path / "cache", family="folder")
    assert moved.data_hash == pets().data_hash and moved.root == tmp_path / "elsewhere" / "pets"


def test_mean_and_sd_are_those_of_the_training_images(pets):
    prepared = pets()
    train = prepared.images[:40] / 255
    assert np.allclose(prepared.mean, train.mean(axis=(0, 1, 2)), atol=1e-12)
    assert np.allclose(prepared.sd, train.std(axis=(0, 1, 2)), atol=1e-12)


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    write_folder(tmp_path / "pets")
    with pytest.raises(UserError, match="cannot write the cache .*file/datasets/pets-.*: Not a directory"):
        prepare("pets", None, tmp_path, tmp_path / "file", family="folder")


def test_nothing_is_left_of_a_failure(pets, tmp_path):
    (tmp_path / "data" / "train" / "cat" / "0000.png").write_bytes(b"")
    with pytest.raises(UserError):
        pets()
    assert not (tmp_path / "cache").exists()


def test_a_writer_that_is_killed_leaves_no_cache(pets, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("marginmix.files.os.rename", killed)
    with pytest.raises(KeyboardInterrupt):
        pets()
    monkeypatch.undo()
    assert list((tmp_path / "cache" / "datasets").iterdir()) == []
    assert pets().parts["train"] == (0, 40)


def test_two_processes_at_once(tmp_path):
    write_folder(tmp_path / "data", train_per_class=100)
    code = "import sys; from marginmix.datasets import prepare; "
    code += "print(prepare('pets', sys.argv[1], 'none', sys.argv[2], family='folder').data_hash)"
    command = [sys.executable, "-c", code, tmp_path / "data", tmp_path / "cache"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    hashes = {process.communicate()[0] for process in both}
    assert len(hashes) == 1 and len(next(iter(hashes)).strip()) == 16
    assert len(list((tmp_path / "cache" / "datasets").iterdir())) == 1


def test_importing_and_preparing_does_not_import_torch(tmp_path):
    code = "import sys, marginmix.datasets.splits; from marginmix.datasets import prepare; "
    code += "prepare('pets', None, sys.argv[1], sys.argv[1], family='folder'); sys.exit('torch' in sys.modules)"
    write_folder(tmp_path / "pets")
    assert subprocess.run([sys.executable, "-c", code, tmp_path]).returncode == 0


def test_at_size(pets, tmp_path):
    prepared = pets()
    assert at_size(prepared, None, tmp_path) is prepared.images and at_size(prepared, 16, tmp_path) is prepared.images
    half = at_size(prepared, 8, tmp_path)
    mean = prepared.images.reshape(50, 8, 2, 8, 2, 3).mean(axis=(2, 4))
    assert (
        half.shape == (50, 8, 8, 3) and half.dtype == np.uint8 and np.abs(half - mean).max() <= 1
    )  # Pillow rounds twice
    large = at_size(prepared, 20, tmp_path)
    assert large.shape == (50, 20, 20, 3)
    for image, expected in zip(large, prepared.images, strict=True):
        assert (image == np.asarray(Image.fromarray(expected).resize((20, 20), Image.Resampling.BICUBIC))).all()
    assert sorted(path.name for path in (tmp_path / "resized").iterdir()) == [
        f"pets-{prepared.data_hash}-{side}-v1" for side in (20, 8)
    ]
    with pytest.raises(UserError, match="image_size must be 1 or more, found 0"):
        at_size(prepared, 0, tmp_path)


def test_at_size_of_grey_images(tmp_path, prepare_here):
    write_folder(tmp_path / "data", shape=(16, 16))
    assert at_size(prepare_here("pets", family="folder"), 4, tmp_path).shape == (50, 4, 4, 1)


def test_describe(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data")
    copies = noise(20, 16, 16, 3, seed=0)[[0, 0, 1]]
    write_images(root / "test" / "cat", copies)
    told = describe(prepare_here("pets", family="folder"))
    assert told["images"] == {"train": 40, "test": 10}
    assert told["images_by_class"] == {"train": {"cat": 20, "dog": 20}, "test": {"cat": 5, "dog": 5}}
    assert told["duplicates"] == {"train": 0, "test": 1}
    assert told["copies"] == {"train/test": {"exact": 3, "near": None}}
    assert told["shape"] == [16, 16, 3] and told["found_at"] == str(root) and told["licence"] == "your own"


def test_locate(tmp_path):
    row = get("cifar10")
    assert locate(row, None, tmp_path) is None and available(row, None, tmp_path)
    write_cifar10(tmp_path)
    assert locate(row, None, tmp_path) == tmp_path
    write_cifar10(tmp_path / "cifar10")
    assert locate(row, None, tmp_path) == tmp_path / "cifar10"
    assert locate(row, tmp_path / "other", tmp_path) is None


def test_what_cannot_be_downloaded_is_told_in_one_line(tmp_path):
    row = get("rafdb")
    assert not available(row, None, tmp_path) and available(get("faces"), None, tmp_path)
    line = how_to_get(row, None, tmp_path)
    assert "rafdb (no such folder)" in line and "ask its authors" in line and "\n" not in line
    write_rafdb(tmp_path / "rafdb")
    assert available(row, None, tmp_path)


def test_verified_counts_hold_for_a_cache_made_without(tmp_path):
    write_cifar10(tmp_path / "cifar10")
    prepare("cifar10", None, tmp_path, tmp_path / "cache", verify_counts=False)
    with pytest.raises(UserError, match="expected train 50,000, test 10,000 images, found train 100, test 20"):
        prepare("cifar10", None, tmp_path, tmp_path / "cache")


def test_a_start_with_many_files_opens_none_of_them(tmp_path, monkeypatch):
    """The freshness check looks at every file's name, size and time, and at nothing else."""
    folder = tmp_path / "data"
    write_folder(folder, train_per_class=1, test_per_class=1)
    for index in range(200):
        os.close(os.open(folder / "train" / "cat" / f"x{index}.png", os.O_CREAT))
    raw = Raw({"train": (noise(4, 2, 2, 1), np.arange(4) % 2)}, ("cat", "dog"), "pets")
    monkeypatch.setattr("marginmix.datasets.folder.load", lambda *_: raw)
    prepare("pets", folder, tmp_path, tmp_path / "cache", family="folder")
    opened = []
    for name, real in (("builtins.open", io.open), ("io.open", io.open), ("os.open", os.open)):
        watched = lambda path, *a, real=real, **k: (opened.append(str(path)), real(path, *a, **k))[1]  # noqa: E731
        monkeypatch.setattr(name, watched)
    prepare("pets", folder, tmp_path, tmp_path / "cache", family="folder")
    assert opened and not [path for path in opened if str(folder) in path]
