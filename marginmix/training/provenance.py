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
"""The tracked files that decide bits."""
COMPUTED = ("device", "name", "threads", "deterministic", "execution", "torch", "driver", "commit", "clean", "lock")
"""The keys, without the date, in which two parts of a resumed run must agree to count as computed in one place."""


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
    """The commit of the running code, and whether its files match that commit; None and None outside git."""
    commit = _call("git", "-C", str(ROOT), "rev-parse", "HEAD") if (ROOT / ".git").exists() else None
    if commit is None:
        return {"commit": None, "clean": None}
    changed = _call("git", "-C", str(ROOT), "status", "--porcelain", "--", *CODE)
    return {"commit": commit, "clean": changed == ""}


def _is_gpu(device: torch.device) -> bool:
    return device.type == "cuda"


def _call(*command: str) -> str | None:
    """The output of a command; None where the command is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
