"""Files and folders that are never half-written, and hashes of their content."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marginmix.errors import UserError

# Answers of file systems that cannot reserve space, or cannot fsync a folder.
UNSUPPORTED = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


def write_atomically(path: Path | str, data: bytes | str) -> None:
    """Write beside, fsync, rename: a reader sees the old file or the new one, whatever kills the writer.

    Raises `UserError` with the path, the bytes needed and the reason where the disk is full or the place not writable.
    """
    path = Path(path)
    data = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, 0o644)
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        sync_folder(path.parent)
    except OSError as error:
        place = f"{path} ({len(data):,} bytes)"
        raise UserError(f"cannot write {place}: {reason_of(error)}; make room or choose another place") from error


@contextlib.contextmanager
def writing(folder: Path, size: int) -> Iterator[Path]:
    """A new folder to write `size` bytes of files to, which then becomes `folder`.

    A reader, or a second writer, sees the whole or nothing. A full disk or a forbidden place is a `UserError`.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            yield beside
            os.chmod(beside, 0o755)
            _move(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        place = f"the cache {folder} ({size:,} bytes)"
        raise UserError(f"cannot write {place}: {reason_of(error)}; make room or set another cache") from error


def _move(beside: Path, folder: Path) -> None:
    for path in beside.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(beside)
    try:
        os.rename(beside, folder)
    except OSError:
        if not folder.is_dir():  # else another process was first, with the same content
            raise
    sync_folder(folder.parent)


def reason_of(error: OSError) -> str:
    """Why a file could not be written, in the system's words."""
    if isinstance(error, FileExistsError):  # mkdir's answer where a file has the folder's name
        return os.strerror(errno.ENOTDIR)
    return error.strerror or str(error)  # numpy's errors have no strerror


def sync_folder(folder: Path) -> None:
    """Write the names in `folder` to the disk: without it, a power failure may undo a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def reserve(path: Path) -> None:
    """Give the sparse file `path` all of its space on the disk; `OSError` where there is not enough.

    A program that writes to a memory map of a sparse file on a full disk is killed (SIGBUS), without a word. Where the
    system cannot reserve space, the file stays sparse.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise


def check_writable(folder: Path) -> None:
    """Make `folder`, write a small file to it and remove it; a `UserError` where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe.") as file:
            file.write(bytes(4096))  # a block: a few bytes may fit where a file does not
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {reason_of(error)}; make room or choose another place") from error


def write_json(path: Path | str, content: Any) -> None:
    """`content` as indented JSON with sorted keys, ended by a newline."""
    write_atomically(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_json(path: Path | str) -> Any:
    """The content of a JSON file; a missing or broken one is a `UserError`."""
    try:
        return json.loads(Path(path).read_text())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); delete it and run again") from error


def hash_of(content: Any) -> str:
    """First 16 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
