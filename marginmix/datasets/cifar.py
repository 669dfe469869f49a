"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): the official Python batches, and CIFAR-10 as a folder of images."""

import io
import pickle
from pathlib import Path

import numpy as np

from marginmix.datasets.decode import Raw, check_targets, decode_images
from marginmix.datasets.folder import list_images
from marginmix.datasets.row import Dataset
from marginmix.errors import UserError

# All names that the official files need. A pickle can run any code that it names, so nothing else is admitted.
_ADMITTED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        if (module, name) not in _ADMITTED:
            raise UserError(
                f"expected a pickle of plain arrays, found one that loads {module}.{name}; get it again from its source"
            )
        return super().find_class(module, name)


def load_cifar10(root: Path, row: Dataset, layout: str) -> Raw:
    """CIFAR-10 from the five training batches and the test batch, or from 32x32 colour images train/<class>/* and
    test/<class>/*."""
    if layout == "batches":
        folder = root / "cifar-10-batches-py"
        train = [_batch(folder / f"data_batch_{number}", "labels", row) for number in range(1, 6)]
        return Raw(
            {"train": _joined(train), "test": _batch(folder / "test_batch", "labels", row)}, row.classes, row.name
        )
    parts, endings = {}, set()
    for part in ("train", "test"):
        paths, targets = list_images(root / part, row.classes)
        parts[part] = decode_images(paths, row.shape), targets
        endings.update(path.suffix.lower() for path in paths)
    kind = "JPEG copy" if endings & {".jpg", ".jpeg"} else "image copy"
    return Raw(parts, row.classes, f"{row.name} ({kind})")


def load_cifar100(root: Path, row: Dataset, layout: str) -> Raw:
    """CIFAR-100 from its training batch and test batch, with the 100 fine labels."""
    folder = root / "cifar-100-python"
    parts = {part: _batch(folder / part, "fine_labels", row) for part in ("train", "test")}
    return Raw(parts, row.classes, row.name)


def _joined(batches: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    images, targets = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(targets)


def _batch(path: Path, labels: str, row: Dataset) -> tuple[np.ndarray, np.ndarray]:
    height, width, channels = row.shape
    content = _unpickle(path)
    try:
        data, targets = content["data"], np.asarray(content[labels])
        rows = data.reshape(len(targets), channels, height, width)
        if data.dtype != np.uint8:
            raise ValueError(f"pixels of type {data.dtype}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: expected 'data' of uint8 [N, {height * width * channels}] and N {labels!r}, found "
            f"{error}; get it again from its source"
        ) from error
    return rows.transpose(0, 2, 3, 1), check_targets(targets, len(row.classes), path)


def _unpickle(path: Path):
    try:
        return _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; delete {path.parent} and get it again") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle fails in many ways
        raise UserError(
            f"{path}: truncated or damaged ({error}); delete {path.parent} and get it again from its source"
        ) from error
