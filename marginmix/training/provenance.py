"""Where and how a run was computed. The same identity and the same provenance mean the same bits."""

import datetime
import functools
import hashlib
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

import marginmix
from marginmix.training import devices

ROOT = Path(marginmix.__file__).parents[1]
CODE = ("marginmix", "baselines", "pyproject.toml", "uv.lock")
"""What decides bits, of all that git tracks."""
COMPUTED = ("device", "name", "threads", "deterministic", "execution", "torch", "driver", "commit", "clean", "lock")
"""What two parts of a resumed run must have in common to count as made in one place; the date is no part of it."""


def provenance(device: torch.device, execution: str) -> dict[str, Any]:
    """Device and its name, CPU threads, whether kernels are deterministic, execution, versions, the driver of a GPU,
    the commit, whether its tree was clean (None: no git), the hash of uv.lock, the date (UTC)."""
    lock = ROOT / "uv.lock"
    return {
        **devices.describe(device),
        "execution": execution,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "marginmix": marginmix.__version__,
        "driver": _call("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
        if _is_gpu(device)
        else None,
        **code_version(),
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest()[:16] if lock.exists() else None,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }


@functools.cache
def code_version() -> dict[str, str | bool | None]:
    """The commit of the code that runs and whether what lies there is that commit; None and None outside of git."""
    commit = _call("git", "-C", str(ROOT), "rev-parse", "HEAD") if (ROOT / ".git").exists() else None
    if commit is None:
        return {"commit": None, "clean": None}
    changed = _call("git", "-C", str(ROOT), "status", "--porcelain", "--", *CODE)
    return {"commit": commit, "clean": changed == ""}


def _is_gpu(device: torch.device) -> bool:
    return device.type == "cuda"


def _call(*command: str) -> str | None:
    """What a command prints; None where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
