"""The device of a job: an error where it does not exist, and a word where a GPU is there that PyTorch cannot use."""

import ctypes
import functools
import os
import platform
import sys
from pathlib import Path

import torch

from marginmix.errors import UserError
from marginmix.runs import gpus
from marginmix.training import leases

SLOTS_VARIABLE = "MARGINMIX_JOBS_PER_GPU"
DRIVERS = {"12": 525, "13": 580}
"""The oldest driver for PyTorch built for this CUDA (CUDA's release notes, table of minor version compatibility)."""


def choose(device: str, precision: str = "fp32") -> torch.device:
    """The device for `device` = cpu, cuda or auto (cuda where there is one); a GPU always with its index.

    The process holds the GPU until it ends, and gets the same one from a second call. Raises `UserError` for cuda
    without a GPU, for `precision` bf16 where no GPU has it, and where no GPU starts.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise UserError(f"device: expected cuda, cpu or auto, found {device!r}")
    if device == "cpu":
        return torch.device("cpu")
    slots = os.environ.get(SLOTS_VARIABLE, "1")
    if not slots.isdecimal() or int(slots) < 1:
        raise UserError(f"{SLOTS_VARIABLE}: expected a whole number from 1 on, found {slots!r}")
    instance = _choose_mig_instance(int(slots))
    if torch.cuda.is_available():
        return _start_one(_names(instance, precision), int(slots))
    if instance:
        leases.release(instance)
    problem = why_unusable()
    if device == "cuda":
        found = f"PyTorch cannot use the GPU here: {problem}" if problem else "PyTorch finds no GPU here"
        raise UserError(
            f"device: cuda was asked for, but {found}; run on a machine with one, "
            "or set device: auto (or cpu) in the experiment's file"
        )
    if problem:
        _say(f"device: auto takes the CPU, since PyTorch cannot use the GPU here: {problem}")
    return torch.device("cpu")


def _choose_mig_instance(slots: int) -> str | None:
    """Take one of the MIG instances in CUDA_VISIBLE_DEVICES, and leave only it there, before CUDA starts; None where
    there are none."""
    if not (instances := gpus.mig_instances()):
        return None
    instance = leases.take(instances[:1] if torch.cuda.is_initialized() else instances, slots)
    os.environ["CUDA_VISIBLE_DEVICES"] = instance
    return instance


def names() -> list[str]:
    """The names of the GPUs that a job may take here: UUIDs, or the MIG instances in CUDA_VISIBLE_DEVICES."""
    return gpus.mig_instances() or (list(_names(None, "fp32")) if torch.cuda.is_available() else [])


def _names(instance: str | None, precision: str) -> dict[str, int]:
    """The index of each GPU that has `precision`, by a name that is the same for every process: its UUID, or that of
    the MIG `instance`."""
    torch.cuda.init()
    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    names = {instance or f"GPU-{gpu.uuid}": i for i, gpu in enumerate(found) if precision != "bf16" or gpu.major >= 8}
    if not names:
        raise UserError(
            f"precision: bf16 was asked for, but {found[0].name} does not support it; set precision: fp32 in "
            "the recipe of the experiment's file"
        )
    return names


def _start_one(names: dict[str, int], slots: int) -> torch.device:
    """A free GPU of `names` that works. One that does not start is marked, so that a broken GPU, which is always free,
    does not get and fail one job after the other."""
    failed: dict[str, str] = {}
    while len(failed) < len(names):
        name = leases.take([name for name in names if name not in failed], slots)
        device = torch.device("cuda", names[name])
        try:
            _try_out(device)
        except RuntimeError as error:
            reason = _one_line(error)
            _say(f"GPU {name} does not start: {reason}")
            if not failed:  # after one GPU's error, another's in this process may be the same one
                leases.mark(name, reason)
            leases.release(name)
            failed[name] = reason
        else:
            return device
    raise UserError(
        f"device: no GPU here starts: {'; '.join(f'{name}: {reason}' for name, reason in failed.items())}; "
        "see nvidia-smi for what uses or ails it"
    )


def _try_out(device: torch.device) -> None:
    """Raises RuntimeError where the GPU cannot compute."""
    torch.ones(2, device=device).sum().item()


def why_unusable() -> str | None:
    """Why PyTorch finds no GPU, where this machine shows one, and the driver that it needs; None without a GPU."""
    if not gpus.gpu_here():
        return None
    try:
        torch.cuda.init()
        reason = "it finds none"
    except (RuntimeError, AssertionError) as error:  # AssertionError: a build without CUDA
        reason = _one_line(error)
    cuda = torch.version.cuda
    if cuda is None:
        return f"{reason}; PyTorch {torch.__version__} is built without CUDA: install one with it"
    oldest = DRIVERS.get(cuda.split(".")[0])
    needed = f" needs driver {oldest} or newer" if oldest else ""
    return f"{reason}; PyTorch {torch.__version__} for CUDA {cuda}{needed}, found driver {gpus.driver() or 'unknown'}"


def _one_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


@functools.cache
def _say(line: str) -> None:
    """Print it, once in a process."""
    print(line, file=sys.stderr, flush=True)


def prepare(device: torch.device, threads: int, exact: bool) -> None:
    """Set PyTorch up for one run. `exact`: the same bits for the same seed, by deterministic kernels and a fixed
    number of CPU threads. Otherwise a GPU may choose kernels by timing, and kernels that add in varying order."""
    if threads < 1:
        raise UserError(f"threads: expected a whole number from 1 on, found {threads}")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
    torch.set_num_threads(threads)
    # Deterministic mode fills fresh memory, which costs an eighth of a step and guards only against a read of it.
    torch.utils.deterministic.fill_uninitialized_memory = False
    choose_kernels(device, exact)
    if device.type == "cpu":
        keep_freed_memory()
    if device.type == "cuda":
        torch.cuda.set_device(device)


def choose_kernels(device: torch.device, exact: bool) -> None:
    """`exact`: deterministic kernels, and fp32 is fp32. Otherwise a GPU may compute fp32 with the 10 bits of TF32."""
    # The same as use_deterministic_algorithms, which also imports the compiler: seconds of a job's start.
    torch.set_deterministic_debug_mode("error" if exact else "default")
    torch.backends.cudnn.benchmark = not exact
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = not exact  # True by PyTorch's default, even where the next line says highest
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
