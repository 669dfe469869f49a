"""Images at the size that a budget trains at."""

import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from marginmix.datasets.cache import Prepared, writing
from marginmix.datasets.decode import parallel
from marginmix.errors import UserError

RESIZE_VERSION = 1  # raised with every change of the pixels that come out, and the numerics version with it


def at_size(prepared: Prepared, side: int | None, cache: Path | str) -> np.ndarray:
    """The images as uint8 [N, side, side, C]; `side` None leaves them as they are. Kept in `cache`.

    Smaller sizes are area means (Pillow's BOX), larger ones bicubic.
    """
    native = prepared.images.shape[1:3]
    if side is None or native == (side, side):
        return prepared.images
    if side < 1:
        raise UserError(f"{prepared.name}: image_size must be 1 or more, found {side}")
    path = Path(cache) / "resized" / f"{prepared.name}-{prepared.data_hash}-{side}-v{RESIZE_VERSION}.npy"
    if not path.exists():
        with writing(path):
            _store(prepared.images, side, path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"the cache {path} is damaged ({error}); delete it and run again") from error


def _store(images: np.ndarray, side: int, path: Path) -> None:
    channels = images.shape[3]
    method = Image.Resampling.BOX if side <= min(images.shape[1:3]) else Image.Resampling.BICUBIC

    def resized(index: int) -> None:
        image = Image.fromarray(images[index, ..., 0] if channels == 1 else images[index])
        small[index] = np.asarray(image.resize((side, side), method)).reshape(side, side, channels)

    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        small = np.lib.format.open_memmap(beside, "w+", np.uint8, (len(images), side, side, channels))
        parallel(resized, range(len(images)))
        small.flush()
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    finally:
        Path(beside).unlink(missing_ok=True)
