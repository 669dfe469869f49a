"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEVER = {
    "marginmix": {"workflow", "baselines", "benchmarks", "snakemake", "matplotlib"},
    "baselines": {"workflow", "benchmarks", "snakemake", "matplotlib"},
}
WITHOUT_TORCH = ("", ".datasets", ".splits", ".recipe", ".identity", ".config", ".plan", ".training.job", ".cli",
                 ".reporting.report", ".reporting.runs", ".reporting.tables")  # fmt: skip


def imported(path: Path) -> set[str]:
    """Top-level names of all packages that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", NEVER)
def test_arrows_run_one_way(package):
    found = {str(path): wrong for path in (ROOT / package).rglob("*.py") if (wrong := imported(path) & NEVER[package])}
    assert found == {}


def test_the_workflow_reads_files_and_never_torch():
    files = [*(ROOT / "workflow").rglob("*.py"), *(ROOT / "marginmix" / "reporting").rglob("*.py")]
    assert {str(path) for path in files if imported(path) & {"torch", "torchvision", "baselines"}} == set()
    rules = [*(ROOT / "workflow").rglob("*.smk"), ROOT / "workflow" / "Snakefile"]
    assert [str(path) for path in rules if "import torch" in path.read_text()] == []


def test_planning_and_tables_do_not_load_torch():
    lines = "; ".join(f"import marginmix{module}" for module in WITHOUT_TORCH)
    heavy = "print([name for name in ('torch', 'torchvision', 'matplotlib', 'snakemake') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"import sys; {lines}; {heavy}"], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_training_does_not_load_the_compiler():
    """It takes 3 seconds of a job's start. `torch.optim` and `use_deterministic_algorithms` would load it."""
    lines = [
        "import sys, torch",
        "from marginmix.training import devices",
        "from marginmix.training.running import resolve_method",
        "from marginmix.training.trainer import Trainer",
        "from tests.toy_training import METHODS, small_recipe, toy_data",
        "devices.prepare(torch.device('cpu'), 1, exact=True)",
        "trainer = Trainer(small_recipe(), resolve_method(METHODS['marginmix']), toy_data(), 'toy/15/0')",
        "trainer.start(); trainer.step(); trainer.evaluate()",
        "print([name for name in ('torch._dynamo', 'torch._inductor') if name in sys.modules])",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
