"""The measurements run, on networks that take no time, and end in a table."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import ceilings, children, paper, plain, precision, startup, steps, subjects, workflow_cost
from benchmarks.ceilings import Ceilings
from benchmarks.children import measured_alone, obey, together
from benchmarks.report import keep, write_report
from benchmarks.subjects import METHODS, Subject
from marginmix import cli

CPU = torch.device("cpu")
TINY = Subject("marginmix", "wrn-10-1", 8, 1, 4, "bf16", "eager")


@pytest.mark.slow
def test_steps_of_a_group_with_the_plain_loop_among_them(monkeypatch, tmp_path):
    group = [TINY, replace(TINY, precision="fp32")]
    monkeypatch.setattr(steps, "grid", lambda *_: group)
    monkeypatch.setattr(ceilings, "measure", lambda *_: Ceilings(1e12, 1e12, 1e10))
    monkeypatch.setattr(
        steps, "in_turns", lambda functions, _: {name: [f() and 2.0 or 1.0] for name, f in functions.items()}
    )
    rows = steps.run(CPU, 1, full=False)
    assert [row["mode"] for row in rows] == ["eager", "eager", "plain"]
    assert [row["times_plain"] for row in rows] == [2.0, 2.0, 1.0]
    assert rows[0]["gflop_per_step"] == rows[1]["gflop_per_step"] > 0
    assert sum(rows[0][f"{part}_percent"] for part in ("draws", "guesses", "gradient", "update")) == pytest.approx(100)
    keep(tmp_path / "steps.csv", rows, "a processor")
    keep(tmp_path / "steps.csv", rows, "another")
    keep(tmp_path / "steps.csv", rows, "a processor")
    assert list(pd.read_csv(tmp_path / "steps.csv")["device"]) == ["another"] * 3 + ["a processor"] * 3
    write_report(tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "A training step: a processor" in text and "no GPU was at hand" in text


def test_ceilings_are_operations_over_seconds(monkeypatch):
    """Every call takes 2 s. A product of 2048 x 2048 matrices has 2 x 2048^3 operations; a copy reads and writes."""
    monkeypatch.setattr(ceilings, "seconds", lambda function, times, device: 2.0)
    found = ceilings.measure(CPU, "fp32")
    assert (found.product, found.copy) == (2048**3, 128 * 2**20)
    # The largest: forward and two gradients, 64 images of 512 channels and side 16, 3 x 3 weights.
    assert found.convolution == found.arithmetic == 3 * 64 * 16**2 * 512**2 * 9


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_convolution_there_and_back(precision):
    assert 0 < ceilings.convolution(2, 3, 8, ceilings.DTYPES[precision], CPU) < float("inf")


def test_the_grid():
    usual, full = steps.grid(False, on_gpu=False), steps.grid(True, on_gpu=False)
    assert len(full) == 2 * len(METHODS) * 2 * 2 * 2 and set(usual) < set(full)
    assert {s.method for s in usual} == set(METHODS)
    assert {s.method for s in usual if s.precision == "fp32" or s.mode == "compiled"} == {"mixmatch", "marginmix"}
    assert {s.mode for s in steps.grid(False, on_gpu=True)} == {"eager", "graph", "compiled", "compiled-graph"}


@pytest.mark.parametrize("mode", ["eager", "plain"])
def test_what_a_process_of_its_own_measures(mode, monkeypatch):
    monkeypatch.setattr("marginmix.training.devices.prepare", lambda *_, **__: None)  # it is for a whole process
    subject = vars(replace(TINY, mode=mode))
    found = obey({"subject": subject, "device": "cpu", "threads": 1, "images": 2_000, "for_s": 0})
    assert found["images_bytes"] == 2_000 * 64 < found["peak_bytes"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["eager", "plain"])
def test_measurements_in_processes_of_their_own(mode):
    subject = replace(TINY, mode=mode)
    alone = measured_alone(subject, CPU, 1, images=2_000)
    assert alone["images_bytes"] == 2_000 * 64 < alone["peak_bytes"]
    assert together(subject, CPU, 1, processes=2, for_s=0.2) > 0


def test_the_gpu_that_is_chosen_is_measured_in_every_process(monkeypatch, tmp_path):
    """By its index, without which CUDA takes no device."""
    chosen, measured, ordered = torch.device("cuda", 1), [], []
    monkeypatch.setattr(bench.devices, "choose", lambda asked: chosen)
    monkeypatch.setattr(bench.devices, "describe", lambda device: {"name": "a GPU"})
    monkeypatch.setattr(bench, "_measure", lambda name, device, _: measured.append(device) or [{"a": 1}])
    monkeypatch.setattr(bench, "write_report", lambda _: None)
    monkeypatch.setattr("sys.argv", ["bench", "steps", "startup", "--device", "cuda", "--out", str(tmp_path)])
    bench.main()
    assert measured == [chosen, chosen]
    monkeypatch.setattr(children, "start", ordered.append)
    monkeypatch.setattr(children, "_finish", lambda _: "{}")
    measured_alone(TINY, chosen, 1)
    assert torch.device(ordered[0]["device"]) == chosen


def test_a_start_is_measured_on_the_device_that_is_chosen(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(startup, "_marginmix", lambda *words: called.append(words))
    monkeypatch.setattr(startup, "read_json", lambda _: {"data_hash": "0123456789abcdef"})
    spec = startup._spec(tmp_path, torch.device("cuda", 1), 1)
    assert '"device": "cuda"' in spec.read_text()


def test_the_yardstick_is_timed_without_deterministic_kernels(monkeypatch):
    asked = []
    step = plain.PlainMixMatch.step

    def spied(*call):
        asked.append(torch.are_deterministic_algorithms_enabled())
        return step(*call)

    monkeypatch.setattr(plain.PlainMixMatch, "step", spied)
    data = subjects.synthetic(8, 1, 200, 20)
    yardstick = subjects.plain(replace(TINY, method="mixmatch", mode="plain"), data, workers=0)
    before = torch.get_deterministic_debug_mode()
    try:
        for mode in ("default", "error"):
            torch.set_deterministic_debug_mode(mode)
            yardstick()
            assert torch.are_deterministic_algorithms_enabled() is (mode == "error")
    finally:
        torch.set_deterministic_debug_mode(before)
    assert asked == [False, False]


def test_the_paper_is_160_runs():
    asked = list(paper.subjects("eager"))
    assert sum(count for _, count, _ in asked) == 160
    assert {(table, s.side) for table, _, s in asked} == {
        ("benchmarks", 32), ("benchmarks", 96), ("expressions", 48), ("expressions", 100),
    }  # fmt: skip


def test_what_a_start_trains_is_one_step(monkeypatch):
    called = []

    def in_this_process(*words):
        assert cli.main(list(words)) == 0
        return called.append(words[0]) or {"prepare": 9.0, "train": float(len(called))}[words[0]]

    monkeypatch.setattr(startup, "_marginmix", in_this_process)
    assert startup.run(CPU, 1, repeats=2) == [{"threads": 1, "seconds": 3.0, "slowest": 3.0}]
    assert called == ["prepare", "train", "train"]


@pytest.mark.slow
def test_a_start_is_a_whole_training_of_one_step():
    (row,) = startup.run(CPU, 1, repeats=1)
    assert row["threads"] == 1 and 0 < row["seconds"] == row["slowest"]


def test_what_a_job_costs_is_what_the_whole_takes_beyond_planning(monkeypatch):
    """Planning takes 2 s, and 10 s with all jobs; the data are described as the trainer that trains nothing does it."""
    called = []
    monkeypatch.setattr(workflow_cost, "_snakemake", lambda place, *words: called.append(words) or (
        10.0 if "--cores" in words and "--until" not in words else 2.0))  # fmt: skip
    small, large = workflow_cost.run(2, sizes=(2, 4), times=1)
    assert small == {"runs": 2, "plan_seconds": 2.0, "jobs": 2, "seconds_per_job": 4.0}
    assert large == {"runs": 4, "plan_seconds": 2.0}
    assert called[:3] == [("--cores", "1", "--until", "prepare"), ("--dry-run",), ("--dry-run",)]


@pytest.mark.slow
def test_the_workflow_is_planned_at_both_sizes_and_run_at_the_smaller():
    small, large = workflow_cost.run(2, sizes=(2, 4), times=1)
    assert (small["runs"], large["runs"], small["jobs"]) == (2, 4, 2)
    assert min(small["plan_seconds"], large["plan_seconds"], small["seconds_per_job"]) > 0


def test_precision_is_measured_on_cells_that_no_experiment_has(monkeypatch, tmp_path):
    trained = []
    monkeypatch.setattr(precision, "_train", lambda *call: trained.append(call) or 50.0)
    row = precision._pair("marginmix", 1003, tmp_path)
    assert (row["seed"], row["steps"], row["bf16"], row["fp32"]) == (1003, 300, 50.0, 50.0)
    assert [call[1:4] for call in trained] == [
        (kind, "marginmix.methods.marginmix:MarginMix", 1003) for kind in ("bf16", "fp32")
    ]
