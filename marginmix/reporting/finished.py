"""The one reader of finished runs: checks what lies under results/runs, and defines what a checked run is."""

import hashlib
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from marginmix.errors import UserError
from marginmix.files import read_json
from marginmix.reporting.predictions import Predictions, checked
from marginmix.runs import paths
from marginmix.runs.collapse import COLUMNS as ONE_SIDEDNESS
from marginmix.runs.key import RunKey
from marginmix.runs.record import check_record
from marginmix.runs.spec import Spec

CHECKED = (
    "step", "accuracy", "balanced_accuracy", "accuracy_centroid", "balanced_accuracy_centroid", "validation_accuracy",
    *ONE_SIDEDNESS,
)  # fmt: skip
ANEW, RESTORE = "delete its folder and run again", "restore it from git"
"""What to do about a broken file: of a local run, and of published evidence."""


@dataclass(frozen=True)
class Finished:
    """A finished run with a checked record.

    `curve` has one row per evaluation and the columns of metrics.csv. `observations` is the path of its .npz.
    `predictions` holds its predictions for the test images. Both are None if they were not kept.
    """

    key: RunKey
    spec: Spec
    record: dict[str, Any]
    curve: pd.DataFrame
    observations: Path | None
    predictions: Predictions | None = None

    @cached_property
    def recipe(self) -> SimpleNamespace:
        """All settings of the run, by name."""
        return SimpleNamespace(**self.record["recipe"])

    @property
    def published(self) -> bool:
        return "published" in self.record

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """Observed arrays whose names begin with `prefix` ("plane/", "sheet/"), by the rest of the name; may be
        empty."""
        if self.observations is None:
            return {}
        return _arrays(self.observations, prefix, RESTORE if self.published else ANEW)


def _arrays(path: Path, prefix: str, remedy: str) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name.removeprefix(prefix): file[name] for name in file.files if name.startswith(prefix)}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"cannot read {path} ({error}); {remedy}") from error


def evaluations(curve: pd.DataFrame) -> list[dict[str, float]]:
    """One dict per evaluation, with the columns that scores are computed from. Numbers that do not apply are absent."""
    found = curve.reindex(columns=[name for name in CHECKED if name in curve]).to_dict("records")
    return [{name: value for name, value in row.items() if pd.notna(value)} for row in found]


def read_local(folder: Path | str) -> Finished:
    """The run in a folder under results/runs. Raises a `UserError` that names the file if something does not fit."""
    folder = Path(folder)
    key, identity = paths.key_and_identity(folder)
    where, files = folder / paths.RESULT, {name: folder / name for name in (paths.METRICS, paths.OBSERVATIONS)}
    record, content = read_json(where), {name: bytes_of(path) for name, path in files.items()}
    curve = table_of(files[paths.METRICS], content[paths.METRICS], "step", ANEW)
    try:
        spec = check_record(record, evaluations(curve))
    except UserError as error:
        raise UserError(f"{where}: {error}; {ANEW}") from error
    if (spec.key, spec.identity) != (key, identity):
        raise UserError(f"{where}: expected run {identity} of {tuple(key)}, as its folder says, found "
                        f"{spec.identity} of {tuple(spec.key)}; move it back")  # fmt: skip
    for name, path in files.items():
        if key_of(record.get("files"), name) != hashlib.sha256(content[name]).hexdigest():
            raise UserError(f"{path}: the file was changed after the run wrote it; {ANEW}")
    kept = files[paths.OBSERVATIONS]
    try:
        predictions = checked(_arrays(kept, "test/", ANEW), curve)
    except UserError as error:
        raise UserError(f"{kept}: {error}; {ANEW}") from error
    return Finished(key, spec, record, curve, kept, predictions)


def in_agreement(runs: Iterable[Finished], problems: list[str]) -> list[Finished]:
    """Drop the runs of every cell in which data or split differ, so that paired differences compare like with like.
    `problems` gets a line for each such cell."""
    cells: dict[tuple, list[Finished]] = {}
    for one in runs:
        cells.setdefault((one.key.experiment, one.key.dataset, one.key.labels, one.key.seed), []).append(one)
    kept: list[Finished] = []
    for cell, found in cells.items():
        for what in ("data", "split"):
            values = {one.spec.bits.data if what == "data" else one.record["split"] for one in found}
            if len(values) > 1:
                problems.append(f"{'/'.join(map(str, cell))}: left out: expected its {len(found)} runs to share one "
                                f"hash of the {what}, found {len(values)}; train them again")  # fmt: skip
                break
        else:
            kept += found
    return kept


def table_of(path: Path, content: bytes, column: str, remedy: str, **options: Any) -> pd.DataFrame:
    """A CSV as a frame. Raises `UserError` if it is no CSV, or lacks the column."""
    try:
        table = pd.read_csv(io.BytesIO(content), **options)
    except (ValueError, pd.errors.ParserError) as error:
        raise UserError(f"{path}: expected a CSV table ({error}); {remedy}") from error
    if column not in table:
        raise UserError(f"{path}: the column {column!r} is missing; {remedy}")
    return table


def bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def key_of(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else None
