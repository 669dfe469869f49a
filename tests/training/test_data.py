"""Which images a run trains on, by profile."""

import pytest
import torch

from marginmix import datasets
from marginmix.datasets.splits import make_split
from marginmix.errors import UserError
from marginmix.training.data import gather
from tests.tiny_data import write_folder
from tests.toy_training import small_recipe, toy_trainer


@pytest.fixture
def gathered(tmp_path, prepare_here):
    """A function of settings: the split, and what is gathered, of 40 training images, 4 of them for validation."""
    write_folder(tmp_path / "data")
    prepared = prepare_here("mine", family="folder")
    row = datasets.get("mine", "folder")
    split = make_split(prepared, row, 6, 0)

    def call(**settings):
        return split, gather(prepared, prepared.images, row, split, small_recipe(**settings), torch.device("cpu"))

    return call


def test_port_pool(gathered):
    split, data = gathered()
    assert data.unlabelled.tolist() == split.unlabelled.tolist()
    assert not set(data.unlabelled.tolist()) & {*split.labelled, *split.validation}
    assert len(data.unlabelled) == 40 - 6 - 4


def test_google_pool_takes_in_the_labelled_and_all_validation_images_but_one(gathered):
    split, data = gathered(profile="google")
    assert data.validation.tolist() == split.validation[:1].tolist()
    assert set(data.unlabelled.tolist()) == {*split.unlabelled, *split.labelled, *split.validation[1:]}
    assert data.labelled.tolist() == split.labelled.tolist()


def test_full_supervision_takes_every_training_label_but_validation(gathered):
    split, data = gathered(labelled_pool="all")
    assert set(data.labelled.tolist()) == {*split.labelled, *split.unlabelled}
    assert not set(data.labelled.tolist()) & {*split.validation, *split.test}


def test_shift_is_an_eighth_of_the_side_and_must_be_less_than_it(gathered):
    assert gathered()[1].shift == 2
    assert gathered(shift=0)[1].shift == 0
    with pytest.raises(UserError, match="shift must be less than the images' side of 16 pixels, found 16"):
        gathered(shift=16)


@pytest.mark.parametrize(("offsets", "expected"), [("half-open", 2), ("closed", 3)])
def test_crop_offsets(offsets, expected):
    trainer = toy_trainer("mixmatch", crop_offsets=offsets)
    assert trainer.drawer.offsets == expected
