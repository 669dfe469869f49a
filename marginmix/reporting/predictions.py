"""The runs' predictions for the test images: checked when they are read, and published in one file per experiment."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from marginmix.errors import UserError
from marginmix.runs.record import TOLERANCE

OF_RUN, OF_DATA = ("steps", "predicted"), ("targets", "copies")
"""Arrays of one run, and arrays that all runs on the same data share."""


@dataclass(frozen=True)
class Predictions:
    """A run's predictions at its last w evaluations, for N test images.

    `steps` [w]; `predicted` classes [w, N]; `targets` [N]; `copies` [N]: whether the training images hold a copy of the
    image (0 none, 1 a near one, 2 an exact one).
    """

    steps: np.ndarray
    predicted: np.ndarray
    targets: np.ndarray
    copies: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Which predictions are correct, bool [w, N]."""
        return self.predicted == self.targets

    def accuracy_without_copies(self, window: int) -> float | None:
        """Accuracy on the images without a copy, percent, as the mean of the last `window` evaluations. None if fewer
        evaluations were kept, or if every image has a copy."""
        kept = self.right[:, self.copies == 0]
        return 100 * float(kept[-window:].mean()) if len(kept) >= window and kept.size else None


def checked(arrays: Mapping[str, np.ndarray], curve: pd.DataFrame) -> Predictions | None:
    """The predictions in the `arrays` of a run with the learning curve `curve`; None if none were kept.

    Raises `UserError`, which does not name the file, if they are incomplete or disagree with the curve's accuracies.
    """
    if not arrays:
        return None
    try:
        found = Predictions(*(arrays[name] for name in (*OF_RUN, *OF_DATA)))
        accuracy = 100 * found.right.mean(1)
        fits = found.right.shape == (len(found.steps), *found.copies.shape)
        told = curve.set_index("step")["accuracy"].reindex(found.steps).to_numpy()
    except (KeyError, ValueError, np.exceptions.AxisError) as error:
        raise UserError(f"its predictions are incomplete ({error!r})") from error
    if not fits or not np.all(np.abs(accuracy - told) <= TOLERANCE):
        raise UserError("its predictions disagree with the accuracies of its learning curve")
    return found


def packed(runs: Iterable[tuple[str, str, Predictions]]) -> bytes:
    """An .npz of the predictions of `runs`: (identity, hash of the data, predictions). The same runs give the same
    bytes.

    Raises `UserError` if two runs on the same data disagree on its targets or copies.
    """
    arrays: dict[str, np.ndarray] = {}
    for identity, data, one in sorted(runs, key=lambda run: run[0]):
        arrays |= {f"{identity}/{name}": getattr(one, name) for name in OF_RUN}
        for name in OF_DATA:
            shared = arrays.setdefault(f"{data}/{name}", getattr(one, name))
            if not np.array_equal(shared, getattr(one, name)):
                raise UserError(
                    f"run {identity}: expected the same {name} of the test images as in other runs on data {data}, "
                    "found different ones; train it again with --config rebuild=true"
                )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def unpacked(content: bytes) -> dict[str, dict[str, np.ndarray]]:
    """Reads what `packed` wrote: identity, or hash of the data -> arrays by name. `ValueError` if it is no .npz."""
    found: dict[str, dict[str, np.ndarray]] = {}
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            for path in file.files:
                owner, _, name = path.partition("/")
                found.setdefault(owner, {})[name] = file[path]
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error
    return found
