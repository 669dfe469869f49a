"""Finds the training images that copy a held-out image. `duplicates: drop` leaves them out before labels are drawn."""

import numpy as np

from marginmix.datasets import Prepared, near

TRAINING = ("train", "unlabelled")
"""The parts that a network may learn from."""


def copies_of_held_out(prepared: Prepared, validation: np.ndarray) -> np.ndarray:
    """Sorted indices, int64, of the train and unlabelled images that are an exact or near copy of a validation or test
    image. The validation images themselves are not among them.

    `validation` holds the indices of the validation images: drawn from the train part, or the whole valid part. If
    `Prepared.perceptual` is None, images are too small for near copies, and only exact copies count.
    """
    training = np.concatenate([prepared.indices(part) for part in TRAINING])
    training = np.setdiff1d(training, validation)
    held_out = np.concatenate([validation, prepared.indices("test")])
    copied = np.isin(prepared.hashes[training], prepared.hashes[held_out])
    if prepared.perceptual is not None:
        copied |= near(prepared.perceptual[training], prepared.perceptual[held_out])
    return training[copied]
