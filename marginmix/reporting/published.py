"""results/published: its files, and its runs as the one reader of records checks them."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marginmix.errors import UserError
from marginmix.files import hash_of
from marginmix.reporting.finished import RESTORE, Finished, bytes_of, evaluations, key_of, table_of
from marginmix.reporting.predictions import Predictions, checked, unpacked
from marginmix.runs.key import RunKey
from marginmix.runs.paths import CURVES, DIGESTS, PLANES, PREDICTIONS, RECORDS, RUNS_CSV
from marginmix.runs.record import check_record
from marginmix.runs.scores import PER_IMAGE_METRICS
from marginmix.runs.spec import Spec

UNTIL_THEN = "no published run is read until then"


@dataclass
class Published:
    """results/published as it lies in a folder. `problems` names what is left out, and files that were changed.

    Where the records or the curves cannot be read, or are not those that were published, there are no runs.
    """

    folder: Path
    problems: list[str] = field(default_factory=list)
    _predictions: dict[str, dict[str, dict[str, np.ndarray]]] = field(default_factory=dict, repr=False)

    @cached_property
    def runs(self) -> list[Finished]:
        """Every published run that passes its checks, in the order of their names."""
        if not any((self.folder / name).exists() for name in (RECORDS, CURVES, RUNS_CSV, DIGESTS)):
            return []
        try:
            return self._all_checked()
        except UserError as error:
            self.problems.append(f"{error}; {UNTIL_THEN}")
            return []

    def _all_checked(self) -> list[Finished]:
        changed = self._changed()
        vital = {self.folder / RECORDS, self.folder / CURVES} & changed
        for path in sorted(changed):
            meanwhile = f"; {UNTIL_THEN}" if path in vital else ""
            self.problems.append(f"{path}: it is not what was published; {RESTORE}{meanwhile}")
        holds_runs = any((self.folder / name).exists() for name in (RECORDS, CURVES, RUNS_CSV))
        if vital or not holds_runs:
            return []
        records, curves, rows = self._records(), self._curves(), self._rows()
        self._predictions = self._unchanged_predictions(changed)
        found: dict[RunKey, Finished] = {}
        for record in records:
            try:
                one = self._checked(record, curves, rows, changed)
                if one.key in found:
                    raise UserError(f"{tuple(one.key)} is there twice")
            except UserError as error:
                self.problems.append(f"{self.folder / RECORDS}: {_name(record)} is left out: {error}")
            else:
                found[one.key] = one
        for identity in sorted(set(rows) - {str(key_of(record, "identity")) for record in records}):
            self.problems.append(f"{self.folder / RUNS_CSV}: no record has the identity {identity} of a line")
        return sorted(found.values(), key=lambda one: one.key)

    def whole(self) -> list[Finished]:
        """All runs; a `UserError` where anything that is published cannot be read."""
        runs = self.runs
        if self.problems:
            raise UserError(f"{self.folder} is not whole: {self.problems[0]}")
        return runs

    def of(self, experiment: str) -> list[Finished]:
        return [one for one in self.runs if one.key.experiment == experiment]

    @cached_property
    def by_identity(self) -> dict[str, Finished]:
        return {one.spec.identity: one for one in self.runs}

    def _checked(
        self, record: Any, curves: dict[str, pd.DataFrame], rows: dict[str, dict[str, str]], changed: set[Path]
    ) -> Finished:
        curve = curves.get(str(key_of(record, "identity")), pd.DataFrame(columns=["step"]))
        spec = check_record(record, evaluations(curve))
        row, planes = rows.get(spec.identity), self.folder / PLANES / f"{spec.identity}.npz"
        if row is None:
            raise UserError(f"{RUNS_CSV} has no line of it")
        for name, value in published_row(spec, record).items():
            if row.get(name) != value:
                raise UserError(f"{RUNS_CSV}: {name}: expected {value}, by its record, found {row.get(name)}")
        kept = planes if planes.exists() and planes not in changed else None
        return Finished(spec.key, spec, record, curve, kept, self._predictions_of(spec, curve))

    def _unchanged_predictions(self, changed: set[Path]) -> dict[str, dict[str, np.ndarray]]:
        """Experiment -> identity, or hash of the data -> arrays."""
        found = {}
        for path in sorted((self.folder / PREDICTIONS).glob("*.npz")):
            if path not in changed:
                try:
                    found[path.stem] = unpacked(bytes_of(path))
                except ValueError as error:
                    self.problems.append(f"{path} is not an archive of arrays ({error}); {RESTORE}")
        return found

    def _predictions_of(self, spec: Spec, curve: pd.DataFrame) -> Predictions | None:
        kept = self._predictions.get(spec.experiment, {})
        if spec.identity not in kept:
            return None
        return checked({**kept.get(spec.bits.data, {}), **kept[spec.identity]}, curve)

    def _records(self) -> list[Any]:
        path = self.folder / RECORDS
        records = _parsed(path, _unzipped(path))
        if not isinstance(records, list):
            raise UserError(f"{path} holds no list of records; {RESTORE}")
        return records

    def _curves(self) -> dict[str, pd.DataFrame]:
        path = self.folder / CURVES
        table = table_of(path, _unzipped(path), "identity", RESTORE, dtype={"identity": str})
        # Each run with its own columns: those that hold a number in any of its rows.
        held = table.drop(columns="identity").notna().groupby(table["identity"]).any()
        return {name: rows[held.columns[held.loc[name]]] for name, rows in table.groupby("identity", sort=False)}

    def _rows(self) -> dict[str, dict[str, str]]:
        path = self.folder / RUNS_CSV
        table = table_of(path, bytes_of(path), "identity", RESTORE, dtype=str, keep_default_na=False)
        return {row["identity"]: row for row in table.to_dict("records")}

    def _changed(self) -> set[Path]:
        """The files that are not as they were published, were added, or are gone."""
        path = self.folder / DIGESTS
        told, found = _parsed(path, bytes_of(path)), digests(self.folder)
        if not isinstance(told, dict):
            raise UserError(f"{path} holds no digests; {RESTORE}")
        names = {name for name in {*told, *found} if told.get(name) != found.get(name)}
        return {path} if names == {"all"} else {self.folder / name for name in names - {"all"}}


def published_row(spec: Spec, record: dict[str, Any]) -> dict[str, str]:
    """The line of a run in published/runs.csv, as text."""
    made, scores = record["provenance"][-1] if record["provenance"] else {}, record["scores"]
    row = {
        **spec.key._asdict(),
        "steps": record["recipe"]["steps"],
        **{name: _number(record[name]) for name in PER_IMAGE_METRICS},
        **{f"accuracy_{rule}": _number(scores[rule]) for rule in ("last", "median", "validation", "best")},
        "score_rule": f"mean of the last {record['recipe']['score_window']} of {record['evaluated']} evaluations",
        "diverged": str(record["diverged"]).lower(),
        "source": record["source"],
        "split": record["split"],
        "data": spec.bits.data,
        "recipe": spec.bits.recipe_only,
        "identity": spec.identity,
        "identity_before": (record.get("published") or {}).get("identity_before", ""),
        "exact": str(record["exact"]).lower(),
        "wall_seconds": f"{record['wall_seconds']:.1f}",
        **{name: made.get(name) for name in ("device", "name", "threads", "execution", "torch", "commit", "date")},
    }
    return {name: "" if value is None else str(value) for name, value in row.items()}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in results/published but the README and the digests, and one over them all."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (DIGESTS, "README.md"))
    found = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {**found, "all": hash_of(found)}


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); {RESTORE}") from error


def _unzipped(path: Path) -> bytes:
    try:
        return gzip.decompress(bytes_of(path))
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be unpacked ({error}); {RESTORE}") from error


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _name(record: Any) -> str:
    spec = key_of(record, "spec")
    bits = key_of(spec, "bits")
    names: Sequence[Any] = [key_of(spec, "experiment"), *(key_of(bits, n) for n in ("dataset", "labels")),
                            key_of(spec, "method"), key_of(bits, "seed")]  # fmt: skip
    return "/".join(map(str, names))
