"""Users' own images: train/<class>/* and test/<class>/*, optionally valid/<class>/* and unlabelled/*."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from marginmix.datasets.decode import UNKNOWN, Raw, open_image, parallel
from marginmix.datasets.row import Dataset
from marginmix.errors import UserError

LARGEST_SIDE = 256


def load(root: Path, row: Dataset, layout: str) -> Raw:
    """Images of any size, as squares of one size. The classes are the folders of `train`.

    Each image is cut to its centre square and resized. The side is the median of the squares' sides, at most 256.
    Images that already are squares of that size stay unchanged. The result is grey only if all images are grey.
    """
    classes = tuple(class_folders(root / "train"))
    if len(classes) < 2:
        raise UserError(
            f"{root / 'train'}: expected at least 2 folders, one per class, found {len(classes)}; put the images there"
        )
    listed = {part: list_images(root / part, classes) for part in ("train", "valid", "test") if (root / part).exists()}
    if "test" not in listed:
        raise UserError(f"{root}: expected test/<class>/* beside train/<class>/*, found no test; put test images there")
    if (root / "unlabelled").exists():
        loose = image_files(root / "unlabelled")
        if not loose:
            raise UserError(f"{root / 'unlabelled'}: expected images, found none; put some there or remove the folder")
        listed["unlabelled"] = (loose, np.full(len(loose), UNKNOWN))
    side, grey = _common_form([path for paths, _ in listed.values() for path in paths])

    channels = 1 if grey else 3
    parts = {part: (read_squares(paths, side, channels), targets) for part, (paths, targets) in listed.items()}
    return Raw(parts, classes, f"{row.name} (image folder, {side}x{side})")


def read_squares(paths: list[Path], side: int, channels: int) -> np.ndarray:
    """The centre squares of image files, resized: uint8 [N, side, side, channels], with 1 channel (grey) or 3."""

    def read(path: Path) -> np.ndarray:
        image = _upright(path).convert("L" if channels == 1 else "RGB")
        method = Image.Resampling.BOX if min(image.size) >= side else Image.Resampling.BICUBIC
        return np.asarray(ImageOps.fit(image, (side, side), method)).reshape(side, side, channels)

    return np.stack(parallel(read, paths))


def class_folders(folder: Path) -> list[str]:
    """The names of the folders within `folder`, sorted."""
    if not folder.is_dir():
        raise UserError(f"missing folder {folder}; create it with one folder per class in it")
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def image_files(folder: Path) -> list[Path]:
    """All files under `folder` except hidden ones, sorted. Files that are no images are included, so that decoding
    reports them instead of skipping them."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return [folder / name for name in names if not any(part.startswith(".") for part in name.split("/"))]


def list_images(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], np.ndarray]:
    """Image paths `folder`/<class>/* and their targets, int64. Raises `UserError` if a class is missing, unknown or
    empty."""
    found = class_folders(folder)
    if set(found) != set(classes):
        odd = sorted(set(found) ^ set(classes))
        raise UserError(
            f"{folder}: expected {len(classes)} class folders, found {len(found)} "
            f"({'missing' if odd[0] in classes else 'unknown'}: {odd[0]!r}); give all parts the same classes"
        )
    by_class = [image_files(folder / name) for name in classes]
    empty = next((name for name, paths in zip(classes, by_class, strict=True) if not paths), None)
    if empty is not None:
        raise UserError(f"{folder / empty}: expected images, found none; put some there or remove the class")
    targets = np.repeat(np.arange(len(classes)), [len(paths) for paths in by_class])
    return [path for paths in by_class for path in paths], targets


def _upright(path: Path) -> Image.Image:
    return ImageOps.exif_transpose(open_image(path))


def _common_form(paths: list[Path]) -> tuple[int, bool]:
    def form(path: Path) -> tuple[int, bool]:
        image = open_image(path)
        return min(image.size), image.mode in ("L", "1")

    forms = parallel(form, paths)
    side = int(np.median([side for side, _ in forms]))
    return min(side, LARGEST_SIDE), all(grey for _, grey in forms)
