"""Weak augmentation against numpy's padding, flipping and slicing; input scaling."""

import numpy as np
import pytest
import torch

from marginmix.views.augment import Scaling, weak_views


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_weak_views_are_flipped_padded_and_cropped(shift):
    rng = np.random.default_rng(shift)
    images = rng.integers(0, 256, (5, 7, 8, 2), dtype=np.uint8)
    indices = np.array([4, 0, 0, 2, 3, 1])
    offsets = rng.integers(0, 2 * shift + 1, (6, 2))
    flips = np.array([True, False, True, False, True, False])
    views = weak_views(*map(torch.from_numpy, (images, indices, offsets, flips)), shift)
    for view, index, (row, column), flip in zip(views.numpy(), indices, offsets, flips, strict=True):
        image = images[index][:, ::-1] if flip else images[index]
        padded = np.pad(image, ((shift, shift), (shift, shift), (0, 0)), mode="reflect")
        np.testing.assert_array_equal(view, padded[row : row + 7, column : column + 8])


def test_scaling():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 3, 1)
    mean, sd = torch.tensor([0.2]), torch.tensor([0.4])
    torch.testing.assert_close(Scaling.of("channel", mean, sd)(images).flatten(), torch.tensor([-0.5, 0.0, 2.0]))
    torch.testing.assert_close(Scaling.of("unit", mean, sd)(images).flatten(), torch.tensor([-1.0, -0.6, 1.0]))


def test_scaled_images_are_channels_last():
    scaled = Scaling.of("unit", torch.zeros(3), torch.ones(3))(torch.zeros(2, 4, 5, 3, dtype=torch.uint8))
    assert scaled.shape == (2, 3, 4, 5)
    assert scaled.is_contiguous(memory_format=torch.channels_last)
