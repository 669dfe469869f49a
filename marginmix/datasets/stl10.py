"""STL-10 (Coates et al. 2011), from its binary files, with the unlabelled part and the ten official folds."""

from pathlib import Path

import numpy as np

from marginmix.datasets.decode import UNKNOWN, Raw, check_targets, read_text
from marginmix.datasets.row import Dataset
from marginmix.errors import UserError


def load(root: Path, row: Dataset, layout: str) -> Raw:
    """The train, unlabelled and test parts, and the folds as indices into train."""
    folder = root / "stl10_binary"
    train, test = _labelled(folder, "train", row), _labelled(folder, "test", row)
    unlabelled = _images(folder / "unlabeled_X.bin", row.shape)
    parts = {"train": train, "unlabelled": (unlabelled, np.full(len(unlabelled), UNKNOWN)), "test": test}
    return Raw(parts, row.classes, row.name, _folds(folder / "fold_indices.txt", len(train[1])))


def _labelled(folder: Path, part: str, row: Dataset) -> tuple[np.ndarray, np.ndarray]:
    images, path = _images(folder / f"{part}_X.bin", row.shape), folder / f"{part}_y.bin"
    targets = check_targets(_bytes(path), len(row.classes), path, first=1)
    if len(images) != len(targets):
        raise UserError(
            f"{path}: expected {len(images):,} labels, one per image, found {len(targets):,}, so labels or images are "
            f"truncated; delete {folder} and get it again"
        )
    return images, targets


def _images(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Images uint8 [N, H, W, C], as a view of the file, which stores [N, C, W, H]."""
    height, width, channels = shape
    flat, size = _bytes(path), height * width * channels
    if not len(flat) or len(flat) % size:
        raise UserError(
            f"{path}: expected a multiple of {size:,} bytes, found {len(flat):,}, so it is truncated; delete "
            f"{path.parent} and get it again"
        )
    return flat.reshape(-1, channels, width, height).transpose(0, 3, 2, 1)


def _bytes(path: Path) -> np.ndarray:
    try:
        return np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:  # numpy raises ValueError for an empty file
        raise UserError(f"cannot read {path}: {error}; delete {path.parent} and get it again") from error


def _folds(path: Path, count: int) -> list[np.ndarray]:
    try:
        folds = [np.array(line.split(), np.int64) for line in read_text(path).splitlines() if line.strip()]
        outside = [int(fold.min()) < 0 or int(fold.max()) >= count for fold in folds]
    except ValueError as error:
        raise UserError(f"{path}: expected lines of numbers ({error}); get it again") from error
    if not folds or any(outside):
        raise UserError(f"{path}: expected folds with indices 0 to {count - 1}, found others or none; get it again")
    return folds
