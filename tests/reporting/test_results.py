"""The results of an experiment as frames: which runs they are of, and what of them is recomputed."""

import math
import shutil
from statistics import fmean

import pandas as pd
import pytest

from marginmix.errors import UserError
from marginmix.reporting.finished import read_local
from marginmix.reporting.publish import write_published
from marginmix.reporting.published import Published
from marginmix.reporting.results import (
    COLUMNS,
    MEASURES,
    csv_text,
    lacking,
    of_experiment,
    of_published,
    read_reference,
)
from marginmix.reporting.tables import REFERENCE_COLUMNS
from marginmix.runs import paths, plan
from marginmix.runs.key import RunKey
from tests.fake_runs import DATA, config_text, make_plan, make_results, planes, write_run

FERPLUS = "{ferplus: {labels: [320]}}"
EMBEDDINGS = "{recipe: {network: alexnet-2d, steps: 800, evaluations: 20, score_window: 5}, datasets: {faces: {}}}"


def published_alone(top, *folders):
    """`folders` are published and deleted."""
    write_published(map(read_local, folders), top / "results" / "published")
    for folder in folders:
        shutil.rmtree(folder)
    plan._published_rows.cache_clear()


def test_a_row_a_run(top):
    write_run(top, "quick", "cifar10", 250, "mixmatch", 1, 61.0, source="cifar10 (JPEG copy)")
    overlap = {"train/test": 3, "valid/test": 0}
    folder = write_run(top, "quick", "faces", 70, "marginmix", 2, 72.0, overlap=overlap)
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 20.0, diverged=True, classes=list("abcde"))
    found = make_results(top, config_text(datasets="{cifar10: {labels: [250]}, faces: {labels: [70]}}"))
    runs = found.runs.sort_values("seed", ignore_index=True)
    assert tuple(runs.columns) == COLUMNS and found.problems == []
    assert list(runs["seed"]) == [0, 1, 2] and set(runs["experiment"]) == {"quick"}
    assert list(runs["accuracy"]) == [20.0, 61.0, 72.0]
    assert list(runs["diverged"]) == [True, False, False]
    assert list(runs["overlap"]) == ["", "", "train/test=3"]
    assert list(runs["source"]) == ["faces", "cifar10 (JPEG copy)", "faces"]
    row = runs.loc[2]
    assert [row[name] for name in MEASURES] == pytest.approx([72.0, 70.0, 70.5, 70.5])
    assert (row["steps"], row["paper_steps"], row["score_rule"]) == (800, 2**20, "mean of the last 5 of 20 evaluations")
    assert (row["accuracy_last"], row["accuracy_validation_chosen"], row["optimism"]) == pytest.approx(
        (72.0, 73.0, 1.0)
    )
    assert (row["stale"], row["published"], row["exact"], row["wall_seconds"]) == (False, False, True, 61.5)
    assert (row["device"], row["hardware"], row["data"], row["identity"]) == ("cpu", "a processor", DATA, folder.name)
    assert math.isnan(runs.loc[1, "accuracy_centroid"])
    assert str(top) not in csv_text(runs)


def test_no_runs_is_an_empty_frame(top):
    found = make_results(top, config_text())
    assert found.runs.empty and csv_text(found.runs) == ",".join(COLUMNS) + "\n"
    assert found.curves.empty and found.separability.empty and found.problems == []


def test_curves_of_many_runs(top):
    for seed in (0, 1):
        write_run(top, "quick", "faces", 70, "mixmatch", seed, 60.0)
    curves = make_results(top, config_text()).curves
    assert len(curves) == 40 and set(curves["seed"]) == {0, 1} and set(curves["method"]) == {"mixmatch"}


def test_runs_of_the_embedding_figures_are_apart(top):
    settings = {"network": "alexnet-2d"}
    write_run(top, "quick", "faces", 70, "embedding", 0, 71.0, settings, arrays=planes(["a", "b", "c"], 30))
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 60.0)
    found = make_results(top, config_text(embeddings=EMBEDDINGS))
    assert list(found.runs["method"]) == ["mixmatch"] and set(found.curves["method"]) == {"mixmatch"}
    assert set(found.embeddings[0].arrays("plane/")) >= {"points", "targets", "centroids"}


def test_titles_say_which_copy_of_a_dataset_it_was(top):
    write_run(top, "quick", "cifar10", 250, "mixmatch", 0, 60.0, source="cifar10 (JPEG copy)")
    found = make_results(top, config_text(datasets="{cifar10: {labels: [250]}, svhn: {labels: [1000]}}"))
    assert found.titles == {"cifar10": "CIFAR-10 (JPEG copy)", "svhn": "SVHN"}
    assert found.plain_titles == {"cifar10": "CIFAR-10", "svhn": "SVHN"}


def test_what_was_made_here_is_shown_before_what_is_published(top):
    published = [write_run(top, "quick", "ferplus", 320, "mixmatch", seed, 60.0) for seed in (0, 1)]
    published_alone(top, *published)
    write_run(top, "quick", "ferplus", 320, "mixmatch", 0, 65.0)
    runs = make_results(top, config_text(datasets=FERPLUS)).runs
    assert list(zip(runs["accuracy"], runs["published"], strict=True)) == [(65.0, False), (60.0, True)]


def test_a_published_run_of_another_recipe_is_stale_and_shown_as_it_is(top):
    published_alone(top, *(write_run(top, "quick", "ferplus", 320, "mixmatch", seed, 60.0) for seed in (0, 1)))
    changed = config_text(datasets=FERPLUS, steps=900)
    asked = make_plan(top, changed.replace("seeds: [0, 1, 2]", "seeds: [1, 2]"))
    runs = of_published(asked, Published(top / "results" / "published")).runs
    assert list(runs["stale"]) == [True, True] and list(runs["accuracy"]) == [60.0, 60.0]  # seed 0 is asked for no more
    assert of_experiment(asked, Published(top / "results" / "published")).finished == []
    runs = of_published(make_plan(top, config_text(datasets=FERPLUS)), Published(top / "results" / "published")).runs
    assert list(runs["stale"]) == [False, False]


def test_more_to_look_at_is_said_and_makes_nothing_stale(top):
    for seed in (0, 1):
        write_run(top, "quick", "faces", 70, "mixmatch", seed, 60.0, {"diagnosed": 64, "snapshots": [0.5, 1.0]})
    more = "evaluations: 20, score_window: 5, samples: 8, diagnosed: 128, snapshots: [0.25, 1.0]"
    asked = config_text().replace("evaluations: 20, score_window: 5", more)
    found = make_results(top, asked)
    assert list(found.runs["stale"]) == [False, False]
    assert lacking(found) == [
        f"2 finished runs kept fewer {name} than the experiment asks for, or none; train them again with "
        "--config rebuild=true"
        for name in ("samples", "diagnosed", "snapshots")
    ]
    found = make_results(top, config_text().replace("evaluations: 20", "evaluations: 40"))
    assert list(found.runs["stale"]) == [False, False] and "fewer evaluations than" in lacking(found)[0]
    less = config_text().replace("evaluations: 20", "evaluations: 10, snapshots: [1.0], diagnosed: 64")
    assert lacking(make_results(top, less)) == []


def test_another_score_window_is_reckoned_from_the_curve(top):
    folder = write_run(top, "quick", "faces", 70, "marginmix", 0, 60.0)
    write_run(top, "quick", "faces", 70, "marginmix", 1, 20.0, diverged=True, classes=list("abcde"))
    found = make_results(top, config_text().replace("score_window: 5", "score_window: 15"))
    row, diverged = found.runs.iloc[0], found.runs.iloc[1]
    curve = pd.read_csv(folder / "metrics.csv")
    assert row["accuracy"] == pytest.approx(fmean(curve["accuracy"][-15:])) and row["accuracy"] < 60.0
    assert row["balanced_accuracy"] == pytest.approx(fmean(curve["balanced_accuracy"][-15:]))
    assert row["optimism"] == pytest.approx(curve["accuracy"].max() - row["accuracy"])
    assert (row["score_rule"], row["stale"]) == ("mean of the last 15 of 20 evaluations", False)
    assert (diverged["accuracy"], diverged["optimism"]) == (20.0, 0.0)
    longer = config_text().replace("evaluations: 20, score_window: 5", "evaluations: 40, score_window: 30")
    row = make_results(top, longer).runs.iloc[0]  # more than there are: its own counts
    assert (row["accuracy"], row["score_rule"]) == (60.0, "mean of the last 5 of 20 evaluations")


def test_names_of_a_folder():
    key = RunKey("quick", "faces", 70, "mixmatch", 0)
    assert paths.key_and_identity("results/runs/quick/faces/70/mixmatch/0/abc") == (key, "abc")
    assert paths.key_and_identity("/elsewhere/" + paths.run_folder(key, "abc")) == (key, "abc")
    with pytest.raises(UserError, match="expected the folder of a run, <experiment>/<dataset>/<labels>"):
        paths.key_and_identity("results/runs/quick")


def test_reference_must_have_its_columns(tmp_path):
    path = tmp_path / "paper.csv"
    path.write_text("table,dataset\n")
    with pytest.raises(UserError, match="the column 'metric' is missing"):
        read_reference(path, REFERENCE_COLUMNS)
    with pytest.raises(UserError, match="cannot read"):
        read_reference(tmp_path / "absent.csv", REFERENCE_COLUMNS)


def test_the_window_is_the_experiments_where_the_run_has_so_many_evaluations(top):
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 60.0, {"score_window": 3})
    for asked, counted in ((5, 5), (20, 20), (2, 2)):
        text = config_text().replace("score_window: 5", f"score_window: {asked}")
        found = make_results(top, text)
        assert found.window(found.finished[0]) == counted
        assert set(found.curves["window"]) == {counted}
