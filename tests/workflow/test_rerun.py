"""When a run is trained, and when it is not: once, and anew only where what decides its bits has changed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from copies import Copy, jobs_in, write_images
from PIL import Image

TINY = ("--config", "experiment=tiny")
TABLES = "results/tiny/tables.md"
OTHER_RECIPE = "methods={mixmatch: {recipe: {temperature: 0.7}}}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    copy = Copy.make(tmp_path_factory.mktemp("finished")).without_pictures()
    done = copy.snakemake(*TINY)
    assert done.returncode == 0, done.stdout
    (copy.folder / "output").write_text(done.stdout)
    return copy


@pytest.fixture
def copy(finished, tmp_path):
    return finished.duplicate(tmp_path / "copy")


def result(copy: Copy, method: str) -> Path:
    (found,) = copy.results("tiny", method)
    return found


def test_everything_is_made_and_progress_is_seen(finished):
    assert len(finished.trained()) == 3 and len(finished.calls("prepare")) == 1
    figures = ("embeddings_digits", "learning_curves", "label_quality", "confusion")
    tables = ("tables.csv", "tables.md", "tables.html")
    for path in [*(f"results/tiny/{table}" for table in tables), *(f"figures/tiny/{name}.png" for name in figures)]:
        assert (finished.folder / path).stat().st_size > 0
    assert not list(finished.folder.glob("figures/*.png")) and not (finished.folder / "results/tables.md").exists()
    name = next(name for name in finished.trained() if "mixmatch" in name)
    output = (finished.folder / "output").read_text()
    assert f"{name}: step 1 of 10" in output
    assert f"{name}: step 1 of 10" in (finished.folder / f"logs/train/tiny/{name}.log").read_text()


def test_a_second_call_has_nothing_to_do_with_or_without_what_snakemake_remembers(copy):
    assert copy.planned(*TINY) == {}
    assert copy.planned(*TINY, MARGINMIX_COMMAND="another-interpreter -m marginmix") == {}
    shutil.rmtree(copy.folder / ".snakemake")
    assert copy.planned(*TINY) == {}


def test_a_finished_run_that_is_called_for_returns_at_once(copy):
    done = copy.snakemake(*TINY, "--forcerun", "train", "--", "trainings")
    assert done.returncode == 0 and "mixmatch: already finished, 60.00 %" in done.stdout, done.stdout
    assert len(copy.calls("train")) == 6 and len(copy.trained()) == 3
    assert "train" not in copy.planned(*TINY)


def test_touched_files_and_cosmetic_edits_rerun_nothing(copy):
    for pattern in ("results/**/*", "workflow/**/*", ".cache/prepared/*"):
        for path in copy.folder.glob(pattern):
            path.touch()
    rules = copy.folder / "workflow/rules/train.smk"
    rules.write_text(rules.read_text().replace(" | tee", "  | tee") + "# a comment\n")
    assert copy.planned(*TINY) == {}


def test_a_lost_cache_is_decoded_again_and_nothing_is_trained(copy):
    shutil.rmtree(copy.folder / ".cache")
    shutil.rmtree(copy.folder / ".snakemake")
    done = copy.snakemake(*TINY)
    assert done.returncode == 0, done.stdout
    assert len(copy.calls("prepare")) == 2 and len(copy.calls("train")) == 3


def test_another_setting_trains_what_it_changes_and_nothing_else(copy):
    before = result(copy, "mixmatch")
    kept = before.read_bytes()
    done = copy.snakemake(*TINY, OTHER_RECIPE, "--", "trainings")
    assert done.returncode == 0, done.stdout
    assert len(copy.trained()) == len(copy.calls("train")) == 4 and "/mixmatch/" in copy.trained()[-1]
    (other,) = set(copy.results("tiny", "mixmatch")) - {before}
    assert json.loads(other.read_text())["spec"]["bits"]["settings"]["temperature"] == 0.7
    assert before.read_bytes() == kept
    assert "train" not in copy.planned(*TINY)  # and back


def test_more_observation_and_another_machine_train_nothing(copy):
    more = "recipe={samples: 4, diagnosed: 64, evaluations: 10}"
    snapshots = "embeddings={recipe: {snapshots: [0.25, 0.5, 1.0]}}"
    done = copy.snakemake(*TINY, more, snapshots, "threads=2", "device=auto", "exact=false", "--", TABLES)
    assert done.returncode == 0, done.stdout
    assert len(copy.trained()) == 3 and len(copy.calls("train")) == 3
    text = (copy.folder / "results/tiny/tables.md").read_text()
    for name, count in {"samples": 2, "diagnosed": 2, "evaluations": 2}.items():
        line = f"{count} finished runs kept fewer {name} than the experiment asks for, or none; train them again with"
        assert line in text


def test_a_rebuild_trains_all_anew_once_and_keeps_what_is_asked_for_now(copy):
    anew = (*TINY, "recipe={samples: 4}", "threads=2")
    assert copy.planned(*anew)["figure_samples_digits"] == 1
    done = copy.snakemake(*anew, "rebuild=true", "--", "trainings")
    assert done.returncode == 0, done.stdout
    assert len(copy.trained()) == 6 and sorted(copy.trained()[3:]) == sorted(copy.trained()[:3])
    spec = json.loads(result(copy, "mixmatch").read_text())["spec"]
    assert spec["observation"]["samples"] == 4 and spec["machine"]["threads"] == 2
    assert "train" not in copy.planned(*anew)
    assert {path.name for path in (copy.folder / "results").iterdir()} == {"left-out.md", "runs", "tiny"}


@pytest.mark.slow
def test_an_unfinished_run_is_trained_as_it_is_asked_for_now(copy):
    """Not as it was asked for when it failed: that may be why it did."""
    changed = (*TINY, OTHER_RECIPE, "--", "trainings")
    assert copy.snakemake(*changed, FAKE_FAILURE="mixmatch").returncode == 1
    assert copy.snakemake(*TINY, OTHER_RECIPE, "threads=2", "--", "trainings").returncode == 0
    found = [json.loads(path.read_text())["spec"] for path in copy.results("tiny", "mixmatch")]
    assert sorted(spec["machine"]["threads"] for spec in found) == [1, 2]


MINE = (*TINY, "datasets={mine: {labels: [4], family: folder, root: mine}}")


def trained_after_a_call(copy: Copy) -> int:
    assert copy.snakemake(*MINE, "--", "trainings").returncode == 0
    assert len(copy.calls("train")) == len(copy.trained()), "what is finished is not even called"
    return len(copy.trained())


@pytest.mark.slow
def test_other_images_are_other_runs_and_the_first_ones_are_kept(copy):
    image = write_images(copy.folder / "mine")
    assert trained_after_a_call(copy) == 5
    first = image.read_bytes()
    Image.fromarray(np.full((8, 8), 100, np.uint8)).save(image)
    assert trained_after_a_call(copy) == 7 and len(copy.results("tiny", "mixmatch")) == 3
    image.write_bytes(first)
    assert trained_after_a_call(copy) == 7, "trained before"
    shutil.rmtree(copy.folder / "mine")
    done = copy.snakemake(*MINE, "--dry-run")
    jobs = jobs_in(done.stdout)
    assert "5 finished here" in done.stdout and not {"prepare", "train"} & set(jobs), "known without their images too"


@pytest.mark.slow
def test_tables_wait_for_the_runs_of_the_images_that_are_here_now(copy):
    image = write_images(copy.folder / "mine")
    assert copy.snakemake(*MINE, "--", TABLES).returncode == 0
    assert copy.planned(*MINE, "--", TABLES) == {}
    Image.fromarray(np.full((8, 8), 100, np.uint8)).save(image)
    assert copy.snakemake(*MINE, "--until", "prepare").returncode == 0
    assert copy.planned(*MINE, "--", TABLES) == {"train": 2, "tables": 1}, "no table of the first images"


@pytest.mark.slow
def test_experiments_do_not_touch_each_other_and_a_failed_check_fails_the_call(copy):
    text = (copy.folder / "workflow/config/tiny.yaml").read_text().replace("seeds: [0]", "seeds: [1]")
    rule = "checks: {must_beat: {baseline: mixmatch, methods: [marginmix], margin: 50}}"
    copy.add_experiment("other", text.replace("experiment: tiny", "experiment: other") + rule)
    before = {path: path.read_bytes() for path in copy.folder.glob("results/**/*") if path.is_file()}
    done = copy.snakemake("--config", "experiment=other", "--", "results/other/checks.md")
    assert done.returncode == 1 and "1 of 1 checks of experiment other failed" in done.stdout
    assert "+1.0 points, at least +50.0 needed (n = 1)" in done.stdout
    assert (copy.folder / "results/other/tables.md").exists()
    assert {path: path.read_bytes() for path in before} == before
    assert "train" not in copy.planned("--config", "experiment=other") and "train" not in copy.planned(*TINY)


def test_a_result_that_was_changed_is_left_out_and_named(copy):
    path = result(copy, "mixmatch")
    path.write_text(path.read_text().replace('"accuracy": 60.0', '"accuracy": 90.0'))
    done = copy.snakemake(*TINY, "only=finished", "--", TABLES)
    assert done.returncode == 0, done.stdout
    assert f"warning: left out: {path.relative_to(copy.folder)}: " in done.stdout
    text = (copy.folder / "results/tiny/tables.md").read_text()
    assert "1 of 2 are done" in text and str(path.relative_to(copy.folder)) in text


def test_what_is_finished_makes_tables_beside_a_call_that_trains(copy):
    shutil.rmtree(result(copy, "marginmix").parent)
    done = copy.snakemake(*TINY, "only=finished", "--nolock", "--", TABLES, "results/left-out.md")
    assert done.returncode == 0 and len(copy.calls("train")) == 3, done.stdout
    assert "1 of 2 are done" in (copy.folder / TABLES).read_text()
    assert "digits/20/marginmix/0): not finished" in (copy.folder / "results/left-out.md").read_text()
