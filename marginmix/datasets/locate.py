"""Finds a dataset on disk and fingerprints its files. Both are cheap and decode nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

from marginmix.datasets.row import EMBEDDED, Dataset
from marginmix.errors import UserError
from marginmix.files import hash_of


def _candidates(dataset: Dataset, root: Path | None, data_root: Path) -> list[Path]:
    if root is not None:
        return [Path(root)]
    names = [dataset.name]
    # Any folder with a `train` in it looks like an image folder, so users' own images must lie under their name.
    names += [] if dataset.family == "folder" else [dataset.family, "."]
    return [Path(data_root) / name for name in dict.fromkeys(names)]


def layout_at(dataset: Dataset, root: Path) -> str | None:
    """The name of the first layout of the dataset whose sign exists under `root`; None if there is none."""
    return next((name for name, layout in dataset.layouts.items() if (root / layout.sign).exists()), None)


def locate(dataset: Dataset, root: Path | str | None, data_root: Path | str) -> Path | None:
    """The folder with the files of a dataset; None if they are absent, and for embedded datasets, which need no files.

    An explicit `root` is the only place searched. Otherwise the places are `data_root`/<name>, `data_root`/<family> and
    `data_root`, in this order.
    """
    places = _candidates(dataset, Path(root) if root is not None else None, Path(data_root))
    return next((place for place in places if layout_at(dataset, place)), None)


def available(dataset: Dataset, root: Path | str | None, data_root: Path | str) -> bool:
    """Whether `prepare` can get the dataset: it is embedded, on disk, or downloadable."""
    return dataset.embedded or dataset.downloadable or locate(dataset, root, data_root) is not None


def download_place(dataset: Dataset, root: Path | str | None, data_root: Path | str) -> Path:
    """The folder that a download fills: an explicit `root`, else `data_root`/<family>."""
    return Path(root) if root is not None else Path(data_root) / dataset.family


def how_to_get(dataset: Dataset, root: Path | str | None, data_root: Path | str) -> str:
    """One line on an absent dataset: the places searched, what was expected there, and how to get it."""
    places = _candidates(dataset, Path(root) if root is not None else None, Path(data_root))
    signs = " or ".join(layout.sign for layout in dataset.layouts.values())
    looked = ", ".join(f"{place}{'' if place.is_dir() else ' (no such folder)'}" for place in places)
    return f"{dataset.name}: expected {signs} in one of: {looked}; found none; {dataset.get}"


def fingerprint(dataset: Dataset, root: Path | None, layout: str, loader_version: int) -> str:
    """Hash of what a decoded dataset depends on: its place and layout, and every file's name, size and time."""
    try:
        files = [] if layout == EMBEDDED else sorted(_files(root, dataset.layouts[layout].inputs))
    except OSError as error:  # a folder without read permission, or a broken link
        raise UserError(f"cannot read {error.filename}: {error.strerror}; repair or remove it") from error
    place = None if root is None else str(root.resolve())
    return hash_of([dataset.name, dataset.family, dataset.decoded, place, layout, loader_version, files])


def _files(root: Path, inputs: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    pending = [root / name for name in inputs if (root / name).exists()]
    while pending:
        path = pending.pop()
        if path.is_file():
            status = path.stat()
            yield str(path.relative_to(root)), status.st_size, status.st_mtime_ns
            continue
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir():
                    pending.append(Path(entry.path))
                elif not entry.name.startswith("."):
                    status = entry.stat()
                    yield os.path.relpath(entry.path, root), status.st_size, status.st_mtime_ns
