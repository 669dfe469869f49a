"""What runs predicted of the test images: checked when it is read, and published in one file an experiment."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from marginmix.errors import UserError
from marginmix.runs.record import TOLERANCE

OF_RUN, OF_DATA = ("steps", "predicted"), ("targets", "copies")
"""What belongs to a run, and what all runs on the same data share."""


@dataclass(frozen=True)
class Predictions:
    """Of the last w evaluations of a run the `steps` [w] and the `predicted` class of each test image [w, N]; the
    `targets` [N]; and whether an image has `copies` in the training images [N]: 0 none, 1 a near one, 2 an exact one.
    """

    steps: np.ndarray
    predicted: np.ndarray
    targets: np.ndarray
    copies: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Which predictions are right, bool [w, N]."""
        return self.predicted == self.targets

    def accuracy_without_copies(self, window: int) -> float | None:
        """Of the images without a copy, percent, the mean of the last `window` evaluations; None where fewer were kept,
        or every image has a copy."""
        kept = self.right[:, self.copies == 0]
        return 100 * float(kept[-window:].mean()) if len(kept) >= window and kept.size else None


def checked(arrays: Mapping[str, np.ndarray], curve: pd.DataFrame) -> Predictions | None:
    """The predictions in the `arrays` of a run whose learning curve is `curve`; None where none were kept.

    Raises `UserError`, without naming the file, where they are not complete or do not give the curve's accuracies.
    """
    if not arrays:
        return None
    try:
        found = Predictions(*(arrays[name] for name in (*OF_RUN, *OF_DATA)))
        accuracy = 100 * found.right.mean(1)
        fits = found.right.shape == (len(found.steps), *found.copies.shape)
        told = curve.set_index("step")["accuracy"].reindex(found.steps).to_numpy()
    except (KeyError, ValueError, np.exceptions.AxisError) as error:
        raise UserError(f"its predictions are not complete ({error!r})") from error
    if not fits or not np.all(np.abs(accuracy - told) <= TOLERANCE):
        raise UserError("its predictions do not give the accuracies of its learning curve")
    return found


def packed(runs: Iterable[tuple[str, str, Predictions]]) -> bytes:
    """An .npz of the predictions of `runs` (identity, hash of the data, predictions). The same runs are the same bytes.

    Raises `UserError` where two runs on the same data do not agree on its targets and copies.
    """
    arrays: dict[str, np.ndarray] = {}
    for identity, data, one in sorted(runs, key=lambda run: run[0]):
        arrays |= {f"{identity}/{name}": getattr(one, name) for name in OF_RUN}
        for name in OF_DATA:
            shared = arrays.setdefault(f"{data}/{name}", getattr(one, name))
            if not np.array_equal(shared, getattr(one, name)):
                raise UserError(
                    f"run {identity}: expected the {name} of the test images that other runs on data {data} have, "
                    "found others; train it again with --config rebuild=true"
                )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def unpacked(content: bytes) -> dict[str, dict[str, np.ndarray]]:
    """Identity, or hash of the data -> its arrays by name, of what `packed` wrote; `ValueError` where it is none."""
    found: dict[str, dict[str, np.ndarray]] = {}
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            for path in file.files:
                owner, _, name = path.partition("/")
                found.setdefault(owner, {})[name] = file[path]
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error
    return found
