"""What each part of the GPU check would say of a GPU, with stand-ins for it; and that it finds what is wrong."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from benchmarks import paper as paper_of_yaml
from benchmarks.gpu_check import arithmetic, buffers, paper, same_bits, sharing, speed
from benchmarks.gpu_check import machine as the_machine
from benchmarks.gpu_check.checks import FAILED, PASSED, SKIPPED, Check, Place, carry_out
from benchmarks.subjects import Subject, synthetic
from marginmix.runs import gpus
from marginmix.runs.config import load, runs
from marginmix.runs.plan import Plan
from marginmix.training import devices, leases

pytest_plugins = "tests.fake_cuda"
CPU = Place(torch.device("cpu"), quick=True)


# The machine


@pytest.mark.parametrize(
    ("capability", "listed", "fits"),
    [
        ((9, 0), ["sm_80", "sm_90"], True),
        ((8, 9), ["sm_80", "sm_86"], True),  # a later minor one
        ((7, 0), ["sm_75", "sm_80"], False),
        ((12, 0), ["sm_90", "compute_90"], True),  # compiled at the start
        ((12, 0), ["sm_90a", "sm_100"], False),
        ((10, 3), ["sm_100f"], True),
    ],
)
def test_kernels(capability, listed, fits, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: listed)
    assert the_machine._kernels(*capability)[1] == fits


def test_a_driver_that_is_too_old_fails(monkeypatch):
    monkeypatch.setattr(devices, "why_unusable", lambda: "torch says no; needs driver 580 or newer, found driver 550")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    first, second = [carry_out(check) for check in the_machine.checks(CPU)]
    assert (first.status, second.status) == (PASSED, FAILED) and "found driver 550" in second.found


@pytest.mark.parametrize(("chosen", "status"), [(None, FAILED), ("1", PASSED)])
def test_as_many_gpus_are_visible_as_there_are(chosen, status, machine, monkeypatch):
    machine.uuids = ("bb",)
    machine.new_process()
    listed = [["GPU-aa", "H200", "580", "Disabled", "Default"], ["GPU-bb", "H200", "580", "Disabled", "Default"]]
    monkeypatch.setattr(the_machine, "_listed", lambda: listed)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = carry_out(Check("", "", the_machine._visible))
    if chosen:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
        found = carry_out(Check("", "", the_machine._visible))
    assert found.status == status and found.found.startswith("1 of 2")


def test_names_of_gpus(machine, monkeypatch):
    assert devices.names() == ["GPU-aa", "GPU-bb"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-x,MIG-y")
    assert devices.names() == ["MIG-x", "MIG-y"]
    machine.uuids = ()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    machine.new_process()
    assert devices.names() == []


# Arithmetic


def test_numbers_that_are_near_and_those_that_are_not():
    assert arithmetic._nearness([1.0, 0.0], [1.0 + 5e-7, 0.0], 1e-6)[1]
    assert not arithmetic._nearness([1.0, 0.0], [1.0 + 5e-6, 0.0], 1e-6)[1]
    assert arithmetic._nearness([float("nan")], [1.0], 1e-6) == ("inf apart", False)


def test_tf32_would_be_found(monkeypatch):
    """TF32 keeps 10 bits of a number's 23."""
    conv2d = torch.nn.functional.conv2d

    def rounded(images, weights, padding):
        cut = [(t.view(torch.int32) >> 13 << 13).view(torch.float32) if t.dtype == torch.float32 else t
               for t in (images, weights)]  # fmt: skip
        return conv2d(*cut, padding=padding)

    assert arithmetic._fp32(CPU)[1]
    monkeypatch.setattr(torch.nn.functional, "conv2d", rounded)
    assert not arithmetic._fp32(CPU)[1]


def test_without_the_record_numerics_are_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(arithmetic, "RECORD", tmp_path / "numerics.json")
    assert [carry_out(check).status for check in arithmetic.numerics(CPU)] == [SKIPPED] * 2


# Bits and buffers, on graphs that compute while they are recorded and do not when they are replayed


def test_a_graph_with_other_bits_is_found(graphs, monkeypatch, tmp_path):
    training = same_bits.Training(("mixmatch",), 8, "fp32", "cpu")
    monkeypatch.setattr(same_bits.Training, "recorded", same_bits.GRAPH)
    expected = same_bits.digests(training.trainer("mixmatch", same_bits.EAGER))
    found, right = same_bits._same(training, "mixmatch", tmp_path, {"mixmatch": expected})
    assert not right and found.startswith("graph differs from eager in network, average, optimiser")


@pytest.mark.parametrize(
    ("resumed", "found"),
    [({}, "resumed: it was not resumed"), ({"mixmatch": {"error": "killed"}}, "resumed: killed")],
)
def test_what_was_not_resumed_fails(resumed, found, tmp_path):
    training = same_bits.Training(("mixmatch",), 2, "fp32", "cpu")
    assert same_bits._same(training, "mixmatch", tmp_path, resumed) == (found, False)


def test_buffers(graphs):
    assert buffers.in_place(CPU, "marginmix") == ("in place", True)
    told, right = buffers._refused(CPU)
    assert right and "Replacing.seen" in told
    assert buffers._told(CPU) == ("it was recorded", False), "a CPU's recording may ask the host"


def test_a_buffer_that_moves_is_found(graphs, monkeypatch):
    monkeypatch.setitem(buffers.ALL, "bad", ("tests.training.test_recording:Counting", {}))
    with pytest.raises(Exception, match="Counting.calls"):
        buffers.in_place(CPU, "bad")


# The paper's networks and hours


def test_the_papers_runs_are_those_of_its_file():
    assert list(paper.subjects("graph")) == list(paper_of_yaml.subjects("graph"))
    config = load(paper_of_yaml.WORKFLOW, "paper")
    assert set(paper.PLANES) == set(config["embeddings"]["datasets"])
    assert config["embeddings"]["recipe"]["network"] == "alexnet-2d"
    assert sum(count for _, count, _ in paper.subjects("graph")) == len(runs(config)) < len(Plan(config).runs)


@pytest.mark.parametrize("method", ["marginmix", "embedding"])
def test_a_network_with_its_outputs(method):
    assert paper._network(CPU, method, "wrn-10-1", (8, 1), 3) == ("on a CPU", True)


def test_hours():
    first = Subject("mixmatch", "wrn-28-2", 32, 3, 64, "bf16", "graph")
    second = replace(first, method="marginmix")
    duration = {paper._cost(first): 0.0036}
    assert carry_out(Check("", "", lambda: paper._hours([(5, first), (5, second)], duration))).status == SKIPPED
    duration[paper._cost(second)] = 0.0072
    told = paper._hours([(5, first), (5, second)], duration)
    assert told == ("15.7 h for 10 runs of 1,048,576 steps, one after the other", True)  # 2^20 × (18 + 36) ms


# Speed


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_a_step_is_timed():
    subject, data = Subject("marginmix", "wrn-10-1", 8, 1, 4, "fp32", "eager"), synthetic(8, 1, 400, 100)
    told, right = speed._time(CPU, subject, data)
    assert right and told.endswith(" ms, eager")
    assert not speed._kernels(CPU, subject, data)[1], "a CPU has no kernels"
    assert speed._draws(CPU, data)[1]


# Leases: processes that take a lease and do not train

HOLDER = """
import json, os, sys, time
from pathlib import Path
from marginmix.training import leases
leases.FOLDER, leases.POLL_S = Path(sys.argv[1]), 0.01
gpu = leases.take(os.environ.get("CUDA_VISIBLE_DEVICES", "GPU-aa,GPU-bb").split(","),
                  1 if sys.argv[3] == "deaf" else int(os.environ.get("MARGINMIX_JOBS_PER_GPU", "1")))
print("20 labelled images", file=sys.stderr, flush=True)
began = (leases.FOLDER / f"{gpu}.0").stat().st_mtime
time.sleep(60 if int(sys.argv[2]) > 100 else 0.05)
print(json.dumps([gpu, began if sys.argv[3] != "greedy" else 0.0, time.time()]))
"""


@pytest.fixture
def trainings(machine, monkeypatch, tmp_path):
    class Holders(sharing.Trainings):
        habit = "good"

        def __init__(self):
            self.folder, self.started = tmp_path, []

        def start(self, steps, environment=None):
            said = tmp_path / f"{len(list(tmp_path.glob('*.txt')))}.txt"
            given = {**sharing.os.environ, **(environment or {})}
            given.pop(leases.HANDED_DOWN, None)
            call = [sys.executable, "-c", HOLDER, str(leases.FOLDER), str(steps), self.habit]
            with said.open("w") as file:
                process = subprocess.Popen(call, stdout=file, stderr=file, env=given)
            self.started.append((process, said))
            return process, said

    monkeypatch.setattr(sharing, "LIMIT_S", 20.0)
    return Holders()


NAMES = ["GPU-aa", "GPU-bb"]


def test_one_training_at_a_time_on_each_gpu(trainings):
    told = sharing._one_each(trainings, NAMES, 5)
    assert told == ("5 ended, on 2 of 2 GPU(s), 0 at once on one", True)


def test_two_at_once_on_one_gpu_are_found(trainings):
    trainings.habit = "greedy"  # they say that they held it from the beginning
    told, right = sharing._one_each(trainings, NAMES, 5)
    assert not right and "0 at once" not in told


def test_a_killed_one_and_a_second_one(trainings):
    told, right = sharing._killed(trainings, NAMES)
    assert right and float(told.removesuffix(" s")) < 1
    assert sharing._two(trainings, NAMES) == ("it started", True)
    assert not leases._held and not trainings.started


def test_a_second_one_that_waits_is_an_error_and_left_behind_by_nobody(trainings, monkeypatch):
    trainings.habit = "deaf"
    monkeypatch.setattr(sharing, "LIMIT_S", 1.0)
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        sharing._two(trainings, NAMES)
    assert time.monotonic() - began < 10 and not trainings.started and not leases._held


def test_overlaps():
    assert sharing.overlaps([("a", 0, 2), ("a", 2, 3), ("b", 1, 4)]) == 0
    assert sharing.overlaps([("a", 0, 2), ("b", 1, 4), ("a", 1, 3), ("a", 1.5, 9)]) == 3


def test_mps(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert not sharing.mps()
    (tmp_path / "control").touch()
    assert sharing.mps()


@pytest.mark.slow
def test_a_real_training_says_what_it_held(tmp_path):
    """On a CPU nothing. The stand-ins above are its quick twins."""
    trainings = sharing.Trainings(tmp_path, "cpu")
    gpu, _, end = sharing._ended(*trainings.start(2))
    assert gpu == "" and abs(end - time.time()) < 60
    assert (tmp_path / "1" / "model.pt").exists()


def test_the_driver_is_the_kernels(monkeypatch):
    monkeypatch.setattr(gpus, "driver", lambda: "580.65.06")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert the_machine._driver() == ("580.65.06, and PyTorch can use it", True)
