"""The audit of datasets: how many images of one part have a copy in another part. It is published as runs are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from marginmix.errors import UserError
from marginmix.files import write_atomically, write_json
from marginmix.reporting.cells import NOTHING
from marginmix.reporting.finished import RESTORE, bytes_of, table_of
from marginmix.reporting.markdown import Block, Heading, Paragraph, Table
from marginmix.reporting.published import Published, digests
from marginmix.reporting.results import csv_text
from marginmix.runs.paths import COPIES, DIGESTS

COLUMNS = ("dataset", "title", "source", "data", "part", "images", "copied_from", "exact", "near")
METHOD = (
    "A row counts the images of one part that have a copy in another part. An exact copy has the same pixels. A near "
    "copy has a 64-bit DCT hash within 4 bits of the other's, so exact copies count as near ones too. “–” stands where "
    "images smaller than 32 × 32 pixels are too small for the hash. Shares are percentages of the first part."
)


def rows_of(description: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row (`COLUMNS`) per pair of parts. `description` comes from `datasets.describe`."""
    names = {"dataset": description["name"], "title": description["title"], "source": description["source"],
             "data": description["data_hash"]}  # fmt: skip
    return [
        {**names, "part": part, "images": description["images"][part], "copied_from": other, **counts}
        for pair, counts in description["copies"].items()
        for other, part in [pair.split("/")]
    ]


def add_audit(description: Mapping[str, Any], folder: Path) -> list[str]:
    """Put a dataset's rows into the published copies.csv, where they replace those of the same dataset and source.
    Returns lines that say what is there now.

    Raises `UserError`, and writes nothing, if what is published cannot be read in full.
    """
    Published(folder).whole()
    fresh = pd.DataFrame(rows_of(description), columns=list(COLUMNS)).astype({"near": "Int64"})
    before = read_audit(folder)
    same = (before["dataset"] == description["name"]) & (before["source"] == description["source"])
    frame = pd.concat([before[~same], fresh], ignore_index=True) if (~same).any() else fresh
    frame = frame.sort_values(["dataset", "source"], kind="stable")
    write_atomically(folder / COPIES, csv_text(frame))
    write_json(folder / DIGESTS, digests(folder))
    return [
        f"{row.source}: {row.part} in {row.copied_from}: {row.exact:,} exact, {_count(row.near)} near of {row.images:,}"
        for row in fresh.itertuples()
    ]


def read_audit(folder: Path) -> pd.DataFrame:
    """The published rows (`COLUMNS`); none if there is no copies.csv."""
    path = folder / COPIES
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    table = table_of(path, bytes_of(path), "dataset", RESTORE, dtype={"data": str, "near": "Int64"})
    if missing := [name for name in COLUMNS if name not in table]:
        raise UserError(f"{path}: the column {missing[0]!r} is missing; {RESTORE}")
    return table


def audit_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `read_audit`, with the copies as shares of the part, percent."""
    shares = {f"{kind}_share": 100 * rows[kind].astype("Float64") / rows["images"] for kind in ("exact", "near")}
    return rows.assign(**shares)


def audit_blocks(frame: pd.DataFrame) -> list[Block]:
    """The audit as a page, from `audit_frame`."""
    header = ("dataset", "images of", "with a copy in", "images", "exact", "share", "near", "share")
    cells = [
        (row.title + "".join(row.source.partition(" (")[1:]), row.part, row.copied_from, f"{row.images:,}",
         f"{row.exact:,}", _share(row.exact_share), _count(row.near), _share(row.near_share))
        for row in frame.itertuples()
    ]  # fmt: skip
    return [Heading("Copies between the parts of datasets", 1), Paragraph(METHOD), Table(header, cells, left=3)]


def _count(count: Any) -> str:
    return NOTHING if pd.isna(count) else f"{count:,}"


def _share(share: Any) -> str:
    return NOTHING if pd.isna(share) else f"{share:.1f}"
