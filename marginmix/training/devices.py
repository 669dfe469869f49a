"""The device of a job: an error where it does not exist; one job at a time on each of several."""

import ctypes
import fcntl
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import torch

from marginmix.errors import UserError

SLOTS_VARIABLE = "MARGINMIX_JOBS_PER_GPU"


def choose(device: str, precision: str = "fp32") -> torch.device:
    """The device for `device` = cpu, cuda or auto (cuda where there is one). cuda without a GPU is a `UserError`, and
    so is `precision` bf16 on a GPU that has none.

    Snakemake counts GPUs but does not say which one a job may take. A lock on one file per GPU does. The process holds
    it until it ends, in whatever way. Slurm and Kubernetes assign devices themselves.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise UserError(f"device: expected cuda, cpu or auto, found {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "device: cuda was asked for, but PyTorch finds no GPU here; run on a machine with one, "
            "or set device: auto (or cpu) in the experiment's file"
        )
    if device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise UserError(
            f"precision: bf16 was asked for, but {torch.cuda.get_device_name(0)} does not have it; set precision: fp32 "
            f"in the recipe of the experiment's file"
        )
    handed_out = "SLURM_JOB_ID" in os.environ or "KUBERNETES_SERVICE_HOST" in os.environ
    if handed_out and torch.cuda.device_count() == 1:
        return torch.device("cuda", 0)
    slots = os.environ.get(SLOTS_VARIABLE, "1")
    if not slots.isdecimal() or int(slots) < 1:
        raise UserError(f"{SLOTS_VARIABLE}: expected a whole number from 1 on, found {slots!r}")
    return torch.device("cuda", lease(_names(), int(slots)))


def _names() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",") if visible else [str(i) for i in range(torch.cuda.device_count())]


def lease(names: list[str], slots: int, folder: Path | None = None) -> int:
    """Wait for a free slot of one of the GPUs `names`; its position. The lock goes when this process does.

    All GPUs get their first job before any gets a second one.
    """
    folder = folder or Path(tempfile.gettempdir()) / f"marginmix-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    told = False
    while True:
        for slot in range(slots):
            for position, name in enumerate(names):
                descriptor = os.open(folder / f"{name.replace('/', '_')}.{slot}", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(descriptor)
                    continue
                return position  # the descriptor stays open on purpose: it is the lease
        if not told:
            print(f"all of {len(names)} GPU(s) are in use by other jobs; waiting for one", file=sys.stderr, flush=True)
            told = True
        time.sleep(0.5)


def prepare(device: torch.device, threads: int, exact: bool) -> None:
    """Set PyTorch up for one run. `exact`: the same bits for the same seed, by deterministic kernels and a fixed
    number of CPU threads. Otherwise a GPU may choose kernels by timing, and kernels that add in varying order."""
    if threads < 1:
        raise UserError(f"threads: expected a whole number from 1 on, found {threads}")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
    torch.set_num_threads(threads)
    # The same as use_deterministic_algorithms, which also imports the compiler: seconds of a job's start.
    torch.set_deterministic_debug_mode("error" if exact else "default")
    # Deterministic mode fills fresh memory, which costs an eighth of a step and guards only against a read of it.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = not exact
    if device.type == "cpu":
        keep_freed_memory()
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("highest" if exact else "high")


def keep_freed_memory() -> bool:
    """Let glibc's malloc reuse large blocks that this process has freed. By default it returns each to the system
    and gets fresh pages, one fault and 4 KiB of zeros at a time: a tenth to a third of a CPU step. False with another C
    library."""
    trim_threshold, mmap_max, most = -1, -4, 2**31 - 1  # M_TRIM_THRESHOLD and M_MMAP_MAX of glibc's malloc.h
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(trim_threshold, most) and libc.mallopt(mmap_max, 0))


def describe(device: torch.device) -> dict[str, str | int | bool]:
    """device, its name, the CPU threads and whether kernels are deterministic, for result.json."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    exact = torch.are_deterministic_algorithms_enabled()
    return {"device": device.type, "name": name, "threads": torch.get_num_threads(), "deterministic": exact}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
