"""FER+: the images of FER2013 with ten votes each (Barsoum et al. 2016), in either of its two official layouts."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from marginmix.datasets.decode import Raw, decode_images, read_text
from marginmix.datasets.row import Dataset
from marginmix.errors import UserError

VOTES = 10  # the eight classes, unknown, not a face
FOLDERS = {"train": "FER2013Train", "valid": "FER2013Valid", "test": "FER2013Test"}
USAGES = {"train": "Training", "valid": "PublicTest", "test": "PrivateTest"}


def vote_targets(votes: np.ndarray, rule: str) -> np.ndarray:
    """Targets int64 [N] from votes [N, 10], by a vote rule. A dropped image has target -1.

    - majority: the rule of FERPlus (`_process_data`). Single votes are ignored. The top class must have more than half
      of the remaining votes.
    - argmax-unique: the top class; images with a tie are dropped.
    - argmax-first: the top class, and the first one in a tie.

    All rules drop images whose top class is `unknown` or `not a face`.
    """
    if rule == "majority":
        votes = np.where(votes <= 1, 0, votes)
        kept = 2 * votes.max(1) > votes.sum(1)
    elif rule == "argmax-unique":
        kept = (votes == votes.max(1, keepdims=True)).sum(1) == 1
    else:
        kept = np.ones(len(votes), bool)
    winner = votes.argmax(1)
    return np.where(kept & (winner < VOTES - 2), winner, -1)


def load(root: Path, row: Dataset, layout: str) -> Raw:
    """The images that the vote rule `row.vote_rule` keeps, with targets 0 to 7."""
    parts = _from_folders(root, row) if layout == "folders" else _from_csv(root, row)
    return Raw(parts, row.classes, f"ferplus ({layout}, {row.vote_rule})")


def _from_folders(root: Path, row: Dataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    parts = {}
    for part, folder in FOLDERS.items():
        table = root / folder / "label.csv"
        rows = [(fields[0], _votes(fields[2:], table, line)) for line, fields in _rows(table)]
        named = [(name.strip(), votes) for name, votes in rows if name.strip()]
        present = {path.name for path in (root / folder).iterdir()}
        missing = next((name for name, _ in named if name not in present), None)
        if missing:
            raise UserError(f"missing image {root / folder / missing}, named in {table}; complete the folder")
        targets = vote_targets(np.array([votes for _, votes in named]).reshape(-1, VOTES), row.vote_rule)
        paths = [root / folder / name for (name, _), target in zip(named, targets, strict=True) if target >= 0]
        parts[part] = decode_images(paths, row.shape), targets[targets >= 0]
    return parts


def _from_csv(root: Path, row: Dataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Row i of one file belongs to row i of the other. Rows without an image name are not used."""
    faces, votes_table = root / "fer2013.csv", root / "fer2013new.csv"
    pixel_rows, vote_rows = list(_rows(faces))[1:], list(_rows(votes_table))[1:]
    if len(pixel_rows) != len(vote_rows):
        raise UserError(
            f"{votes_table}: expected {len(pixel_rows):,} rows, as in {faces}, found {len(vote_rows):,}; one of the "
            "two is truncated, get it again"
        )
    usages, pixels, votes = [], [], []
    for (line, face), (_, vote) in zip(pixel_rows, vote_rows, strict=True):
        if len(face) < 3 or len(vote) < 2 or face[2] != vote[0]:
            raise UserError(
                f"line {line} of {faces} and of {votes_table}: expected the same Usage; get the files again"
            )
        if vote[1].strip():
            usages.append(vote[0])
            pixels.append(_pixels(face[1], row.shape, faces, line))
            votes.append(_votes(vote[2:], votes_table, line))
    images = np.array(pixels, np.uint8).reshape(-1, *row.shape)
    targets = vote_targets(np.array(votes).reshape(-1, VOTES), row.vote_rule)
    usage, kept = np.array(usages), targets >= 0
    masks = {part: kept & (usage == name) for part, name in USAGES.items()}
    return {part: (images[mask], targets[mask]) for part, mask in masks.items()}


def _rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of each non-empty row of a CSV file."""
    reader = csv.reader(io.StringIO(read_text(table), newline=""))
    try:
        yield from ((reader.line_num, fields) for fields in reader if fields)
    except csv.Error as error:
        raise UserError(f"line {reader.line_num} of {table}: not valid CSV ({error}); get it again") from error


def _votes(fields: list[str], table: Path, line: int) -> list[int]:
    if len(fields) != VOTES or not all(field.strip().isdecimal() for field in fields):
        raise UserError(
            f"line {line} of {table}: expected {VOTES} vote counts, found {','.join(fields)[:60]!r}; "
            "the file is damaged, get it again"
        )
    return [int(field) for field in fields]


def _pixels(text: str, shape: tuple[int, int, int], table: Path, line: int) -> np.ndarray:
    expected = shape[0] * shape[1]
    try:
        values = np.array(text.split(), np.int64)
    except ValueError:
        values = np.empty(0)
    if values.size != expected or values.min() < 0 or values.max() > 255:
        raise UserError(
            f"line {line} of {table}: expected {expected:,} pixels from 0 to 255, found {text[:30]!r}…; "
            "the file is damaged or truncated, get it again"
        )
    return values.astype(np.uint8)
