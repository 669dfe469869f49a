"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ("runs", "datasets", "views", "methods", "networks", "training", "analysis", "reporting")
ABOVE = ("training", "analysis", "reporting")
NEVER = {
    "marginmix": {"workflow", "baselines", "benchmarks", "tests", "snakemake", "matplotlib"},
    "baselines": {"workflow", "benchmarks", "tests", "snakemake", "matplotlib"},
    "workflow": {"torch", "torchvision", "baselines", "benchmarks", "tests"},
    "tools": {"torch", "torchvision", "baselines", "benchmarks", "tests", "snakemake"},
    "benchmarks/gpu_check": {"tests", "workflow", "snakemake", "yaml", "jsonschema", "marginmix.reporting"},
    "marginmix/reporting": {"torch", "torchvision", "marginmix.training", "marginmix.methods", "marginmix.networks"},
    "marginmix/training": {"marginmix.reporting", "marginmix.cli", "yaml", "jsonschema"},
    "marginmix/analysis": {"marginmix.reporting", "marginmix.cli", "yaml", "jsonschema"},
    "marginmix/views": {f"marginmix.{name}" for name in CORE if name != "views"},
    "marginmix/methods": {f"marginmix.{name}" for name in (*ABOVE, "datasets", "cli")},
    "marginmix/networks": {f"marginmix.{name}" for name in (*ABOVE, "methods", "datasets")},
    "marginmix/datasets": {"torch", *(f"marginmix.{name}" for name in CORE if name != "datasets")},
    "marginmix/runs": {"torch", *(f"marginmix.{name}" for name in (*ABOVE, "methods", "networks"))},
}  # fmt: skip
"""Folder -> packages and modules that no file in it imports, at its top or anywhere else."""

PLANNING = ("marginmix", "marginmix.cli", "marginmix.errors", "marginmix.files", "marginmix.draws",
            "marginmix.network_names", "marginmix.analysis.label_shift")  # fmt: skip
HEAVY = ("torch", "torchvision", "matplotlib", "snakemake")


def imported(path: Path) -> Iterator[str]:
    """All modules that a file imports, anywhere in it; of `from a import b` both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(path: Path, names: set[str]) -> set[str]:
    return {name for name in imported(path) if any(name == one or name.startswith(f"{one}.") for one in names)}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("folder", NEVER)
def test_arrows_run_one_way(folder):
    files = list((ROOT / folder).rglob("*.py"))
    assert files, f"{folder} is empty: does it still exist?"
    found = {str(path): wrong for path in files if (wrong := forbidden(path, NEVER[folder]))}
    assert found == {}


def test_the_check_above_finds_what_is_forbidden(tmp_path):
    (tmp_path / "a.py").write_text("def f():\n    from marginmix import reporting\n    import torch.nn as nn\n")
    assert forbidden(tmp_path / "a.py", {"marginmix.reporting", "torch"}) == {"marginmix.reporting", "torch.nn"}
    assert forbidden(tmp_path / "a.py", {"marginmix.report", "tor"}) == set()


def test_rules_never_import_torch():
    rules = [*(ROOT / "workflow").rglob("*.smk"), ROOT / "workflow" / "Snakefile"]
    assert [str(path) for path in rules if "import torch" in path.read_text()] == []


def test_planning_and_tables_do_not_load_torch():
    """All of runs, datasets and reporting, and what else the workflow and the command line load at once."""
    folders = [ROOT / "marginmix" / name for name in ("runs", "datasets", "reporting")]
    modules = [*PLANNING, *(module_of(path) for folder in folders for path in sorted(folder.glob("*.py")))]
    assert {"marginmix.runs.plan", "marginmix.runs.record", "marginmix.reporting.publish"} <= set(modules)
    lines = "; ".join(f"import {module}" for module in modules)
    heavy = f"print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"import sys; {lines}; {heavy}"], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_command_line_loads_neither_configs_nor_torch():
    """`marginmix train` of a finished run returns at once, on a machine without YAML, too."""
    code = (
        "import sys, marginmix.cli; print([n for n in ('torch', 'yaml', 'jsonschema', 'pandas') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_training_does_not_load_the_compiler():
    """It takes 3 seconds of a job's start. `torch.optim` and `use_deterministic_algorithms` would load it."""
    lines = [
        "import sys, torch",
        "from marginmix.training import devices",
        "from tests.toy_training import toy_trainer",
        "devices.prepare(torch.device('cpu'), 1, exact=True)",
        "trainer = toy_trainer('marginmix')",
        "trainer.start(); trainer.step(); trainer.evaluate()",
        "print([name for name in ('torch._dynamo', 'torch._inductor') if name in sys.modules])",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
