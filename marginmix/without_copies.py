"""Which training images copy a held-out image: what `duplicates: drop` leaves out before labels are drawn."""

import numpy as np

from marginmix.datasets import Prepared, near

TRAINING = ("train", "unlabelled")
HELD_OUT = ("valid", "test")


def copies_of_held_out(prepared: Prepared, validation: np.ndarray) -> np.ndarray:
    """The images of the train and unlabelled parts, but for `validation` itself, that are an exact or near copy of a
    validation or test image: sorted indices int64.

    `validation` holds the indices of the validation images, drawn from the train part or the valid part itself. Exact
    copies alone count where near ones mean nothing (`Prepared.perceptual` is None).
    """
    parts = np.concatenate([prepared.indices(part) for part in TRAINING])
    copied = np.concatenate([prepared.copied(part, HELD_OUT) for part in TRAINING])
    drawn = np.setdiff1d(validation, prepared.indices("valid"))
    copied |= np.isin(prepared.hashes[parts], prepared.hashes[drawn])
    if prepared.perceptual is not None:
        copied |= near(prepared.perceptual[parts], prepared.perceptual[drawn])
    return np.setdiff1d(parts[copied], validation)
