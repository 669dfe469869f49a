"""One job at a time on each GPU: locks on files named by the GPU, which go with their holder however it ends.

Snakemake counts GPUs but does not say which one a job may take. Two allocations of one Slurm node see different GPUs,
so they meet in this folder without waiting for each other.
"""

import fcntl
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from marginmix.errors import UserError

FOLDER = Path("/tmp") / f"marginmix-gpus-{os.getuid()}"
"""One for all jobs of a user on a machine, so TMPDIR does not decide."""
HANDED_DOWN = "MARGINMIX_LEASED"
"""Tells child processes: the GPU, and the process that holds it for them."""
POLL_S = 0.5
SKIP_S = 600.0
"""So long no job tries a GPU that failed at its start."""

_held: dict[str, int] = {}


def take(names: Sequence[str], slots: int) -> str:
    """Wait for a free slot of one of the GPUs `names`; its name. The lease lasts until `release` or the process ends.

    All GPUs get their first job before any gets a second one. A process, or a child of one, that already holds one of
    these GPUs gets the same again. Raises `UserError` where the folder of the locks cannot be written.
    """
    if mine := [name for name in names if name in _held or name == _handed_down()]:
        return mine[0]
    try:
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        told = False
        while True:
            failed = {name: line for name in names if (line := _why_skipped(name))}
            for slot in range(slots):
                for name in names:
                    if name not in failed and (lock := _locked(_file(name, str(slot)))) is not None:
                        _held[name] = lock
                        os.environ[HANDED_DOWN] = f"{name} {os.getpid()}"
                        return name
            if not told:
                print(*failed.values(), f"none of {len(names)} GPU(s) is free; waiting for one",
                      sep="\n", file=sys.stderr, flush=True)  # fmt: skip
                told = True
            time.sleep(POLL_S)
    except OSError as error:
        raise UserError(f"{FOLDER}: expected a folder for the locks on GPUs, found {error}; mend it") from error


def release(name: str) -> None:
    """Give back what this process took; nothing where it took nothing."""
    if name in _held:
        os.close(_held.pop(name))
    os.environ.pop(HANDED_DOWN, None)


def mark(name: str, reason: str) -> None:
    """Have all jobs skip this GPU for `SKIP_S` seconds."""
    _file(name, "failed").write_text(reason)


def _why_skipped(name: str) -> str | None:
    """A line for the user, where the GPU is marked."""
    file = _file(name, "failed")
    try:
        age, reason = time.time() - file.stat().st_mtime, file.read_text()
    except FileNotFoundError:
        return None
    if age > SKIP_S:
        return None
    return (
        f"GPU {name} failed {age:.0f} s ago ({reason}) and is skipped for {SKIP_S:.0f} s; delete {file} to try it now"
    )


def _handed_down() -> str | None:
    """The GPU that a process holds for its children, this one among them, and still runs."""
    name, _, holder = os.environ.get(HANDED_DOWN, "").rpartition(" ")
    if not holder.isdecimal():
        return None
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return name


def _locked(file: Path) -> int | None:
    """The descriptor of `file`, locked; None where another process has it. Descriptors do not pass to programs that
    this process starts."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if not os.fstat(lock).st_nlink:  # deleted since it was opened: the next job would lock another file
        os.close(lock)
        return None
    os.utime(lock)  # what cleans /tmp deletes old files
    return lock


def _file(name: str, ending: str) -> Path:
    return FOLDER / f"{name.replace('/', '_')}.{ending}"
