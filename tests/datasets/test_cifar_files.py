import os
import pickle

import numpy as np
import pytest

from marginmix.errors import UserError
from tests.tiny_data import noise, write_batch, write_cifar10, write_cifar10_images, write_cifar100, write_images


def test_cifar10_batches(tmp_path, prepare_here):
    write_cifar10(tmp_path / "data")
    prepared = prepare_here("cifar10")
    assert prepared.source == "cifar10" and prepared.parts == {"train": (0, 100), "test": (100, 120)}
    assert prepared.images.shape == (120, 32, 32, 3) and prepared.images.dtype == np.uint8
    # A file's row is 1,024 red values, then green, then blue.
    row = noise(20, 3072, seed=1)[3]
    assert np.array_equal(prepared.images[3, ..., 1].ravel(), row[1024:2048])
    assert prepared.targets[:10].tolist() == list(range(10)) and prepared.targets.dtype == np.int64


def test_cifar100_has_the_fine_labels(tmp_path, prepare_here):
    write_cifar100(tmp_path / "data")
    prepared = prepare_here("cifar100")
    assert np.bincount(prepared.targets).tolist() == [5] * 100
    assert prepared.classes[0] == "apple" and prepared.classes[99] == "worm"


@pytest.mark.parametrize(("suffix", "source"), [(".jpg", "cifar10 (JPEG copy)"), (".png", "cifar10 (image copy)")])
def test_cifar10_as_images_says_so(tmp_path, prepare_here, suffix, source):
    write_cifar10_images(tmp_path / "data", suffix=suffix)
    prepared = prepare_here("cifar10")
    assert prepared.source == source and prepared.parts == {"train": (0, 20), "test": (20, 30)}
    assert prepared.targets.tolist() == [*np.repeat(range(10), 2), *range(10)]


def test_missing_class_folder(tmp_path, prepare_here):
    root = write_cifar10_images(tmp_path / "data")
    (root / "test" / "frog").rename(root / "frog")
    with pytest.raises(UserError, match=r"test: expected 10 class folders, found 9 \(missing: 'frog'\)"):
        prepare_here("cifar10")


def test_an_image_of_another_size(tmp_path, prepare_here):
    root = write_cifar10_images(tmp_path / "data")
    write_images(root / "train" / "ship", noise(1, 20, 10, 3), ".jpg")
    with pytest.raises(UserError, match="ship/0000.jpg: expected 32x32 pixels, found 10x20"):
        prepare_here("cifar10")


def test_a_truncated_batch(tmp_path, prepare_here):
    path = write_cifar10(tmp_path / "data") / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match="data_batch_3: truncated or damaged .* delete"):
        prepare_here("cifar10")


def test_a_missing_batch(tmp_path, prepare_here):
    (write_cifar10(tmp_path / "data") / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(UserError, match="cannot read .*test_batch: No such file"):
        prepare_here("cifar10")


def test_a_label_out_of_range(tmp_path, prepare_here):
    folder = write_cifar10(tmp_path / "data") / "cifar-10-batches-py"
    write_batch(folder / "data_batch_2", {"labels": np.array([1, 10])}, seed=1)
    with pytest.raises(UserError, match="data_batch_2: expected labels 0 to 9, found 10 at position 1"):
        prepare_here("cifar10")


def test_a_batch_with_other_content(tmp_path, prepare_here):
    folder = write_cifar10(tmp_path / "data") / "cifar-10-batches-py"
    write_batch(folder / "data_batch_2", {"fine_labels": np.array([1, 2])}, seed=1)
    with pytest.raises(UserError, match="data_batch_2: expected 'data' of uint8"):
        prepare_here("cifar10")


def test_a_pickle_that_names_a_program_is_refused(tmp_path, prepare_here):
    class Harmful:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'harmed'}",)

    folder = write_cifar10(tmp_path / "data") / "cifar-10-batches-py"
    (folder / "data_batch_1").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(
        UserError, match="data_batch_1: expected a pickle of plain arrays, found one that loads .*system"
    ):
        prepare_here("cifar10")
    assert not (tmp_path / "harmed").exists()


def test_a_modern_pickle_is_read_too(tmp_path, prepare_here):
    folder = write_cifar10(tmp_path / "data") / "cifar-10-batches-py"
    content = {"data": noise(10, 3072), "labels": list(range(10))}
    (folder / "test_batch").write_bytes(pickle.dumps(content, protocol=2))
    assert prepare_here("cifar10").parts["test"] == (100, 110)
