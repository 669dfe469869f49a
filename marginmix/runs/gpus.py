"""Is there a GPU here, and with which driver? Planning asks, so the answer does without torch."""

import os
import subprocess
from pathlib import Path

NVIDIA_SMI_S = 20


def gpu_here() -> bool:
    """Whether this machine shows an NVIDIA GPU that CUDA_VISIBLE_DEVICES does not hide. The job finds out
    whether PyTorch can use it: that takes seconds of importing, and PyTorch's own message says more."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return True
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=NVIDIA_SMI_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


def driver() -> str | None:
    """The version of NVIDIA's kernel driver; None where Linux has loaded none."""
    try:
        return Path("/sys/module/nvidia/version").read_text().strip()
    except OSError:
        return None


def mig_instances() -> list[str]:
    """The entries of a CUDA_VISIBLE_DEVICES that lists MIG instances. CUDA starts on the first of them only."""
    entries = [entry.strip() for entry in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    return list(dict.fromkeys(entries)) if entries[0].startswith("MIG-") else []
