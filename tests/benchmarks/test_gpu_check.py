"""The GPU check: its table, its exit codes, its processes; and the whole of it on a machine without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_check import __main__ as command
from benchmarks.gpu_check import parts
from benchmarks.gpu_check.checks import FAILED, PASSED, SKIPPED, Check, Row, Skip, carry_out, table, verdict
from marginmix.training import devices

ROOT = Path(__file__).parents[2]
BLOCKED = ("snakemake", "yaml", "jsonschema", "matplotlib", "torchvision", "requests", "PIL", "pytest", "tests")
ROWS = [
    Row("machine: versions", "(measured)", "torch 2.15.0", PASSED, 0.04),
    Row("leases", "", "no GPU here", SKIPPED),
    Row("bits: mixmatch", "eager = graph", "graph differs\nfrom eager in a|b", FAILED, 1.25),
    Row("hours: A", "(measured)", "RuntimeError: no", FAILED, 61.0),
]


def test_the_table():
    assert table(ROWS).splitlines() == [
        "| check | expected | found | | s |",
        "|---|---|---|---|---|",
        "| machine: versions | (measured) | torch 2.15.0 | passed | 0.0 |",
        "| leases |  | no GPU here | skipped | 0.0 |",
        "| bits: mixmatch | eager = graph | graph differs from eager in a\\|b | failed | 1.2 |",
        "| hours: A | (measured) | RuntimeError: no | failed | 61.0 |",
    ]


def test_the_verdict_names_the_first_failure():
    expected = "1 passed, 2 failed, 1 skipped. First failure: bits: mixmatch: graph differs from eager in a|b"
    assert verdict(ROWS) == expected
    assert verdict(ROWS[:2]) == "1 passed, 0 failed, 1 skipped."


def raising(error):
    raise error


@pytest.mark.parametrize(
    ("run", "status", "found"),
    [
        (lambda: ("5 ms", True), PASSED, "5 ms"),
        (lambda: ("none", False), FAILED, "none"),
        (lambda: raising(Skip("no GPU")), SKIPPED, "no GPU"),
        (lambda: raising(RuntimeError("CUDA error: bad\nmore")), FAILED,
         "RuntimeError: CUDA error: bad (test_gpu_check.py:"),
    ],
)  # fmt: skip
def test_a_check_becomes_a_row(run, status, found):
    row = carry_out(Check("name", "expected", run))
    assert (row.check, row.expected, row.status) == ("name", "expected", status)
    assert row.found.startswith(found) and "\n" not in row.found


def checks(place):
    yield Check("first", "1", lambda: raising(ValueError("no")))
    yield Check("second", "2", lambda: ("2", True))
    raise KeyError("between")


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setattr(parts, "PARTS", {"numbers": parts.Part(checks, without=True), "gpus": parts.Part(checks)})
    return parts.PARTS


def test_what_fails_does_not_end_the_others(made_up):
    rows = list(parts.carried_out("numbers", [], quick=True))
    assert [(row.check, row.status) for row in rows] == [
        ("numbers: first", FAILED),
        ("numbers: second", PASSED),
        ("numbers", FAILED),
    ]
    assert rows[-1].found.startswith("KeyError: 'between'")
    assert list(parts.carried_out("gpus", [], quick=True)) == [Row("gpus", "", "no GPU here", SKIPPED)]


def test_a_process_that_dies_or_hangs_is_a_row_beside_those_it_left(made_up, monkeypatch, tmp_path):
    program, row = tmp_path / "python", '{"check": "a", "expected": "b", "found": "c", "status": "passed"}'
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(parts, "LIMIT_S", 1.0)
    for ending, told in {
        "kill -SEGV $$": "it ended with SIGSEGV",
        "exit 3": "it ended with exit code 3",
        "sleep 50": "it did not end in 1 s",
    }.items():
        program.write_text(f"#!/bin/sh\necho '{row}' > $4\n{ending}\n")
        program.chmod(0o755)
        kept, last = parts.in_a_process("gpus", "GPU-aa", quick=True)
        assert kept == Row("a", "b", "c", PASSED)
        assert last == Row("gpus", "its process ends by itself", f"{told}; what it said is above", FAILED)


def test_each_process_sees_its_gpu(monkeypatch, tmp_path):
    program = tmp_path / "python"
    row = '{"check": "x", "expected": "", "status": "passed", "found": "%s"}'
    program.write_text(f"#!/bin/sh\nprintf '{row}' $CUDA_VISIBLE_DEVICES > $4\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    seen = {name: [row.found for row in parts.carried_out(name, ["GPU-aa", "GPU-bb"], False)] for name in parts.PARTS}
    assert seen.pop("bits") == ["GPU-aa", "GPU-bb", "they differ in x"]
    assert seen == {
        "machine": ["0,1"], "flags": ["GPU-aa", "GPU-bb"], "numerics": ["GPU-aa", "GPU-bb"], "networks": ["GPU-aa"],
        "buffers": ["GPU-aa"], "speed": ["GPU-aa"], "leases": ["0,1"], "together": ["GPU-aa"], "hours": ["GPU-aa"],
    }  # fmt: skip


def test_one_gpu_is_seen_as_it_is(made_up, monkeypatch):
    seen = []
    monkeypatch.setattr(parts, "in_a_process", lambda name, gpu, quick: seen.append(gpu) or [ROWS[0]])
    assert list(parts.carried_out("numbers", ["GPU-aa"], False)) == [ROWS[0]] and seen == [None]


def test_gpus_that_agree():
    alike = {gpu: [Row("bits: a", "", "3fa9", PASSED), Row("bits: b", "", gpu, FAILED)] for gpu in "xy"}
    assert (parts.agreement(alike).status, parts.agreement(alike).found) == (PASSED, "1 rows alike")


@pytest.mark.slow
def test_a_process_without_a_gpu_says_so_in_its_row(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (row,) = parts.in_a_process("flags", "", quick=True)
    assert row.status == FAILED and row.found.startswith("UserError: device: cuda was asked for")


@pytest.mark.parametrize(("rows", "code"), [(ROWS, 1), (ROWS[:2], 0)])
@pytest.mark.parametrize("words", [[], ["--quick"], ["--only", "bits"]])
def test_exit_codes_and_the_file(rows, code, words, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "carried_out", lambda name, gpus, quick: rows if name == "bits" else [])
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(devices, "names", lambda: ["GPU-aa", "GPU-bb"])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    assert command.main(words) == code
    file = tmp_path / "results" / "gpu-check" / "nvidia-h200.md"
    assert file.exists() == (not words), "a check in part is no evidence"
    assert command.main([*words, "--out", str(tmp_path / "mine")]) == code
    text = (tmp_path / "mine" / "nvidia-h200.md").read_text()
    assert text.startswith("# GPU check: 2 × NVIDIA H200\n") and table(rows) in text and verdict(rows) in text
    assert text in capsys.readouterr().out


def test_the_file_is_tracked():
    ignored = subprocess.run(["git", "check-ignore", "-q", "results/gpu-check/nvidia-h200.md"], cwd=ROOT)
    assert ignored.returncode == 1


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="the whole check of a GPU takes minutes")
def test_the_whole_without_a_gpu_and_with_few_packages(tmp_path):
    """As anybody starts it, with all other packages out of reach of it and of its children."""
    for name in BLOCKED:
        (tmp_path / f"{name}.py").write_text("raise ImportError(f'{__name__} is out of reach')\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "CUDA_VISIBLE_DEVICES": ""}
    call = [sys.executable, "-m", "marginmix.gpu_check", "--quick"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "PyTorch finds no GPU here: what needs none is checked"
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    status = {cell[0]: cell[-2] for cell in cells[1:]}
    assert f"torch {torch.__version__}".partition("+")[0] in cells[1][2]
    assert {name: status[name] for name in ("networks", "buffers", "speed", "leases", "together", "hours")} == (
        dict.fromkeys(("networks", "buffers", "speed", "leases", "together", "hours"), SKIPPED)
    )
    made = ("numerics: marginmix: fp64, the CPU", "bits: marginmix: 8 steps, fp32, exact", "bits: resume")
    assert [status[name] for name in made] == [PASSED] * 3
    assert FAILED not in status.values()
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.name != "__pycache__") == [".py"] * len(BLOCKED)


def test_away_from_the_checkout_it_says_where_to_start_it(tmp_path):
    (tmp_path / "marginmix").mkdir()
    for name in ("__init__.py", "gpu_check.py"):
        (tmp_path / "marginmix" / name).write_text((ROOT / "marginmix" / name).read_text())
    done = subprocess.run(
        [sys.executable, "-S", "-m", "marginmix.gpu_check"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "start it from there" in done.stderr
