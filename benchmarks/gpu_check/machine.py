"""The machine: versions, driver, GPUs with their names, memory and arithmetic."""

import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache, partial
from importlib import metadata

import torch

from benchmarks.gpu_check.checks import MEASURED, Check, Place, Skip
from marginmix.runs import gpus
from marginmix.training import devices

PACKAGES = ("torch", "numpy", "pandas", "scikit-learn", "scipy", "triton")
FIELDS = "uuid,name,driver_version,mig.mode.current,compute_mode"


def checks(place: Place) -> Iterator[Check]:
    yield Check("versions", MEASURED, _versions)
    yield Check("driver", _driver_needed(), _driver)
    if not place.on_gpu:
        return
    yield Check("visible GPUs", "all that nvidia-smi lists, or those in CUDA_VISIBLE_DEVICES", _visible)
    for i in range(torch.cuda.device_count()):
        yield from _of_one(i)
    yield Check("modes (MIG; compute mode)", MEASURED, _modes)


def _of_one(i: int) -> Iterator[Check]:
    found = torch.cuda.get_device_properties(i)
    yield Check(f"cuda:{i}", MEASURED, lambda: (f"{found.name}, GPU-{found.uuid}", True))
    yield Check(f"cuda:{i}, kernels", "this PyTorch has some for it", partial(_kernels, found.major, found.minor))
    yield Check(f"cuda:{i}, bf16", "yes, capability 8.0 or newer", partial(_bf16, found.major, found.minor))
    yield Check(f"cuda:{i}, free memory", "half or more, or other jobs disturb the times", partial(_memory, i))


def _versions() -> tuple[str, bool]:
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join([*found, f"CUDA {torch.version.cuda or 'none'}"]), True


def _driver_needed() -> str:
    oldest = devices.DRIVERS.get((torch.version.cuda or "").partition(".")[0])
    return f"{oldest} or newer, for CUDA {torch.version.cuda}" if oldest else MEASURED


def _driver() -> tuple[str, bool]:
    found = gpus.driver() or (_listed()[0][2] if _listed() else None)
    if torch.cuda.is_available():
        # Compatibility libraries let an older driver run a newer CUDA. So what PyTorch can use is right.
        return f"{found or 'unknown'}, and PyTorch can use it", True
    if problem := devices.why_unusable():
        return problem, False
    raise Skip("no GPU here")


@cache
def _listed() -> list[list[str]]:
    """What nvidia-smi says of each GPU; [] where it says nothing."""
    call = ["nvidia-smi", f"--query-gpu={FIELDS}", "--format=csv,noheader"]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=gpus.NVIDIA_SMI_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = done.stdout.splitlines() if done.returncode == 0 else []
    return [[cell.strip() for cell in line.split(",")] for line in lines if line.startswith("GPU-")]


def _visible() -> tuple[str, bool]:
    listed, count = len(_listed()), len(devices.names())
    if not listed:
        raise Skip(f"{count} visible, and nvidia-smi lists none")
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return f"{count} of {listed}, CUDA_VISIBLE_DEVICES={chosen}", count > 0
    return f"{count} of {listed}", count == listed


def _kernels(major: int, minor: int) -> tuple[str, bool]:
    """Kernels of one major capability run on its later minor ones; `compute_` code is compiled for any later one."""
    known = [(kind, int(digits[:-1]), int(digits[-1])) for kind, _, text in
             (name.partition("_") for name in torch.cuda.get_arch_list())
             if (digits := text.rstrip("af")).isdecimal()]  # fmt: skip
    fits = any((of == major and at <= minor) if kind == "sm" else (of, at) <= (major, minor) for kind, of, at in known)
    return f"{major}.{minor}, kernels for {' '.join(torch.cuda.get_arch_list())}", fits


def _bf16(major: int, minor: int) -> tuple[str, bool]:
    if major < 8:
        return f"no, capability {major}.{minor}: set precision: fp32", False
    return f"yes, capability {major}.{minor}", True


def _memory(i: int) -> tuple[str, bool]:
    free, total = torch.cuda.mem_get_info(i)
    return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB", free >= total / 2


def _modes() -> tuple[str, bool]:
    if not _listed():
        raise Skip("nvidia-smi lists no GPU")
    modes = dict.fromkeys(f"{mig}; {compute}" for *_, mig, compute in _listed())
    return f"{', '.join(modes)}; MIG instances listed: {len(gpus.mig_instances())}", True
