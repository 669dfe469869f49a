"""Decodes image files into uint8 arrays, and holds the checks that all loaders share."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from marginmix.errors import UserError

if TYPE_CHECKING:  # training on digits must work without Pillow
    from PIL import Image

UNKNOWN = -1


@dataclass(frozen=True)
class Raw:
    """What a loader returns. Each part has images, uint8 [N, H, W, C], and targets, int64 [N] (-1: unknown)."""

    parts: Mapping[str, tuple[np.ndarray, np.ndarray]]
    classes: tuple[str, ...]
    source: str
    folds: Sequence[np.ndarray] | None = None


def read_text(path: Path) -> str:
    """The text of a UTF-8 file. Raises `UserError` if it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; complete the dataset from its source") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: expected UTF-8 text, found other bytes ({error.reason}); restore it from its source"
        ) from error


def open_image(path: Path) -> "Image.Image":
    """An 8-bit image, loaded in full. Raises a `UserError` that names the file if it is missing, damaged or deeper."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
    except FileNotFoundError as error:
        raise UserError(f"missing image {path}; complete the dataset from its source") from error
    except Exception as error:  # decoders of damaged files raise all kinds
        reason = "not an image" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise UserError(f"cannot decode image {path}: {reason}; restore it from its source or delete it") from error
    if image.mode[0] in "IF":
        raise UserError(f"image {path}: expected 8 bits per channel, found mode {image.mode}; save it with 8 bits")
    return image


def parallel(function: Callable, items: Sequence) -> list:
    """`[function(item) for item in items]`, in threads. They help since decoders release the interpreter lock, and
    reading waits for the disk."""
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 2)) as pool:
        return list(pool.map(function, items))


def decode_images(paths: Sequence[Path], shape: tuple[int, int, int]) -> np.ndarray:
    """Image files of one `shape` (H, W, C), C = 1 or 3, as uint8 [N, H, W, C]. Raises `UserError` on another size."""
    images = np.empty((len(paths), *shape), np.uint8)

    def decode(index: int) -> None:
        image = open_image(paths[index])
        if image.size != (shape[1], shape[0]):
            raise UserError(
                f"image {paths[index]}: expected {shape[1]}x{shape[0]} pixels, found {image.width}x{image.height}; "
                "use the official files"
            )
        images[index] = np.asarray(image.convert("L" if shape[2] == 1 else "RGB")).reshape(shape)

    parallel(decode, range(len(paths)))
    return images


def check_targets(targets: np.ndarray, classes: int, where: Path | str, first: int = 0) -> np.ndarray:
    """Targets as int64 from 0 on. Raises `UserError` if one lies outside `first` … `first + classes - 1`."""
    targets = np.asarray(targets).astype(np.int64)
    outside = np.flatnonzero((targets < first) | (targets >= first + classes))
    if outside.size:
        raise UserError(
            f"{where}: expected labels {first} to {first + classes - 1}, found {targets[outside[0]]} at position "
            f"{outside[0]}; restore the file from its source"
        )
    return targets - first
