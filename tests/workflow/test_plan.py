"""What is planned, and what is refused, before anything runs."""

import json
import sys
from subprocess import CompletedProcess

import pytest
from copies import NO_TORCH, Copy, jobs_in

from marginmix.errors import UserError
from marginmix.runs.config import load, method_classes
from marginmix.runs.methods import tell
from tests.runs.experiment import WORKFLOW
from tests.toy_training import METHODS

TINY = ("--config", "experiment=tiny")
REMOTE = ("--configfile", "workflow/profiles/slurm/gpus.yaml")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Nothing has run here yet."""
    return Copy.make(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """The experiment's data are decoded, so its runs are known."""
    copy = Copy.make(tmp_path_factory.mktemp("decoded"))
    done = copy.snakemake(*TINY, "--until", "prepare")
    assert done.returncode == 0 and copy.calls("prepare"), done.stdout
    return copy


def everything_in(copy: Copy) -> set[str]:
    found = (path.relative_to(copy.folder) for path in copy.folder.rglob("*"))
    return {path.as_posix() for path in found if not {".snakemake", "__pycache__"} & set(path.parts)}


def told_by(done: CompletedProcess) -> list[str]:
    return [text for text in done.stdout.splitlines() if not text.startswith("Using workflow specific profile")]


def test_the_papers_grid_without_the_data_that_nobody_may_download(copy):
    before = everything_in(copy)
    done = copy.snakemake("--dry-run", *REMOTE, "--resources", "gpu=2")
    assert done.returncode == 0, done.stdout
    # CIFAR-10, CIFAR-100, SVHN, STL-10: 8 entries x 2 methods x 5 seeds, and CIFAR-10's plane
    assert "experiment paper: 162 runs, 0 finished here, 0 published, 81 to train, 81 left out" in done.stdout
    assert "left out: 41 runs (ferplus): " in done.stdout and "left out: 40 runs (rafdb): " in done.stdout
    assert jobs_in(done.stdout)["prepare"] == 4
    assert everything_in(copy) == before, "a dry run leaves nothing"


def test_the_papers_grid_with_all_data(copy):
    (copy.folder / "all" / "ferplus" / "FER2013Train").mkdir(parents=True)
    (copy.folder / "all" / "rafdb" / "EmoLabel").mkdir(parents=True)
    (copy.folder / "all" / "rafdb" / "EmoLabel" / "list_patition_label.txt").touch()
    done = copy.snakemake("--dry-run", *REMOTE, "--config", "data_root=all", "missing=fail")
    assert "162 to train, 0 left out" in done.stdout and jobs_in(done.stdout)["prepare"] == 6
    roots = ["datasets={ferplus: {root: all/ferplus}}", "data_root=elsewhere"]
    done = copy.snakemake("--dry-run", *REMOTE, "--config", *roots)  # a dataset's root is one key
    assert "122 to train, 40 left out" in done.stdout and jobs_in(done.stdout)["prepare"] == 5


def test_a_clusters_profile_needs_no_gpu_where_it_plans(decoded):
    """The executor itself is of a package that is not installed here."""
    profile = ("--profile", "workflow/profiles/slurm", "--executor", "local", "--quiet", "host")
    done = decoded.snakemake("--dry-run", *profile, *TINY, "device=cuda")
    assert done.returncode == 0 and jobs_in(done.stdout)["train"] == 3, done.stdout
    assert done.stdout.count("gpu=1") == 3  # one GPU each
    done = decoded.snakemake("--dry-run", *TINY, "device=cuda")
    assert "left out: 3 runs (digits): experiment tiny needs" in done.stdout and "train" not in jobs_in(done.stdout)


def test_an_experiment_is_one_complete_file(decoded):
    done = decoded.snakemake("--dry-run", *TINY, "seeds=[0, 1]", "datasets={digits: {labels: [20, 50]}}")
    jobs = jobs_in(done.stdout)
    assert jobs["train"] == 9 and "prepare" not in jobs  # 2 label counts x 2 methods x 2 seeds, and the plane
    assert decoded.planned("--configfile", "workflow/config/tiny.yaml")["train"] == 3  # the same as by its name


@pytest.mark.slow
def test_a_contact_sheet_is_drawn_where_a_run_keeps_one(decoded):
    assert decoded.planned(*TINY, "recipe={samples: 2}")["figure_samples_digits"] == 1
    assert "figure_samples_digits" not in decoded.planned(*TINY)


@pytest.mark.slow
def test_toy_and_diagnosis_are_asked_for_by_an_experiment(decoded):
    jobs = decoded.planned(*TINY, "toy={draws: 2}", "recipe={diagnosed: 64}")
    assert jobs["toy"] == jobs["figure_toy"] == jobs["figure_why"] == 1
    assert not {"toy", "figure_toy", "figure_why"} & set(decoded.planned(*TINY))


def test_missing_data_are_refused_in_one_line_and_nothing_is_written(copy):
    before = everything_in(copy)
    done = copy.snakemake("--config", "missing=fail", "gpus=remote")
    assert done.returncode == 1 and len(told := told_by(done)) == 1, done.stdout
    absent = "ferplus: expected FER2013Train or fer2013new.csv in one of: "
    assert told[0].startswith(f"error: 81 of 162 runs cannot be made here (missing: fail): {absent}")
    assert everything_in(copy) == before


REFUSED = [
    ({"experiment": "qick"}, "no experiment 'qick' in workflow/config; did you mean 'quick'?"),
    ({"experiment": "tiny", "sedes": [1]}, "workflow/config/tiny.yaml: unknown key 'sedes'; did you mean 'seeds'?"),
    ({"seeds": "many"}, "workflow/config/paper.yaml: seeds: must be a list of different whole numbers from 0 on, "),
    ({"budget": "quick"}, "--config: the key 'budget' is now called 'experiment'; write experiment: quick"),
    ({"missing_data": "fail"}, "--config: the key 'missing_data' is now called 'missing'; write missing: fail"),
    ({"methods": {"mixmatch": {"method": "a.b:C"}}}, "--config: methods.mixmatch.method is now called method_class"),
]


@pytest.mark.parametrize("given, line", REFUSED)
def test_bad_configs_are_refused(copy, given, line, monkeypatch):
    monkeypatch.chdir(copy.folder)
    with pytest.raises(UserError) as refused:
        load("workflow", given.get("experiment", "paper"), given)
    assert str(refused.value).startswith(line)


SLOW = [pytest.param(*REFUSED[i], marks=pytest.mark.slow) for i in (0, 2, 3, 4, 5)]


@pytest.mark.parametrize("given, line", [REFUSED[1], *SLOW])
def test_bad_configs_are_refused_by_snakemake_in_one_line_and_nothing_is_written(copy, given, line):
    before = everything_in(copy)
    done = copy.snakemake("--config", *(f"{name}={json.dumps(value)}" for name, value in given.items()))
    assert done.returncode == 1 and len(told := told_by(done)) == 1 and told[0].startswith(f"error: {line}"), (
        done.stdout
    )
    assert everything_in(copy) == before


def test_a_broken_report_of_the_data_is_told_in_one_line(decoded, tmp_path):
    copy = decoded.duplicate(tmp_path / "copy")
    (report,) = copy.folder.glob(".cache/prepared/*.json")
    report.write_text('{"data_hash"')
    done = copy.snakemake("--dry-run", *TINY)
    assert done.returncode == 1 and len(told := told_by(done)) == 1 and "is not valid JSON" in told[0], done.stdout


def test_without_torch_the_same_is_known_of_every_method(copy):
    """What stands in for it in these tests hides nothing from planning."""
    config = load(WORKFLOW, "paper")
    paths = sorted({*METHODS.values(), *method_classes(config)})
    code = "import json, sys; from marginmix.runs.methods import tell; print(json.dumps(tell(sys.argv[1:])))"
    done = copy.run(sys.executable, "-c", f"import torch; assert {NO_TORCH!r} in torch.__file__; {code}", *paths)
    assert done.returncode == 0 and json.loads(done.stdout) == json.loads(json.dumps(tell(paths))), done.stdout


def test_the_traceback_is_shown_when_asked_for(copy):
    done = copy.snakemake("--dry-run", "--config", "experiment=qick", MARGINMIX_DEBUG="1")
    assert done.returncode == 1 and 'marginmix/runs/config.py", line' in done.stdout
