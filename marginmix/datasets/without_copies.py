"""Which training images copy a held-out image: what `duplicates: drop` leaves out before labels are drawn."""

import numpy as np

from marginmix.datasets import Prepared, near

TRAINING = ("train", "unlabelled")
"""The parts that a network may learn from."""


def copies_of_held_out(prepared: Prepared, validation: np.ndarray) -> np.ndarray:
    """The images of the train and unlabelled parts, but for `validation` itself, that are an exact or near copy of a
    validation or test image: sorted indices int64.

    `validation` holds the indices of the validation images, drawn from the train part or the valid part itself. Exact
    copies alone count where near ones mean nothing (`Prepared.perceptual` is None).
    """
    training = np.concatenate([prepared.indices(part) for part in TRAINING])
    training = np.setdiff1d(training, validation)
    held_out = np.concatenate([validation, prepared.indices("test")])
    copied = np.isin(prepared.hashes[training], prepared.hashes[held_out])
    if prepared.perceptual is not None:
        copied |= near(prepared.perceptual[training], prepared.perceptual[held_out])
    return training[copied]
