"""A published run counts as finished, with or without its data; a local one takes its place on the page."""

import shutil
import sys

import pytest
from copies import TINY, Copy, jobs_in, write_images

OURS = ("--config", "experiment=ours")
TABLES = "results/ours/tables.md"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """All runs are published, none is here any more, and Snakemake remembers nothing."""
    copy = Copy.make(tmp_path_factory.mktemp("published"))
    mine = "datasets:\n  mine: {labels: [4], family: folder, root: mine}"
    copy.add_experiment("ours", TINY.replace("datasets:", mine, 1))
    write_images(copy.folder / "mine")
    done = copy.snakemake(*OURS, "--", "trainings")
    assert done.returncode == 0, done.stdout
    done = copy.run(sys.executable, "-m", "marginmix", "publish", "ours")
    assert done.returncode == 0 and "5 runs published" in done.stdout, done.stdout
    for name in ("results/runs", ".snakemake"):
        shutil.rmtree(copy.folder / name)
    return copy


@pytest.fixture
def copy(published, tmp_path):
    return published.duplicate(tmp_path / "copy")


def test_published_runs_are_not_trained_again_and_are_shown(copy):
    done = copy.snakemake(*OURS, "--", TABLES, "figures/ours/embeddings_digits.png")
    assert done.returncode == 0 and len(copy.calls("train")) == 5, done.stdout
    assert len(copy.calls("prepare")) == 3, "the images of `mine` lie elsewhere than when they were decoded"
    text = (copy.folder / TABLES).read_text()
    assert "4 of 4 are done." in text and "60.0" in text and "61.0" in text
    assert (copy.folder / "figures/ours/embeddings_digits.png").stat().st_size > 20_000  # the plane, not words


@pytest.mark.slow
def test_data_that_are_not_here_say_nothing_against_them_and_other_data_do(copy):
    shutil.rmtree(copy.folder / ".cache")
    image = copy.folder / "mine" / "train" / "dark" / "0.png"
    image.write_bytes((copy.folder / "mine" / "train" / "dark" / "1.png").read_bytes())
    done = copy.snakemake(*OURS, "--", "trainings")
    assert done.returncode == 0 and len(copy.calls("prepare")) == 4, done.stdout
    assert len(copy.calls("train")) == 7 and all(name.startswith("mine/") for name in copy.trained()[5:]), "other data"
    for name in ("mine", "results/runs"):
        shutil.rmtree(copy.folder / name)
    done = copy.snakemake("--dry-run", *OURS)
    assert "0 finished here, 5 published, 0 to train" in done.stdout
    assert not {"prepare", "train"} & set(jobs_in(done.stdout))


def test_another_setting_is_another_run_than_the_published_one(copy):
    done = copy.snakemake("--dry-run", *OURS, "recipe={steps: 20}")
    assert "0 finished here, 1 published, 4 to train" in done.stdout, "the plane has settings of its own"


@pytest.mark.slow
def test_a_run_that_is_made_here_takes_the_place_of_the_published_one(copy):
    before = {path: path.read_bytes() for path in copy.folder.glob("results/published/**/*") if path.is_file()}
    done = copy.snakemake(*OURS, "rebuild=true", "--", TABLES, FAKE_BONUS="5")
    assert done.returncode == 0 and len(copy.trained()) == 10, done.stdout
    text = (copy.folder / TABLES).read_text()
    assert "65.0" in text and "66.0" in text and "60.0" not in text
    assert {path: path.read_bytes() for path in before} == before
    done = copy.snakemake(*OURS, "--", TABLES)
    assert done.returncode == 0 and "5 finished here, 0 published, 0 to train" in done.stdout, done.stdout
    assert len(copy.calls("train")) == 10 and "65.0" in (copy.folder / TABLES).read_text()


def test_a_rebuild_leaves_alone_what_is_published_and_has_no_data_here(copy):
    shutil.rmtree(copy.folder / "mine")
    done = copy.snakemake("--dry-run", *OURS, "rebuild=true")
    assert done.returncode == 0 and jobs_in(done.stdout)["train"] == 3, done.stdout
