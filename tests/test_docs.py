"""The code blocks of the documents work as printed, and the errors that they list are those of the program.

A Python block runs. Of a block of commands each line runs where that is fast, and is otherwise checked without running:
its targets, options, experiment and names must exist. What can be neither run nor checked stands in `NOT_RUN`, with its
reason; any other command fails.
"""

import ast
import inspect
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
import yaml

from marginmix import datasets
from marginmix.cli import _parser, main
from marginmix.datasets.splits import make_split
from marginmix.methods.base import Method
from marginmix.methods.marginmix import MarginMix
from marginmix.runs.checks import check
from marginmix.runs.config import load, merged, read_yaml
from marginmix.runs.key import RunKey
from marginmix.runs.plan import Plan
from marginmix.runs.recipe import fields_of
from tests.docs_blocks import ROOT, Block, blocks, blocks_of, write_modules

sys.path.append(str(ROOT / "tools"))
import costs  # noqa: E402

NOT_RUN = {
    "uv sync --locked --group slurm": "the plugin for a cluster",
    "conda env create -f environment.yml": "needs conda",
    "conda activate marginmix": "needs conda",
    "pip install --no-deps --editable .": "in the environment of conda",
    "ls results/runs/mine/mine/100/mixmatch/0": "shows what a training of minutes has left",
    "mkdir run": "a folder for the next line",
    ". .venv/bin/activate": "the environment that these tests run in",
}
FAST = ("--version", "recipe", "split")
"""Commands of marginmix that run here as printed. The others train, or need images."""
GIVEN = {"class MixMatch(Method):": "baselines.mixmatch", "_TEXTURES = Dataset(": "marginmix.datasets.registry"}
"""The module whose names a Python block takes for granted, by the block's first line."""
MINE = next(block for block in blocks("yaml") if block.first.startswith("experiment: mine"))


def lines_of(text: str) -> list[str]:
    """The commands of a block of sh, without comments."""
    return [words for line in text.splitlines() if (words := shlex.join(shlex.split(line, comments=True)))]


def named(block: Block) -> str:
    return f"{block.page}: {block.first[:50]}"


COMMANDS = sorted({line for block in blocks("sh") for line in lines_of(block.text)})
REPRODUCING = re.findall(r"^\|.*\| `([^`]+)` \|.*\|$", (ROOT / "docs" / "reproduce.md").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    """The project's workflow, and in it the experiment `mine` of the documents."""
    folder = tmp_path_factory.mktemp("docs") / "workflow"
    (folder / "config").mkdir(parents=True)
    for path in (ROOT / "workflow" / "config").glob("*.yaml"):
        (folder / "config" / path.name).symlink_to(path)
    for name in ("schemas", "reference", "rules", "profiles"):
        (folder / name).symlink_to(ROOT / "workflow" / name)
    mine = folder / "config" / "mine.yaml"
    mine.unlink(missing_ok=True)  # a user's own
    mine.write_text(MINE.text)
    return folder


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_documents(line, workflow, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if line not in NOT_RUN:
        try_command(shlex.split(line), workflow)


def test_each_command_that_is_not_run_is_still_there():
    assert NOT_RUN.keys() <= set(COMMANDS)


@pytest.mark.parametrize("line", REPRODUCING)
def test_the_command_that_reproduces_a_number(line, workflow, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try_command(shlex.split(line), workflow)


def test_every_published_experiment_has_its_command():
    found = {name for line in REPRODUCING for name in re.findall(r"experiment=(\w+)", line)}
    assert found == set(pd.read_csv(costs.RUNS)["experiment"])


def try_command(words: list[str], workflow: Path) -> None:
    """Run a command, or check what it names. A failed assertion, or `SystemExit` of a parser, where it cannot work."""
    match words:
        case ["make", target, *given] if all("=" in word for word in given):
            done = subprocess.run(["make", "-n", target, *given], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        case ["make", "-n", *_]:
            pytest.fail("a dry run in the documents")
        case [".ci/run"]:
            assert (ROOT / ".ci" / "run").is_file()
        case ["snakemake", *rest]:
            check_snakemake(rest, workflow)
        case ["marginmix", command, *rest] | ["python", "-m", "marginmix", command, *rest]:
            check_marginmix([command, *rest], workflow)
        case _:
            pytest.fail(f"neither run nor checked: {shlex.join(words)}; run it here, or list it with a reason")


def check_snakemake(words: list[str], workflow: Path) -> None:
    from snakemake.cli import get_argument_parser

    parser = get_argument_parser()
    assert {word for word in words if word.startswith("--") and len(word) > 2} <= parser._option_string_actions.keys()
    options = parser.parse_args(words)
    rules = {
        name for path in (workflow / "rules").glob("*.smk") for name in re.findall(r"rule (\w+):", path.read_text())
    }
    rules |= set(re.findall(r"rule (\w+):", (ROOT / "workflow" / "Snakefile").read_text()))
    assert set(options.targets or ()) <= rules
    assert all((ROOT / place / "profile.yaml").is_file() for place in options.profile or ())
    given = dict(pair.split("=", 1) for pair in options.config or ())
    experiment_of(workflow, given.get("experiment", "paper"), tuple(given.items()))


def check_marginmix(words: list[str], workflow: Path) -> None:
    if words[0] in FAST:
        try:
            assert main(words) == 0
        except SystemExit as done:  # --version
            assert not done.code
        return
    options = _parser().parse_args(words)
    if words[0] == "spec":
        key = RunKey(options.experiment, options.dataset, options.labels, options.method, options.seed)
        assert key in Plan(experiment_of(workflow, options.experiment)).runs
    if words[0] in ("prepare", "audit"):
        assert options.dataset in datasets.ROWS


@cache
def experiment_of(workflow: Path, name: str, given: tuple[tuple[str, str], ...] = ()):
    return load(workflow, name, dict(given))


@pytest.mark.parametrize("block", blocks("python"), ids=named)
def test_a_python_block(block, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    names = dict(vars(import_module(GIVEN[block.first]))) if block.first in GIVEN else {"__name__": "block"}
    exec(compile(block.text, block.page, "exec"), names)


def test_the_reading_example_prints_the_numbers_below_it(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    page = (ROOT / "results" / "published" / "README.md").read_text(encoding="utf-8")
    [block] = blocks_of(page)
    exec(block.text, {})
    printed = {words[0]: words[1:] for line in capsys.readouterr().out.splitlines() if len(words := line.split()) == 4}
    told = re.search(r"It prints MarginMix (\S+) ± (\S+) and MixMatch (\S+) ± (\S+) over six seeds", page)
    assert [*printed["marginmix"][:2], *printed["mixmatch"][:2]] == list(told.groups())
    assert printed["marginmix"][2] == printed["mixmatch"][2] == "6"


def test_the_readme_shows_mixmatch_as_it_is():
    [block] = [block for block in blocks("python") if block.page == "README.md"]
    names = vars(import_module("baselines.mixmatch"))
    statement = inspect.getsource(names["MixMatch"].self_label).strip().splitlines()[-1].strip()
    assert statement == block.text.strip().splitlines()[-1].strip()


@pytest.mark.parametrize("block", blocks("yaml"), ids=named)
def test_a_yaml_block_is_an_experiment_or_a_part_of_one(block, tmp_path, monkeypatch):
    write_modules(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    config = merged(yaml.safe_load(MINE.text), yaml.safe_load(block.text))
    try:
        check(config, read_yaml(ROOT / "workflow" / "schemas" / "config.schema.yaml"), block.page)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
            del sys.modules[name]


def test_folders_of_images_give_the_split_that_the_page_describes(tmp_path):
    """100 images in `train`: a tenth of each class is held out, and 90 labels are the most."""
    from PIL import Image

    for part, count in (("train", 50), ("test", 5)):
        for shade, name in enumerate(("ja", "nein")):
            (tmp_path / "mine" / part / name).mkdir(parents=True)
            for n in range(count):
                colour = (100 * shade + n, 7 * n % 256, part == "test")
                Image.new("RGB", (40, 32), colour).save(tmp_path / "mine" / part / name / f"{n}.png")
    row = datasets.get("mine", family="folder")
    prepared = datasets.prepare("mine", None, tmp_path, tmp_path / "cache", True, **row.changed)
    split = make_split(prepared, prepared.row, 90, 0)
    assert [len(split.labelled), len(split.validation), len(split.unlabelled), len(split.test)] == [90, 10, 0, 10]
    with pytest.raises(Exception, match="found 90 beside 10 for validation"):
        make_split(prepared, prepared.row, 91, 0)


def test_the_costs_are_those_of_the_published_runs():
    page = costs.PAGE.read_text(encoding="utf-8")
    assert costs.with_costs(page, pd.read_csv(costs.RUNS)) == page, "run `python tools/costs.py`"


def test_costs_by_hand():
    line = {"experiment": "some", "steps": 1500, "wall_seconds": 1800.0, "device": "cpu", "name": "Cheap", "threads": 2}
    runs = pd.DataFrame([line, {**line, "steps": 90}, {**line, "device": "cuda", "name": "Dear", "wall_seconds": 7200}])
    assert costs.table(runs).splitlines()[2:] == [
        "| `some` | 2 | 90 or 1,500 | 1.0 | 2 threads of Cheap |",
        "| `some` | 1 | 1,500 | 2.0 | Dear |",
        "| all | 3 | | 3.0 | |",
    ]


def test_the_table_of_open_choices_has_every_setting_with_its_default():
    page = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2:4] for line in page[page.index("| choice |") :].splitlines()[2:] if line.startswith("|")]
    told = {}
    for names, defaults in rows:
        told |= zip(re.findall(r"`(\w+)`", names), re.split(r"[:,]", defaults), strict=False)
    settings = fields_of(MarginMix.Settings)
    assert settings.keys() - fields_of(Method.Settings).keys() <= told.keys() <= settings.keys()
    for name, text in told.items():
        word, default = text.split()[0].strip("`"), settings[name].default
        assert default == type(default)(yaml.safe_load(word.replace("1e-6", "1.0e-6"))), name


def test_the_counts_of_images_are_the_registrys():
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    table = page[page.index("| dataset | classes |") :].splitlines()[2:11]
    told = {cells[0]: cells[1:7] for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in table)}
    for row in datasets.ROWS.values():
        for layout, counts in (row.counts or {}).items():
            title = {"csv": "FER+, CSV files", "folders": "FER+, folders"}.get(layout, row.title)
            numbers = [
                f"{counts[part]:,}" if part in counts else "" for part in ("train", "valid", "test", "unlabelled")
            ]
            assert told[title] == [str(len(row.classes)), "×".join(map(str, row.shape)), *numbers], title


def test_every_error_that_the_page_lists_is_one_of_the_program():
    """The first column of the tables of docs/troubleshooting.md; … stands for what differs."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    told = [
        cell
        for line in page.splitlines()
        if line.startswith("| ")
        for cell in re.findall(r"`([^`]+)`", line[: line.index(" | ", 2)])
    ]
    texts = [text for folder in ("marginmix", "workflow/scripts") for path in (ROOT / folder).rglob("*.py")
             for text in messages(path.read_text(encoding="utf-8"))]  # fmt: skip
    assert len(told) > 30
    for phrase in told:
        pattern = ".*".join(map(re.escape, phrase.replace("'…'", "…").split("…")))
        assert any(re.search(pattern, text, re.DOTALL) for text in texts), f"no error has {phrase!r}"


def messages(code: str) -> list[str]:
    """The texts of a module, with … for what is filled in."""
    texts = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            texts.append("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
    return texts
