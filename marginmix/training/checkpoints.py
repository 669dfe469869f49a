"""Checkpoints of a run: two generations, never half-written, bound to the run's identity."""

import io
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from marginmix.errors import UserError
from marginmix.files import write_atomically

NEWEST, OLDER = "newest.pt", "older.pt"


def save(folder: Path, state: dict[str, Any], identity: str) -> None:
    """Keep `state` as the newest checkpoint of the run `identity`; the one before stays as the older one."""
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / NEWEST).exists():
        (folder / NEWEST).replace(folder / OLDER)
    write_atomically(folder / NEWEST, buffer.getvalue())


def load(folder: Path, identity: str) -> dict[str, Any] | None:
    """The newest readable state of the run `identity`, on the CPU; None where there is no checkpoint.

    A file that cannot be read is passed over, saying so. A checkpoint of another run is a `UserError`.
    """
    for name in (NEWEST, OLDER):
        path = folder / name
        if not path.exists():
            continue
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            found, state = content["identity"], content["state"]
        except (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as error:
            print(f"checkpoint {path} is unreadable ({type(error).__name__}), trying the one before", file=sys.stderr)
            continue
        if found != identity:
            raise UserError(
                f"checkpoint {path} belongs to another recipe, split or data: expected run {identity}, found {found}; "
                f"move it away, or train with the settings that it was made with"
            )
        return state
    return None


def discard(folder: Path) -> None:
    """Remove the checkpoints of a finished run: a rerun that is asked for must not find the old end."""
    shutil.rmtree(folder, ignore_errors=True)
