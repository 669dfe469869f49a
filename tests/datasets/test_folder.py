import shutil

import numpy as np
import pytest
from PIL import Image

from marginmix.datasets import locate
from marginmix.datasets.registry import get
from marginmix.errors import UserError
from tests.tiny_data import noise, write_folder, write_images


def test_all_parts(tmp_path, prepare_here):
    write_folder(tmp_path / "data", valid_per_class=3, unlabelled=4)
    prepared = prepare_here("pets", family="folder")
    assert prepared.parts == {"train": (0, 40), "unlabelled": (40, 44), "valid": (44, 50), "test": (50, 60)}
    assert prepared.classes == ("cat", "dog") and prepared.source == "pets (image folder, 16x16)"
    assert np.array_equal(prepared.images[21], noise(20, 16, 16, 3, seed=1)[1])
    assert prepared.targets[40:47].tolist() == [-1, -1, -1, -1, 0, 0, 0]


def test_grey_images_stay_grey(tmp_path, prepare_here):
    write_folder(tmp_path / "data", shape=(12, 12))
    assert prepare_here("pets", family="folder").images.shape == (50, 12, 12, 1)


def test_mixed_sizes_and_modes_become_squares_of_the_median_side(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data", shape=(16, 16))
    write_images(root / "train" / "cat", noise(2, 30, 40, 3))
    prepared = prepare_here("pets", family="folder")
    assert prepared.images.shape == (50, 16, 16, 3)
    centre = np.asarray(Image.fromarray(noise(2, 30, 40, 3)[0][:, 5:35]).resize((16, 16), Image.Resampling.BOX))
    assert np.abs(prepared.images[0].astype(int) - centre).max() <= 1


def test_large_images_are_reduced(tmp_path, prepare_here):
    write_folder(tmp_path / "data", train_per_class=1, test_per_class=1, shape=(300, 280, 3))
    assert prepare_here("pets", family="folder").images.shape == (4, 256, 256, 3)


def test_hidden_files_are_ignored_and_others_are_not(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data")
    (root / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    assert prepare_here("pets", family="folder").parts["train"] == (0, 40)
    write_images(root / "train" / "cat" / ".thumbnails", noise(1, 4, 4, 3))
    assert prepare_here("pets", family="folder").parts["train"] == (0, 40)
    (root / "train" / "cat" / "notes.txt").write_text("cats")
    with pytest.raises(UserError, match="cannot decode image .*notes.txt: not an image"):
        prepare_here("pets", family="folder")


def test_only_the_named_folder_is_looked_at(tmp_path):
    write_folder(tmp_path)
    row = get("pets", "folder")
    assert locate(row, None, tmp_path) is None
    write_folder(tmp_path / "pets")
    assert locate(row, None, tmp_path) == tmp_path / "pets"


def test_a_link_to_nowhere(tmp_path, prepare_here):
    (write_folder(tmp_path / "data") / "train" / "cat" / "lost.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match="cannot read .*lost.png: No such file"):
        prepare_here("pets", family="folder")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("test", "expected test/<class>/\\* beside"),
        ("test/dog", "test: expected 2 class folders, found 1 \\(missing: 'dog'\\)"),
        ("train/dog", "at least 2 folders, one per class, found 1"),
    ],
)
def test_missing_folders(tmp_path, prepare_here, path, told):
    shutil.rmtree(write_folder(tmp_path / "data") / path)
    with pytest.raises(UserError, match=told):
        prepare_here("pets", family="folder")


def test_an_unknown_or_empty_class(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data")
    (root / "test" / "emu").mkdir()
    with pytest.raises(UserError, match="test: expected 2 class folders, found 3 \\(unknown: 'emu'\\)"):
        prepare_here("pets", family="folder")
    (root / "train" / "emu").mkdir()
    with pytest.raises(UserError, match="train/emu: expected images, found none"):
        prepare_here("pets", family="folder")
