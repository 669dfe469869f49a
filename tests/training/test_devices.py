"""CUDA is refused where there is none, and several GPUs are lent one job at a time."""

import multiprocessing
import platform
import signal
import subprocess
import sys

import pytest
import torch

from marginmix.errors import UserError
from marginmix.training.devices import choose, lease, prepare


def test_cuda_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="cuda was asked for, but PyTorch finds no GPU here"):
        choose("cuda")
    assert choose("auto") == choose("cpu") == torch.device("cpu")


def test_unknown_device():
    with pytest.raises(UserError, match="expected cuda, cpu or auto, found 'tpu'"):
        choose("tpu")


@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_that_cannot_be(threads):
    with pytest.raises(UserError, match=f"threads: expected a whole number from 1 on, found {threads}"):
        prepare(torch.device("cpu"), threads, exact=True)


FORK = multiprocessing.get_context("fork")  # a new interpreter would import torch each time


def hold_a_lease(folder, lent):
    lent.send(lease(["0", "1"], 2, folder))
    signal.pause()


def test_every_gpu_gets_a_first_job_before_any_a_second(tmp_path):
    """Four leases by processes that hold them until they end; a killed holder's slot is free again."""
    holders, lent = [], []
    for _ in range(4):
        receive, send = FORK.Pipe(duplex=False)
        holders.append(FORK.Process(target=hold_a_lease, args=(tmp_path, send)))
        holders[-1].start()
        lent.append(receive.recv())
    assert lent == [0, 1, 0, 1]
    holders[1].kill()
    holders[1].join()
    assert lease(["0", "1"], 2, tmp_path) == 1
    for holder in holders:
        holder.kill()
        holder.join()


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
