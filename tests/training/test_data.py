"""Which images a run trains on, by profile."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from marginmix import datasets
from marginmix.datasets.splits import make_split
from marginmix.errors import UserError
from marginmix.training.data import gather
from tests.tiny_data import write_folder
from tests.toy_training import small_recipe, toy_data, toy_trainer


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


def test_pixels_are_scaled_as_the_recipe_says(gathered, prepare_here):
    """channel: mean 0 and sd 1 over the training images; unit: -1 for black, 1 for white."""
    prepared = prepare_here("mine", family="folder")
    mean, sd = (torch.tensor(np.asarray(x), dtype=torch.float64) for x in (prepared.mean, prepared.sd))
    scaling = gathered(input_scaling="channel")[1].scaling
    torch.testing.assert_close(scaling.factor, 1 / (255 * sd), rtol=1e-12, atol=0)
    torch.testing.assert_close(scaling.bias, -mean / sd, rtol=1e-12, atol=0)
    scaling = gathered(input_scaling="unit")[1].scaling
    assert scaling.factor.tolist() == pytest.approx([2 / 255] * 3) and scaling.bias.tolist() == [-1] * 3


def test_a_method_knows_the_labelled_counts_and_not_those_of_the_hidden_labels():
    """A labelled set of 1, 2 and 5 images, whatever the unlabelled ones are."""
    data = toy_data()
    of = [torch.arange(len(data.targets))[data.targets == label] for label in range(3)]
    labelled = torch.cat([of[0][:1], of[1][:2], of[2][:5]])
    task = toy_trainer("marginmix", replace(data, labelled=labelled, unlabelled=of[0][10:17])).method.task
    assert task.labelled_counts.tolist() == [1, 2, 5]
    assert task.target_shares.tolist() == [1 / 8, 2 / 8, 5 / 8]
    assert (task.classes, task.unlabelled, task.dimensions) == (3, 7, 64)


@pytest.mark.parametrize(("offsets", "expected"), [("half-open", 2), ("closed", 3)])
def test_crop_offsets(offsets, expected):
    trainer = toy_trainer("mixmatch", crop_offsets=offsets)
    assert trainer.drawer.offsets == expected
