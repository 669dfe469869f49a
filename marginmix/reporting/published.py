"""Reads results/published: its files, their digests, and its runs, each checked against its record."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from marginmix.errors import UserError
from marginmix.files import hash_of
from marginmix.reporting.finished import RESTORE, Finished, bytes_of, evaluations, key_of, table_of
from marginmix.reporting.predictions import Predictions, checked, unpacked
from marginmix.runs.paths import CURVES, DIGESTS, PLANES, PREDICTIONS, RECORDS, RUNS_CSV
from marginmix.runs.record import check_record
from marginmix.runs.scores import PER_IMAGE_METRICS
from marginmix.runs.spec import Spec

UNTIL_THEN = "until then no published run is read"


class Content(NamedTuple):
    """What is read before any run is checked.

    `records` and their `names` run in parallel. `curves` has one row per evaluation of any run; `places` gives the row
    numbers of each identity. `rows` holds the lines of runs.csv by identity. `changed` holds the files that differ from
    what was published.
    """

    records: list[Any]
    names: list[str]
    curves: pd.DataFrame
    places: Mapping[str, np.ndarray]
    rows: dict[str, dict[str, str]]
    changed: set[Path]


NOTHING = Content([], [], pd.DataFrame(columns=["step"]), {}, {}, set())


@dataclass
class Published:
    """The published evidence in a folder. `problems` names what is left out, and the files that were changed.

    The digests of all files are checked first. Each run is checked only when it is asked for, so a page of one
    experiment does not wait for the others. If the records or the curves cannot be read, or were changed, there are no
    runs.
    """

    folder: Path
    problems: list[str] = field(default_factory=list)
    _checked: dict[int, Finished | None] = field(default_factory=dict)
    _predictions: dict[str, dict[str, dict[str, np.ndarray]]] = field(default_factory=dict, repr=False)

    @property
    def runs(self) -> list[Finished]:
        """Every published run that passes its checks, sorted by key."""
        return self._runs_at(range(len(self._content.records)))

    def of(self, experiment: str) -> list[Finished]:
        """The runs of one experiment that pass their checks, sorted by key."""
        return self._runs_at(i for i, name in enumerate(self._content.names) if name.startswith(f"{experiment}/"))

    def with_identity(self, identity: str) -> Finished | None:
        """The run with this identity, from any experiment; None if there is none."""
        records = self._content.records
        found = self._runs_at(i for i, one in enumerate(records) if key_of(one, "identity") == identity)
        return found[-1] if found else None

    @cached_property
    def _content(self) -> Content:
        if not any((self.folder / name).exists() for name in (RECORDS, CURVES, RUNS_CSV, DIGESTS)):
            return NOTHING
        try:
            return self._read()
        except UserError as error:
            self.problems.append(f"{error}; {UNTIL_THEN}")
            return NOTHING

    def _read(self) -> Content:
        changed = self._changed()
        vital = {self.folder / RECORDS, self.folder / CURVES} & changed
        for path in sorted(changed):
            meanwhile = f"; {UNTIL_THEN}" if path in vital else ""
            self.problems.append(f"{path}: it differs from what was published; {RESTORE}{meanwhile}")
        holds_runs = any((self.folder / name).exists() for name in (RECORDS, CURVES, RUNS_CSV))
        if vital or not holds_runs:
            return NOTHING
        records, curves, rows = self._records(), self._curves(), self._rows()
        for identity in sorted(set(rows) - {str(key_of(record, "identity")) for record in records}):
            self.problems.append(f"{self.folder / RUNS_CSV}: it has a line for run {identity}, which has no record")
        return Content(records, list(map(_name, records)), curves, curves.groupby("identity").indices, rows, changed)

    def whole(self) -> list[Finished]:
        """All runs. Raises `UserError` if anything that is published cannot be read."""
        runs = self.runs
        if self.problems:
            raise UserError(f"{self.folder} is damaged: {self.problems[0]}")
        return runs

    def _runs_at(self, places: Iterable[int]) -> list[Finished]:
        return sorted((one for i in places if (one := self._run(i))), key=lambda one: one.key)

    def _run(self, place: int) -> Finished | None:
        """The run of a record; None if it fails its checks, which `problems` says once."""
        if place not in self._checked:
            records, names = self._content.records, self._content.names
            try:
                one = self._checked[place] = self._check(records[place])
                if any(self._run(i) for i in range(place) if names[i] == names[place]):
                    raise UserError(f"expected one record of {tuple(one.key)}, found a second")
            except UserError as error:
                self._checked[place] = None
                self.problems.append(f"{self.folder / RECORDS}: {names[place]} is left out: {error}")
        return self._checked[place]

    def _check(self, record: Any) -> Finished:
        content = self._content
        curve = content.curves.iloc[content.places.get(str(key_of(record, "identity")), [])]
        # A run keeps only its own columns: those with a number in any of its rows.
        curve = curve.loc[:, curve.notna().any()].drop(columns="identity", errors="ignore")
        spec = check_record(record, evaluations(curve))
        row, planes = content.rows.get(spec.identity), self.folder / PLANES / f"{spec.identity}.npz"
        if row is None:
            raise UserError(f"{RUNS_CSV} has no line for run {spec.identity}")
        for name, value in published_row(spec, record).items():
            if row.get(name) != value:
                raise UserError(f"{RUNS_CSV}: {name}: expected {value}, as its record says, found {row.get(name)}")
        kept = planes if planes.exists() and planes not in content.changed else None
        return Finished(spec.key, spec, record, curve, kept, self._predictions_of(spec, curve))

    def _predictions_of(self, spec: Spec, curve: pd.DataFrame) -> Predictions | None:
        kept = self._predictions_in(spec.experiment)
        if spec.identity not in kept:
            return None
        return checked({**kept.get(spec.bits.data, {}), **kept[spec.identity]}, curve)

    def _predictions_in(self, experiment: str) -> dict[str, dict[str, np.ndarray]]:
        """Identity, or hash of the data -> arrays, from an experiment's file; {} if there is no readable file."""
        path = self.folder / PREDICTIONS / f"{experiment}.npz"
        if experiment not in self._predictions:
            self._predictions[experiment] = {}
            if path.exists() and path not in self._content.changed:
                try:
                    self._predictions[experiment] = unpacked(bytes_of(path))
                except ValueError as error:
                    self.problems.append(f"{path}: expected an .npz of arrays ({error}); {RESTORE}")
        return self._predictions[experiment]

    def _records(self) -> list[Any]:
        path = self.folder / RECORDS
        records = _parsed(path, _unzipped(path))
        if not isinstance(records, list):
            raise UserError(f"{path}: expected a list of records, found {type(records).__name__}; {RESTORE}")
        return records

    def _curves(self) -> pd.DataFrame:
        path = self.folder / CURVES
        return table_of(path, _unzipped(path), "identity", RESTORE, dtype={"identity": str})

    def _rows(self) -> dict[str, dict[str, str]]:
        path = self.folder / RUNS_CSV
        table = table_of(path, bytes_of(path), "identity", RESTORE, dtype=str, keep_default_na=False)
        return {row["identity"]: row for row in table.to_dict("records")}

    def _changed(self) -> set[Path]:
        """The files that were changed, added or removed since they were published."""
        path = self.folder / DIGESTS
        told, found = _parsed(path, bytes_of(path)), digests(self.folder)
        if not isinstance(told, dict):
            raise UserError(f"{path}: expected a table of digests, found {type(told).__name__}; {RESTORE}")
        names = {name for name in {*told, *found} if told.get(name) != found.get(name)}
        return {path} if names == {"all"} else {self.folder / name for name in names - {"all"}}


def published_row(spec: Spec, record: dict[str, Any]) -> dict[str, str]:
    """A run's line in published/runs.csv: column -> text."""
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
    """SHA-256 of every file in results/published except the README and the digests themselves; "all": one over all."""
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
