"""Resizes images to the size that an experiment trains at."""

import json
import math
from hashlib import blake2b
from pathlib import Path

import numpy as np

from marginmix.datasets.cache import Prepared, new_array
from marginmix.datasets.decode import parallel
from marginmix.errors import UserError
from marginmix.files import writing

RESIZE_VERSION = 1  # raise this, and the numerics version, when the resulting pixels change


def at_size(prepared: Prepared, side: int | None, cache: Path | str) -> np.ndarray:
    """The images as uint8 [N, side, side, C], kept in `cache`. `side` None leaves them unchanged.

    Smaller sizes are area means (Pillow's BOX), larger ones are bicubic. Raises `UserError` if `side` is below 1, or if
    the cache is damaged or cannot be written.
    """
    native = prepared.images.shape[1:3]
    if side is None or native == (side, side):
        return prepared.images
    if side < 1:
        raise UserError(f"{prepared.name}: image_size must be 1 or more, found {side}")
    shape = (len(prepared.images), side, side, prepared.images.shape[3])
    folder = Path(cache) / "resized" / f"{prepared.name}-{prepared.data_hash}-{side}-v{RESIZE_VERSION}"
    if not folder.exists():
        with writing(folder, math.prod(shape)) as beside:
            _store(prepared.images, shape, beside)
    return _read(folder, shape)


def _store(images: np.ndarray, shape: tuple[int, int, int, int], beside: Path) -> None:
    from PIL import Image

    _, side, _, channels = shape
    method = Image.Resampling.BOX if side <= min(images.shape[1:3]) else Image.Resampling.BICUBIC

    def resized(index: int) -> None:
        image = Image.fromarray(images[index, ..., 0] if channels == 1 else images[index])
        small[index] = np.asarray(image.resize((side, side), method)).reshape(side, side, channels)

    small = new_array(beside / "images.npy", shape)
    parallel(resized, range(len(images)))
    small.flush()
    (beside / "digest.json").write_text(json.dumps({"blake2b": _digest(small)}) + "\n")


def _digest(images: np.ndarray) -> str:
    return blake2b(images, digest_size=16).hexdigest()


def _read(folder: Path, shape: tuple[int, int, int, int]) -> np.ndarray:
    try:
        expected = json.loads((folder / "digest.json").read_text())["blake2b"]
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        if images.shape != shape or images.dtype != np.uint8:
            raise ValueError(f"images.npy: expected uint8 {shape}, found {images.dtype} {images.shape}")
        if (found := _digest(images)) != expected:
            raise ValueError(f"images.npy: expected pixels with digest {expected}, found {found}")
    except Exception as error:  # readers of damaged files raise all kinds
        raise UserError(f"the cache {folder} is damaged ({error}); delete it and run again") from error
    return images
