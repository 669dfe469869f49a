"""Is a GPU here? By its device file, by nvidia-smi; not where CUDA_VISIBLE_DEVICES hides it."""

import os

import pytest

from marginmix.runs import gpus

A_GPU = "echo 'GPU 0: NVIDIA H100 (UUID: GPU-1)'"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that makes a machine: a text for nvidia-smi, names of device files."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "Path", lambda path: tmp_path / path.strip("/"))

    def make(script=None, devices=()):
        for folder in ("bin", "dev"):
            (tmp_path / folder).mkdir()
        for name in devices:
            (tmp_path / "dev" / name).touch()
        if script is not None:
            program = tmp_path / "bin" / "nvidia-smi"
            program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{script}\n')
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin") + (f"{os.pathsep}/bin" if script else ""))
        return tmp_path / "calls"

    return make


def test_nvidia_smi_lists_one(machine):
    calls = machine(A_GPU)
    assert gpus.gpu_here() and calls.read_text() == "-L\n"


@pytest.mark.parametrize("script", ["exit 9", "echo 'No devices were found'", f"{A_GPU}; exit 1", None])
def test_nvidia_smi_lists_none_fails_or_is_not_there(machine, script):
    machine(script)
    assert gpus.gpu_here() is False


def test_a_device_file_is_enough(machine):
    calls = machine(A_GPU, ["nvidia0"])
    assert gpus.gpu_here() and not calls.exists()


def test_the_drivers_own_files_are_no_gpu(machine):
    machine(devices=["nvidiactl", "nvidia-uvm"])
    assert not gpus.gpu_here()


@pytest.mark.parametrize("hidden", ["", " ", "-1"])
def test_hidden_gpus_are_not_here(machine, monkeypatch, hidden):
    calls = machine(A_GPU, ["nvidia0"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not gpus.gpu_here() and not calls.exists()


@pytest.mark.parametrize("visible", ["0", "1,2", "GPU-1"])
def test_some_are_not_hidden(machine, monkeypatch, visible):
    machine(A_GPU)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.gpu_here()


def test_an_nvidia_smi_that_hangs_is_not_waited_for_for_ever(machine, monkeypatch):
    machine("exec sleep 60")
    monkeypatch.setattr(gpus, "NVIDIA_SMI_S", 0.3)
    assert gpus.gpu_here() is False


def test_the_drivers_version_is_linuxs(machine, tmp_path):
    assert gpus.driver() is None
    (tmp_path / "sys/module/nvidia").mkdir(parents=True)
    (tmp_path / "sys/module/nvidia/version").write_text("580.65.06\n")
    assert gpus.driver() == "580.65.06"


@pytest.mark.parametrize(
    ("visible", "instances"),
    [(None, []), ("", []), ("0,1", []), ("GPU-1", []), ("MIG-1, MIG-2,MIG-1", ["MIG-1", "MIG-2"])],
)
def test_mig_instances_are_those_that_are_visible(machine, monkeypatch, visible, instances):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.mig_instances() == instances
