"""What planning knows of a dataset's files. It lists them, and decodes or downloads nothing."""

from pathlib import Path

from marginmix.datasets.cache import LOADER_VERSION
from marginmix.datasets.locate import fingerprint, layout_at, locate
from marginmix.datasets.row import EMBEDDED, Dataset

DOWNLOAD = "download"


def report_key(row: Dataset, root: Path | str | None, data_root: Path | str) -> str | None:
    """A text that changes with the files of a dataset and where they lie; `DOWNLOAD` where they are absent and may be
    downloaded, None where they are absent and may not."""
    if row.embedded:
        return fingerprint(row, None, EMBEDDED, LOADER_VERSION)
    place = locate(row, root, data_root)
    if place is None:
        return DOWNLOAD if row.downloadable else None
    return fingerprint(row, place, layout_at(row, place), LOADER_VERSION)
