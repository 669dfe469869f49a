"""What planning knows about a dataset's files. It lists them, but decodes and downloads nothing."""

from pathlib import Path

from marginmix.datasets.cache import LOADER_VERSION
from marginmix.datasets.locate import fingerprint, layout_at, locate
from marginmix.datasets.row import EMBEDDED, Dataset

DOWNLOAD = "download"


def report_key(row: Dataset, root: Path | str | None, data_root: Path | str) -> str | None:
    """A text that changes with the files of a dataset and their place. For absent files it is `DOWNLOAD` if they may be
    downloaded, else None."""
    if row.embedded:
        return fingerprint(row, None, EMBEDDED, LOADER_VERSION)
    place = locate(row, root, data_root)
    if place is None:
        return DOWNLOAD if row.downloadable else None
    return fingerprint(row, place, layout_at(row, place), LOADER_VERSION)
