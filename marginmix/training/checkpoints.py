"""Checkpoints of a run: two generations, never half-written, bound to the run's identity, each with its digest.

A file is one header line of fixed length with the SHA-256 of the rest, then the output of `torch.save`.
"""

import hashlib
import io
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from marginmix.errors import UserError
from marginmix.files import reason_of, sync_folder, write_atomically

NEWEST, OLDER, NEXT = "newest.pt", "older.pt", "next.pt"


def save(folder: Path, state: dict[str, Any], identity: str) -> None:
    """Keep `state` as the newest checkpoint of the run `identity`; the one before stays as the older one.

    Raises `UserError` where writing fails, for instance on a full disk; both earlier checkpoints then stay.
    """
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    payload = buffer.getbuffer()
    write_atomically(folder / NEXT, b"".join((_header(payload), payload)))
    try:
        if _is_intact(folder / NEWEST):  # a damaged one must not push out a good older one
            (folder / NEWEST).replace(folder / OLDER)
        (folder / NEXT).replace(folder / NEWEST)
        sync_folder(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder / NEWEST}: {reason_of(error)}; choose another place") from error


def load(folder: Path, identity: str) -> dict[str, Any] | None:
    """The newest usable state of the run `identity`, on the CPU; None where there is no checkpoint.

    Skips a damaged or unreadable file, with a message. A checkpoint of another run is a `UserError`.
    """
    present = [folder / name for name in (NEWEST, OLDER) if (folder / name).exists()]
    for path in present:
        try:
            found, state = _read(path)
        except ValueError as error:
            print(f"checkpoint {path} {error}; passing it over", file=sys.stderr)
            continue
        if found != identity:
            raise UserError(
                f"checkpoint {path} belongs to another recipe, split or data: expected run {identity}, found {found}; "
                f"move it away, or train with its settings"
            )
        return state
    if present:
        print(f"no usable checkpoint in {folder}: the run starts from its beginning", file=sys.stderr)
    return None


def _header(payload: bytes | memoryview) -> bytes:
    return f"marginmix checkpoint, sha256 {hashlib.sha256(payload).hexdigest()}\n".encode()


HEADER_LENGTH = len(_header(b""))


def _payload(path: Path) -> memoryview:
    """The content after the header; `ValueError` where a byte of the file has changed."""
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read ({reason_of(error)})") from error
    header, payload = content[:HEADER_LENGTH], content[HEADER_LENGTH:]
    if header != _header(payload):
        raise ValueError("is damaged (its first line does not hold the digest of the rest)")
    return payload


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """Identity and state; `ValueError` says what is wrong with the file."""
    payload = _payload(path)
    try:
        content = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        return content["identity"], content["state"]
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as error:
        told = f"is intact, but PyTorch {torch.__version__} does not read it ({type(error).__name__})"
        raise ValueError(told) from error


def _is_intact(path: Path) -> bool:
    try:
        _payload(path)
    except ValueError:
        return False
    return True


def discard(folder: Path) -> None:
    """Remove the checkpoints of a finished run, so that a rerun does not start from its end."""
    shutil.rmtree(folder, ignore_errors=True)
