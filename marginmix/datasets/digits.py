"""scikit-learn's handwritten digits: 1,797 images of 8x8 pixels. They need no file."""

from pathlib import Path

import numpy as np

from marginmix.datasets.decode import Raw
from marginmix.datasets.row import Dataset
from marginmix.draws import shuffled

TEST_PER_CLASS = 50


def load(root: Path | None, row: Dataset, layout: str) -> Raw:
    """The digits, with grey values 0..16 scaled to 0..255. A fixed draw of 50 images per class is the test part."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * 255 / 16).astype(np.uint8)[..., None]
    targets = bunch.target.astype(np.int64)
    test = np.zeros(len(targets), bool)
    for label in range(len(row.classes)):
        test[shuffled(np.flatnonzero(targets == label), f"digits test {label}")[:TEST_PER_CLASS]] = True
    parts = {"train": (images[~test], targets[~test]), "test": (images[test], targets[test])}
    return Raw(parts, row.classes, row.name)
