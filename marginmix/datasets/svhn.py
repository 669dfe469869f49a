"""SVHN (Netzer et al. 2011), the cropped digits without the `extra` part."""

from pathlib import Path

import numpy as np

from marginmix.datasets.decode import Raw, check_targets
from marginmix.datasets.row import Dataset
from marginmix.errors import UserError


def load(root: Path, row: Dataset, layout: str) -> Raw:
    """The train and test parts from train_32x32.mat and test_32x32.mat. In these files label 10 is the digit 0."""
    return Raw({part: _part(root / f"{part}_32x32.mat", row) for part in ("train", "test")}, row.classes, row.name)


def _part(path: Path, row: Dataset) -> tuple[np.ndarray, np.ndarray]:
    from scipy.io import loadmat

    if not path.exists():
        raise UserError(f"missing {path}; {row.get}")
    try:
        content = loadmat(path)
        pixels, labels = content["X"], content["y"].ravel()
    except Exception as error:  # a damaged file fails in many ways
        raise UserError(f"{path}: truncated or damaged ({error}); delete it and get it again") from error
    if pixels.shape != (*row.shape, len(labels)) or pixels.dtype != np.uint8:
        raise UserError(
            f"{path}: expected X as uint8 {[*row.shape, len(labels)]} for {len(labels):,} labels, found "
            f"{pixels.dtype} {list(pixels.shape)}; delete it and get it again"
        )
    numbers = check_targets(labels, len(row.classes), path, first=1) + 1
    return np.ascontiguousarray(pixels.transpose(3, 0, 1, 2)), numbers % 10
