"""Downloads freely available datasets through torchvision, which knows their addresses and checksums."""

import hashlib
import os
import shutil
import socket
import sys
import tarfile
import tempfile
import time
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from marginmix.datasets.locate import layout_at
from marginmix.datasets.row import Dataset
from marginmix.errors import UserError

REACH_S, PAUSE_S = 5.0, 1.0


def download(row: Dataset, place: Path) -> None:
    """Download the dataset into `place`, completely or not at all. An official archive that is already there is used.

    Raises `UserError` if the server cannot be reached, the download fails, or `place` cannot be written.
    """
    # torchvision imports torch, which planning and splitting must not need.
    from torchvision.datasets import CIFAR10, CIFAR100, STL10, SVHN

    kind = {"cifar10": CIFAR10, "cifar100": CIFAR100, "stl10": STL10, "svhn": SVHN}[row.family]
    splits = ("train", "test")
    if kind is SVHN:
        archives = {SVHN.split_list[split][1]: SVHN.split_list[split][2] for split in splits}
    else:
        archives = {kind.filename: kind.tgz_md5}
    if not all((place / name).exists() for name in archives):
        _reach(row, SVHN.split_list["train"][0] if kind is SVHN else kind.url)
    print(f"{row.name}: downloading into {place}", file=sys.stderr)
    try:
        place.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=place, prefix=".download-"))
    except OSError as error:
        raise UserError(f"{row.name}: cannot write to {place}: {error.strerror}; choose another root") from error
    try:
        for name, md5 in archives.items():
            _reuse(place / name, beside / name, md5)
        for split in splits if kind is SVHN else ():
            SVHN(beside, split=split, download=True)
        if kind is not SVHN:
            kind(beside, download=True)
            (beside / kind.filename).unlink()
        for path in sorted(beside.iterdir()):  # SVHN is recognised by its train file, so that must come last
            _move(path, place / path.name)
    except (OSError, RuntimeError, EOFError, HTTPException, tarfile.TarError) as error:
        raise UserError(f"{row.name}: the download into {place} failed ({error}); {row.get}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if layout_at(row, place) is None:
        raise UserError(f"{row.name}: expected the dataset in {place} after its download, found none; {row.get}")


def _reach(row: Dataset, url: str) -> None:
    """Try three times to reach the server, `REACH_S` seconds each: torchvision would wait for minutes, or for ever.
    With a proxy this is skipped, since the proxy reports its own errors."""
    if getproxies():
        return
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    for left in (2, 1, 0):
        try:
            socket.create_connection((address.hostname, port), timeout=REACH_S).close()
            return
        except OSError as error:
            if not left:
                raise UserError(
                    f"{row.name}: cannot reach {address.hostname} in three tries ({error}); {row.get}"
                ) from error
            time.sleep(PAUSE_S)


def _reuse(archive: Path, target: Path, md5: str) -> None:
    if not archive.exists():
        return
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != md5:
        raise UserError(
            f"{archive}: expected the official archive (md5 {md5}), found md5 {found}, so it is truncated or another "
            "file; delete it and run again"
        )
    try:
        os.link(archive, target)
    except OSError:  # a file system without links
        shutil.copyfile(archive, target)


def _move(path: Path, target: Path) -> None:
    try:
        os.rename(path, target)
    except OSError:
        if not target.exists():  # else another process was first
            raise
