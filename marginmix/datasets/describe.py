"""The description of a prepared dataset, as `marginmix prepare` writes it."""

from typing import Any

import numpy as np

from marginmix.datasets.cache import Prepared
from marginmix.datasets.copies import count_copies


def shared_images(one: np.ndarray, other: np.ndarray) -> int:
    """How many images of `other` have an exact copy in `one`. Both are given as hashes."""
    return int(np.isin(other, one).sum())


def describe(prepared: Prepared) -> dict[str, Any]:
    """Counts by part and class, shape, hash, copies, licence and location, ready for JSON.

    `duplicates` counts, per part, the images that repeat an earlier image of the part. `copies` counts, per pair of
    parts "a/b", the images of b with an exact copy in a, and with a near copy in a.
    """
    hashes = {part: prepared.hashes[slice(*span)] for part, span in prepared.parts.items()}
    duplicates = {part: int(len(values) - len(np.unique(values))) for part, values in hashes.items()}
    by_class = {}
    for part, span in prepared.parts.items():
        targets = prepared.targets[slice(*span)]
        found = np.bincount(targets[targets >= 0], minlength=len(prepared.classes)).tolist()
        by_class[part] = dict(zip(prepared.classes, found, strict=True))
    return {
        "name": prepared.name,
        "options": dict(prepared.row.changed),
        "title": prepared.row.title,
        "source": prepared.source,
        "data_hash": prepared.data_hash,
        "shape": list(prepared.images.shape[1:]),
        "images": {part: stop - start for part, (start, stop) in prepared.parts.items()},
        "images_by_class": by_class,
        "duplicates": duplicates,
        "copies": count_copies(prepared.copies, prepared.parts, prepared.perceptual is not None),
        "mean": list(prepared.mean),
        "sd": list(prepared.sd),
        "licence": prepared.row.licence,
        "found_at": None if prepared.root is None else str(prepared.root),
    }
