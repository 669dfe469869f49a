"""The headline command on a machine with nothing: no GPU, no data, no network. It draws what is published."""

import os
import shutil
from pathlib import Path

import pytest
from copies import Copy, jobs_in

LONG_AGO = 1_000_000_000
HALF_WRITTEN = """if "snakemake" in globals():
    for path in snakemake.output:
        with open(path, "w") as file:
            file.write("half of it")
    raise SystemExit("asked to fail")
"""


def pages_of(copy: Copy) -> list[Path]:
    """All that the workflow draws and git keeps."""
    patterns = ("results/tables.md", "results/tables.csv", "results/studies/*", "figures/*.png")
    return [path for pattern in patterns for path in copy.folder.glob(pattern)]


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A clone in which nothing has run, its pages so old that all are drawn anew."""
    copy = Copy.with_evidence(tmp_path_factory.mktemp("bare"))
    copy.commit()
    for path in pages_of(copy):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return copy


@pytest.fixture(scope="module")
def headline(bare, tmp_path_factory):
    """A clone in which it has run once."""
    copy = bare.duplicate(tmp_path_factory.mktemp("headline") / "copy")
    copy.needs_torch = True
    done = copy.snakemake()
    (copy.folder / "logs" / "output").write_text(done.stdout)
    assert done.returncode == 0, done.stdout
    return copy


def test_all_that_git_keeps_is_planned_and_nothing_is_decoded_downloaded_or_trained(bare):
    jobs = bare.planned("--resources", "gpu=2")
    pages = {path.with_suffix("") for path in pages_of(bare)}
    assert sum(jobs.values()) - 2 == len(pages), "each job but `all` and `left_out` makes one page"
    assert not {"prepare", "train", "toy"} & set(jobs) and bare.calls("") == []


def test_some_tracked_pages_are_byte_for_byte_what_was_committed(bare, tmp_path):
    copy = bare.duplicate(tmp_path / "copy")
    some = ["results/tables.md", "results/studies/study.md", "figures/embeddings_ferplus.png", "figures/toy.png"]
    done = copy.snakemake("--", *some, "results/left-out.md")
    assert done.returncode == 0, done.stdout
    assert copy.git("status", "--porcelain") == ""
    assert all((copy.folder / name).stat().st_mtime > LONG_AGO for name in some)
    told_what_is_left_out(copy)


@pytest.mark.slow
def test_every_tracked_file_is_byte_for_byte_what_was_committed(headline):
    assert headline.git("status", "--porcelain") == ""
    assert len(pages_of(headline)) > 20 and all(path.stat().st_mtime > LONG_AGO for path in pages_of(headline))
    told_what_is_left_out(headline)


def told_what_is_left_out(copy: Copy) -> None:
    """With its reason and the way to mend it."""
    text = (copy.folder / "results" / "left-out.md").read_text()
    assert "left out: 81 runs (cifar10, cifar100, svhn, stl10): experiment paper needs a GPU " in text
    assert "left out: 41 runs (ferplus): ferplus: expected FER2013Train or fer2013new.csv in one of: data/" in text
    assert "left out: 40 runs (rafdb): rafdb: expected EmoLabel/list_patition_label.txt in one of: data/" in text


def test_data_without_a_gpu_are_left_out_with_the_experiment_to_try_instead(bare, tmp_path):
    copy = bare.duplicate(tmp_path / "copy")
    (copy.folder / "data" / "ferplus" / "FER2013Train").mkdir(parents=True)
    done = copy.snakemake("--dry-run")
    assert done.returncode == 0, done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("left out:") and "ferplus" in line)
    assert "122 runs (cifar10, cifar100, svhn, stl10, ferplus)" in line and "--config experiment=quick" in line


@pytest.mark.slow
def test_a_second_call_has_nothing_to_do(headline):
    assert headline.planned() == {}


@pytest.mark.slow
def test_a_folder_that_lost_a_page_gets_it_again(headline):
    lost = ["results/tables.md", "figures/toy.png"]
    for name in lost:
        (headline.folder / name).unlink()
    assert set(headline.planned()) == {"published_tables", "figure_toy", "all"}
    assert headline.snakemake().returncode == 0
    assert headline.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_no_rule_that_fails_harms_a_tracked_file_and_each_is_tried_again(headline, tmp_path):
    """Each script leaves half a file and dies. (What shell commands make is not tracked.)"""
    copy = headline.duplicate(tmp_path / "copy")
    scripts = copy.folder / "workflow" / "scripts"
    shutil.copytree(scripts, tmp_path / "scripts")
    for script in scripts.glob("*.py"):
        script.write_text(HALF_WRITTEN + script.read_text())
    done = copy.snakemake()
    assert done.returncode == 1, done.stdout
    assert copy.git("status", "--porcelain", "results", "figures") == ""
    shutil.copytree(tmp_path / "scripts", scripts, dirs_exist_ok=True)  # with the dates that they had
    drawn = jobs_in((headline.folder / "logs" / "output").read_text())
    del drawn["left_out"]
    assert copy.planned() == drawn, "all is stale, though Snakemake dated it anew"


@pytest.mark.slow
def test_snakemakes_report_holds_the_pages(headline, tmp_path):
    done = headline.snakemake("--report", str(tmp_path / "report.zip"))
    assert done.returncode == 0, done.stdout
    for name in ("tables.html", "toy.png", "study.png"):
        assert f"Adding {name} (" in done.stdout
