"""What `duplicates: drop` leaves out, against a dataset whose copies were put there."""

import numpy as np
import pytest

from marginmix.datasets import get
from marginmix.datasets.splits import make_split
from marginmix.datasets.without_copies import copies_of_held_out
from tests.tiny_data import noise, write_folder, write_images


def near(image: np.ndarray) -> np.ndarray:
    return (image // 2 + 60).astype(np.uint8)


@pytest.fixture
def pets(tmp_path, prepare_here):
    """Cats 0 to 19 and dogs 20 to 39 of the train part, unlabelled 40 and 41; the first test dogs are copies of cats 2
    and 5, the second only near. Cats 7 and 8 are alike, and cat 9 is dog 30 again."""
    root = write_folder(tmp_path / "data", shape=(40, 40), unlabelled=2)
    cats, dogs = noise(20, 40, 40, seed=0), noise(20, 40, 40, seed=1)
    cats[8], cats[9] = near(cats[7]), dogs[10]
    write_images(root / "train" / "cat", cats)
    write_images(root / "test" / "dog", np.stack([cats[2], near(cats[5])]))
    write_images(root / "unlabelled", cats[2:3])
    return prepare_here("pets", family="folder")


@pytest.mark.parametrize(
    ("validation", "dropped"),
    [([], [2, 5, 40]), ([7], [2, 5, 8, 40]), ([7, 8], [2, 5, 40]), ([30], [2, 5, 9, 40]), ([2], [5, 40])],
)
def test_copies_of_test_and_of_drawn_validation_images(pets, validation, dropped):
    found = copies_of_held_out(pets, np.array(validation, np.int64))
    assert found.dtype == np.int64 and found.tolist() == dropped


def test_copies_of_an_official_validation_part(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data", shape=(40, 40), valid_per_class=2)
    write_images(root / "valid" / "cat", near(noise(20, 40, 40, seed=0)[[4]]))
    prepared = prepare_here("pets", family="folder")
    assert copies_of_held_out(prepared, prepared.indices("valid")).tolist() == [4]


def test_small_images_have_exact_copies_alone(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data", shape=(16, 16))
    cats = noise(20, 16, 16, seed=0)
    write_images(root / "test" / "cat", np.stack([cats[3], near(cats[4])]))
    write_images(root / "train" / "dog", cats[[6]])
    prepared = prepare_here("pets", family="folder")
    assert copies_of_held_out(prepared, np.array([6])).tolist() == [3, 20]


def test_a_split_without_copies(pets):
    """Cats 2 and 5 and the unlabelled copy go, whatever else the validation images take with them."""
    kept, clean = (make_split(pets, get("pets", family="folder", duplicates=what), 8, 0) for what in ("keep", "drop"))
    pools = [{*split.labelled.tolist(), *split.unlabelled.tolist()} for split in (kept, clean)]
    assert (
        pools[0] - pools[1]
        == set(copies_of_held_out(pets, kept.validation).tolist())
        >= {2, 5, 40} - {*kept.validation.tolist()}
    )
    assert len(clean.labelled) == 8 and clean.validation.tolist() == kept.validation.tolist()
