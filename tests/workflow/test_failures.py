"""What fails costs the others nothing, and no tracked file."""

import json
import time
from pathlib import Path

import pytest
from copies import Copy, write_images

TINY = ("--config", "experiment=tiny")
FIGURES = ("learning_curves", "label_quality", "confusion", "embeddings_digits")
# Settings in braces must survive the way to the call that draws what is there, which must not refuse a failed run as a
# lack.
LONGER = (*TINY, "recipe={steps: 20}", "missing=fail")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    copy = Copy.make(tmp_path_factory.mktemp("finished")).without_pictures()
    done = copy.snakemake(*TINY, "--", "results/tiny/tables.md")
    assert done.returncode == 0, done.stdout
    return copy


@pytest.fixture
def copy(finished, tmp_path):
    return finished.duplicate(tmp_path / "copy")


def left_out(copy: Copy) -> str:
    return (copy.folder / "results" / "left-out.md").read_text()


def test_a_training_that_fails_costs_the_others_nothing_and_is_tried_again(copy):
    done = copy.snakemake(*LONGER, FAKE_FAILURE="/mixmatch/")
    assert done.returncode == 1 and "/mixmatch/0/" not in "".join(copy.trained()[3:]), done.stdout
    assert any("/marginmix/" in name for name in copy.trained()[3:])
    assert "left out: 1 runs (digits/20/mixmatch/0): not finished: it failed" in left_out(copy)
    text = (copy.folder / "results/tiny/tables.md").read_text()
    assert "1 of 2 are done; 1 are not run (results/left-out.md says why)" in text
    assert all((copy.folder / f"figures/tiny/{name}.png").exists() for name in FIGURES)
    before = len(copy.trained())
    done = copy.snakemake(*LONGER, "--", "results/tiny/tables.md", "results/left-out.md")
    assert done.returncode == 0 and "nothing" in left_out(copy), done.stdout
    assert len(copy.trained()) == before + 1 and "/mixmatch/" in copy.trained()[-1]
    assert "2 of 2 are done." in (copy.folder / "results/tiny/tables.md").read_text()


@pytest.mark.slow
def test_figures_are_drawn_without_a_training_that_fails(tmp_path):
    copy = Copy.make(tmp_path / "copy")
    done = copy.snakemake(*TINY, FAKE_FAILURE="/mixmatch/")
    assert done.returncode == 1 and len(copy.trained()) == 2, done.stdout
    for name in FIGURES:
        assert (copy.folder / f"figures/tiny/{name}.png").stat().st_size > 5_000


@pytest.mark.slow
def test_a_rebuild_that_fails_keeps_what_was_there(copy):
    before = {path: path.read_bytes() for path in copy.folder.glob("results/runs/**/*") if path.is_file()}
    done = copy.snakemake(*TINY, "rebuild=true", "--", "results/tiny/tables.md", FAKE_FAILURE="digits")
    assert done.returncode == 1 and len(copy.trained()) == 3, done.stdout
    assert len(copy.calls("train")) == 6
    assert {path: path.read_bytes() for path in before} == before
    assert "train" not in copy.planned(*TINY)


@pytest.mark.slow
def test_images_that_cannot_be_decoded_cost_the_other_datasets_nothing(tmp_path):
    copy = Copy.make(tmp_path / "copy").without_pictures()
    write_images(copy.folder / "mine").write_bytes(b"no image")
    done = copy.snakemake(*TINY, "datasets={mine: {labels: [4], family: folder, root: mine}}")
    assert done.returncode == 1 and "mine/train/dark/0.png" in done.stdout, done.stdout
    assert len(copy.trained()) == 3 and all(name.startswith("digits/") for name in copy.trained())
    text = (copy.folder / "results/tiny/tables.md").read_text()
    assert "2 of 4 are done" in text and (copy.folder / "figures/tiny/confusion.png").exists()
    assert "2 runs (mine/4/mixmatch/0, mine/4/marginmix/0): not finished" in left_out(copy)


@pytest.mark.slow
def test_a_toy_that_fails_is_an_error(copy):
    done = copy.snakemake(*TINY, "toy={draws: 2}", "--", "figures/tiny/toy.png", FAKE_FAILURE="all")
    assert done.returncode == 1 and copy.calls("toy")
    assert not (copy.folder / "figures/tiny/toy.png").exists()


@pytest.mark.slow
def test_a_twin_is_kept_apart_by_snakemakes_lock(tmp_path):
    copy = Copy.make(tmp_path / "copy")
    go = tmp_path / "go"
    first = copy.start(*TINY, "--", "results/tiny/tables.md", FAKE_WAIT=str(go))
    try:
        while not copy.calls("train"):
            assert first.poll() is None
            time.sleep(0.1)
        second = copy.snakemake(*TINY)
        assert second.returncode == 1 and "Directory cannot be locked" in second.stdout
    finally:
        go.touch()
        assert first.wait(300) == 0
    assert len(copy.trained()) == 3


def test_a_record_that_is_no_json_is_told_and_left_out(copy):
    (path,) = copy.results("tiny", "mixmatch")
    Path(path).write_text("{")
    done = copy.snakemake(*TINY, "only=finished", "--", "results/tiny/tables.md")
    assert done.returncode == 0 and f"{path.relative_to(copy.folder)} is not valid JSON" in done.stdout
    assert json.loads(copy.results("tiny", "marginmix")[0].read_text())["accuracy"] == 61
    assert "1 of 2 are done" in (copy.folder / "results/tiny/tables.md").read_text()
