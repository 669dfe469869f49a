"""When a training is run, and when it is not: committed and matching results stay, nothing stale is shown."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from copies import TINY, Copy
from PIL import Image

TINY_BUDGET = ("--config", "budget=tiny")
OTHER_RECIPE = "methods={mixmatch: {recipe: {temperature: 0.7}}}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    copy = Copy.make(tmp_path_factory.mktemp("finished"))
    done = copy.snakemake(*TINY_BUDGET)
    assert done.returncode == 0, done.stdout
    (copy.folder / "output").write_text(done.stdout)
    return copy


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    return Copy(tmp_path / "copy")


def result(copy: Copy, method: str) -> Path:
    return copy.folder / f"results/runs/tiny/digits/20/{method}/0/result.json"


def test_everything_is_made_and_progress_is_seen(finished):
    assert len(finished.calls("train")) == 3 and len(finished.calls("prepare")) == len(finished.calls("split")) == 1
    figures = ("embeddings_digits", "learning_curves_tiny", "label_quality_tiny", "confusion_tiny")
    tables = ("runs.csv", "tables.csv", "tables.md", "tables.html")
    for path in [*(f"results/{table}" for table in tables), *(f"figures/{figure}.png" for figure in figures)]:
        assert (finished.folder / path).stat().st_size > 0
    output = (finished.folder / "output").read_text()
    assert "mixmatch: step 1 of 1" in output
    assert "mixmatch: step 1 of 1" in (finished.folder / "logs/train/tiny/digits/20/mixmatch/0.log").read_text()


def test_a_stale_result_stays_until_the_new_one_is_there(copy):
    before = result(copy, "mixmatch").read_bytes()
    changed = ("--config", "budget=tiny", OTHER_RECIPE)
    assert copy.snakemake(*changed, FAKE_FAILURE="1").returncode == 1
    assert result(copy, "mixmatch").read_bytes() == before
    assert copy.planned(*changed)["train"] == 1
    assert copy.snakemake(*changed).returncode == 0
    assert result(copy, "mixmatch").read_bytes() != before


def test_a_result_that_cannot_be_read_is_told_before_the_tables_are_touched(copy):
    broken = copy.folder / "results/runs/other/digits/20/mixmatch/0/result.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    done = copy.snakemake(*TINY_BUDGET)
    assert done.returncode == 1
    assert f"error: {broken.relative_to(copy.folder)} is not valid JSON" in done.stdout
    assert (copy.folder / "results/tables.md").exists()


def test_touched_files_and_cosmetic_edits_rerun_nothing(copy):
    for path in [
        *copy.folder.glob("results/**/*"),
        *copy.folder.glob("workflow/**/*"),
        *copy.folder.glob(".cache/prepared/*"),
    ]:
        path.touch()
    rules = copy.folder / "workflow/rules/train.smk"
    rules.write_text(rules.read_text().replace(" | tee", "  | tee") + "# a comment\n")
    script = copy.folder / "workflow/scripts/tables.py"
    script.write_text(script.read_text() + "# a comment\n")
    assert copy.planned(*TINY_BUDGET) == {}


def test_another_recipe_reruns_what_it_changes_and_nothing_else(copy):
    shutil.rmtree(copy.folder / ".snakemake")  # results that came from elsewhere are judged by their identity too
    done = copy.snakemake(*TINY_BUDGET, OTHER_RECIPE, "--", "tables")
    assert "1 finished training(s) do not count: recipe changed" in done.stdout
    assert len(copy.calls("train")) == 4 and "--name mixmatch" in copy.calls("train")[-1]
    assert "train" not in copy.planned(*TINY_BUDGET, OTHER_RECIPE)
    assert copy.planned(*TINY_BUDGET, "--", "tables")["train"] == 1  # and back


def test_another_split_reruns_its_runs(copy):
    manifest = copy.folder / "results/splits/digits/20/0.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"hash": "other"}))
    jobs = copy.planned(*TINY_BUDGET)
    assert jobs["train"] == 2 and jobs["embed"] == 1 and "prepare" not in jobs


def test_other_images_rerun_what_was_made_of_them(copy):
    for part, count in (("train", 12), ("test", 3)):
        for label, shade in (("dark", 0), ("light", 200)):
            (copy.folder / "mine" / part / label).mkdir(parents=True)
            for i in range(count):
                pixels = np.full((8, 8), shade + i, np.uint8)
                Image.fromarray(pixels).save(copy.folder / "mine" / part / label / f"{i}.png")
    mine = (*TINY_BUDGET, "datasets={mine: {labels: [4], family: folder, root: mine}}", "--", "tables")
    assert copy.snakemake(*mine).returncode == 0
    trained, split = len(copy.calls("train")), (copy.folder / "results/splits/mine/4/0.json").read_text()
    assert "train" not in copy.planned(*mine)
    Image.fromarray(np.full((8, 8), 100, np.uint8)).save(copy.folder / "mine" / "train" / "dark" / "0.png")
    done = copy.snakemake(*mine)
    assert "2 finished training(s) do not count: data changed" in done.stdout
    assert len(copy.calls("train")) == trained + 2
    assert (copy.folder / "results/splits/mine/4/0.json").read_text() != split
    assert copy.planned(*mine) == {}


def test_budgets_do_not_touch_each_other_and_a_failed_check_fails_the_run(copy):
    other = (
        TINY.replace("seeds: [0]", "seeds: [1]")
        + "checks: {must_beat: {baseline: mixmatch, methods: [marginmix], margin: 50}}"
    )
    copy.add_budget("other", other)
    before = result(copy, "mixmatch").read_bytes()
    done = copy.snakemake("--config", "budget=other", "--", "results/checks/other.md")
    assert done.returncode == 1 and "1 of 1 checks of budget other failed" in done.stdout
    assert "other" in (copy.folder / "results/runs.csv").read_text()
    assert result(copy, "mixmatch").read_bytes() == before
    assert "train" not in copy.planned(*TINY_BUDGET)
    assert "train" not in copy.planned("--config", "budget=other")


def test_committed_runs_are_kept_until_a_rebuild_is_asked_for(copy):
    for command in (["init", "-q"], ["add", "-f", "results"]):
        subprocess.run(["git", *command], cwd=copy.folder, check=True)
    shutil.rmtree(copy.folder / "results/splits")  # a clone may have come without
    shutil.rmtree(copy.folder / ".snakemake")
    assert "train" not in copy.planned(*TINY_BUDGET, OTHER_RECIPE)
    jobs = copy.planned(*TINY_BUDGET, "rebuild=true")
    assert jobs["train"] == 2 and jobs["split"] == 1
    jobs = copy.planned(*TINY_BUDGET, "--forcerun", "train")
    assert jobs["train"] == 2 and jobs["split"] == 1 and "embed" not in jobs


def test_what_is_finished_makes_a_partial_table(copy):
    shutil.rmtree(result(copy, "marginmix").parent)
    done = copy.snakemake(*TINY_BUDGET, "--", "tables_now")
    assert done.returncode == 0 and jobs_in_total(done.stdout) == 1
    assert "1 of the 2 runs of budget tiny are done" in (copy.folder / "results/partial/tables.md").read_text()


def jobs_in_total(output: str) -> int:
    return int(output.partition("Job stats:")[2].partition("total")[2].split()[0])
