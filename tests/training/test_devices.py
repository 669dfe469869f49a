"""Which device a job gets, on machines with fake GPUs; and what is said where there is none, or none that works."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from marginmix.errors import UserError
from marginmix.runs import gpus
from marginmix.training import devices, leases
from marginmix.training.devices import choose, prepare

pytest_plugins = "tests.fake_cuda"


def test_unknown_device():
    with pytest.raises(UserError, match="expected cuda, cpu or auto, found 'tpu'"):
        choose("tpu")


def test_cuda_without_a_gpu_is_refused(machine, monkeypatch, capsys):
    machine.uuids = ()
    monkeypatch.setattr(gpus, "gpu_here", lambda: False)
    with pytest.raises(UserError, match="cuda was asked for, but PyTorch finds no GPU here; run on a machine with one"):
        choose("cuda")
    assert choose("auto") == choose("cpu") == torch.device("cpu")
    assert capsys.readouterr().err == ""


TOO_OLD = "The NVIDIA driver on your system is too old (found version 12020). Please update your GPU driver."


@pytest.fixture
def old_driver(machine, monkeypatch):
    """A GPU is here, and its driver is too old for PyTorch: CUDA does not start. Returns what its start raises."""
    machine.uuids, raised = (), [RuntimeError(TOO_OLD)]

    def init():
        raise raised[0]

    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(gpus, "gpu_here", lambda: True)
    monkeypatch.setattr(gpus, "driver", lambda: "535.104.05")
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    return raised


EXPECTED = (
    rf"{TOO_OLD[:-1]}; PyTorch {torch.__version__} for CUDA 13.2 needs driver 580 or newer, found driver 535.104.05"
)


def test_a_driver_that_is_too_old_is_an_error_that_names_the_one_needed(old_driver):
    with pytest.raises(UserError) as error:
        choose("cuda")
    assert f"cuda was asked for, but PyTorch cannot use the GPU here: {EXPECTED}; run on" in str(error.value)


def test_auto_says_once_why_it_takes_the_cpu(old_driver, capsys):
    assert choose("auto") == choose("auto") == torch.device("cpu")
    assert capsys.readouterr().err == (
        f"device: auto takes the CPU, since PyTorch cannot use the GPU here: {EXPECTED}\n"
    )


def test_a_pytorch_without_cuda_is_said(old_driver, monkeypatch, capsys):
    old_driver[0] = AssertionError("Torch not compiled with CUDA enabled")
    monkeypatch.setattr(torch.version, "cuda", None)
    choose("auto")
    assert "Torch not compiled with CUDA enabled; PyTorch" in (line := capsys.readouterr().err)
    assert "built without CUDA: install one with it" in line and "driver" not in line


def test_a_second_call_in_one_process_gets_the_same_gpu(machine):
    assert choose("cuda") == choose("auto") == torch.device("cuda", 0)


# Both GPUs, in CUDA's order and in the other
@pytest.mark.parametrize("visible", [None, "0,1", "0, 1", "GPU-aa,GPU-bb", "1,0", "GPU-bb,GPU-aa", "1,0,-1,7"])
def test_however_it_is_spelled_a_gpu_is_one_gpu(machine, monkeypatch, visible):
    """Another process, which sees GPU bb alone, holds it. So this one gets aa, by the index that CUDA has for it."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-bb")
    assert choose("cuda") == torch.device("cuda", 0)
    held = leases._held
    machine.new_process()
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    device = choose("cuda")
    assert machine.started[device.index] == "aa" and list(held) == ["GPU-bb"] and list(leases._held) == ["GPU-aa"]


def no_more_waiting(_):
    raise RuntimeError("it waits")


def test_two_allocations_of_a_node_do_not_wait_for_each_other(machine, monkeypatch):
    """Both see their GPU as number 0. A second job of one allocation does wait, in Slurm too."""
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setattr(leases.time, "sleep", no_more_waiting)
    for uuid in ("aa", "bb"):
        machine.uuids = (uuid,)
        machine.new_process()
        assert choose("cuda") == torch.device("cuda", 0)
    machine.new_process()
    with pytest.raises(RuntimeError, match="it waits"):
        choose("cuda")


def test_each_mig_instance_is_lent_and_alone_visible(machine, monkeypatch):
    """CUDA starts on the first instance of a list. So the list is cut to the one that is lent, before CUDA starts."""
    machine.instances = ("MIG-a", "MIG-b")
    for name in machine.instances:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a, MIG-b")
        machine.new_process()
        assert choose("cuda") == choose("cuda") == torch.device("cuda", 0)
        assert machine.started == list(leases._held) == [name] == [os.environ["CUDA_VISIBLE_DEVICES"]]


def test_a_mig_instance_that_pytorch_cannot_use_is_given_back(machine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b")
    monkeypatch.setattr(gpus, "gpu_here", lambda: False)
    assert choose("auto") == torch.device("cpu") and leases._held == {}


def test_bf16_is_asked_of_the_gpu_that_a_job_gets(machine):
    machine.major = {"aa": 7}
    assert choose("cuda", "bf16") == torch.device("cuda", 1)
    machine.major["bb"] = 7
    with pytest.raises(UserError, match="bf16 was asked for, but Fake aa does not support it; set precision: fp32"):
        choose("cuda", "bf16")


def test_a_gpu_that_does_not_start_is_passed_over_and_marked_for_the_next_job(machine, monkeypatch, capsys):
    machine.broken = {"aa"}
    assert choose("cuda") == torch.device("cuda", 1)
    assert "GPU GPU-aa does not start: CUDA error: uncorrectable ECC" in capsys.readouterr().err
    machine.new_process()
    machine.broken = set()
    monkeypatch.setattr(leases.time, "sleep", no_more_waiting)
    with pytest.raises(RuntimeError, match="it waits"):
        choose("cuda")
    assert "GPU GPU-aa failed 0 s ago (CUDA error: uncorrectable ECC" in capsys.readouterr().err


def test_no_gpu_that_starts_is_an_error_and_only_the_first_is_marked(machine):
    machine.broken = {"aa", "bb"}
    with pytest.raises(UserError, match="no GPU here starts: GPU-aa: CUDA error: unc.* on aa; GPU-bb: .* on bb; see"):
        choose("auto")
    assert [path.name for path in leases.FOLDER.glob("*.failed")] == ["GPU-aa.failed"] and leases._held == {}


@pytest.mark.parametrize("slots", ["0", "two"])
def test_a_number_of_jobs_that_cannot_be(machine, monkeypatch, slots):
    monkeypatch.setenv(devices.SLOTS_VARIABLE, slots)
    with pytest.raises(UserError, match=f"{devices.SLOTS_VARIABLE}: expected a whole number from 1 on"):
        choose("cuda")


@pytest.fixture
def arithmetic():
    """Puts PyTorch's flags back."""
    flags = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    mode, threads = torch.get_deterministic_debug_mode(), torch.get_num_threads()
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = flags[:2]
    torch.set_float32_matmul_precision(flags[2])
    torch.set_deterministic_debug_mode(mode)
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("exact", "convolutions", "products"), [(True, "none", "ieee"), (False, "tf32", "tf32")])
def test_exact_fp32_is_fp32(exact, convolutions, products, monkeypatch, arithmetic):
    """Of a GPU's convolutions and matrix products, by PyTorch's own flags; none: nothing narrower is allowed."""
    chosen = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    prepare(torch.device("cuda", 1), 1, exact)
    assert chosen == [torch.device("cuda", 1)]
    assert torch.backends.cudnn.allow_tf32 is not exact and torch.are_deterministic_algorithms_enabled() is exact
    assert torch.backends.cudnn.conv.fp32_precision == convolutions
    assert torch.backends.cuda.matmul.fp32_precision == products


@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_that_cannot_be(threads):
    with pytest.raises(UserError, match=f"threads: expected a whole number from 1 on, found {threads}"):
        prepare(torch.device("cpu"), threads, exact=True)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc allocates as it does")
def test_freed_memory_is_used_again():
    """40 tensors of 64 MiB, one after the other, fault in far less than 2,560 MiB of pages. (Smaller blocks glibc may
    learn by itself to keep.)"""
    code = (
        "import resource, torch; from marginmix.training import devices;"
        "devices.prepare(torch.device('cpu'), 1, exact=True); torch.ones(2**24);"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt; before = faults();"
        "any(torch.ones(2**24) is None for _ in range(40)); print((faults() - before) * resource.getpagesize())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20 * 2**26
