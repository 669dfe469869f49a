"""result.json and metrics.csv files as frames."""

import pandas as pd
import pytest

from marginmix.errors import UserError
from marginmix.reporting.runs import (
    COLUMNS,
    Cell,
    cell_of,
    csv_text,
    diverged_runs,
    printed_titles,
    read_metrics,
    read_reference,
    read_runs,
)
from tests.fake_runs import write_run

REFERENCE = pd.DataFrame({"dataset": ["cifar10"], "metric": ["error_percent"]})


def test_a_row_per_run_in_the_metric_of_its_table(tmp_path):
    write_run(tmp_path, "reduced", "cifar10", 250, "mixmatch", 1, 61.0, source="cifar10 (JPEG copy)")
    write_run(tmp_path, "quick", "faces", 70, "marginmix", 10, 72.0, overlap={"train/test": 3, "valid/test": 0})
    write_run(tmp_path, "quick", "faces", 70, "marginmix", 2, 71.0, diverged=True)
    runs = read_runs(tmp_path / "results" / "runs", REFERENCE)
    assert tuple(runs.columns) == COLUMNS
    assert list(runs["seed"]) == [2, 10, 1]
    assert list(runs["metric"]) == ["accuracy_percent", "accuracy_percent", "error_percent"]
    assert list(runs["score"]) == [71.0, 72.0, 39.0]
    assert list(runs["accuracy"]) == [71.0, 72.0, 61.0]
    assert list(runs["diverged"]) == [True, False, False]
    assert list(runs["overlap"]) == ["", "train/test=3", ""]
    assert runs["path"][2] == "results/runs/reduced/cifar10/250/mixmatch/1/result.json"
    assert runs["metrics"][2] == "results/runs/reduced/cifar10/250/mixmatch/1/metrics.csv"
    assert str(tmp_path) not in csv_text(runs)


def test_diverged_runs_and_the_accuracy_of_chance(tmp_path):
    paths = [
        write_run(tmp_path, "quick", "faces", 70, "marginmix", seed, 71.0, diverged=seed == 1, classes=list("abcde"))
        for seed in (0, 1)
    ]
    absent = tmp_path / "results/runs/quick/faces/70/marginmix/2/metrics.csv"
    assert diverged_runs([*paths, absent]) == {("faces", 70, "marginmix", 1): 20.0}


def test_no_runs_is_an_empty_frame(tmp_path):
    runs = read_runs(tmp_path / "results" / "runs", REFERENCE)
    assert runs.empty
    assert csv_text(runs) == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("identity", "stale"),
    [
        ("recipe-mixmatch", False),
        ("another", True),
        ({"recipe": "recipe-mixmatch", "numerics": 1}, False),
        ({"recipe": "recipe-mixmatch", "numerics": 2}, True),
    ],
)
def test_stale_is_what_differs_from_the_expected_identity(tmp_path, identity, stale):
    write_run(tmp_path, "quick", "faces", 70, "mixmatch", 0, 60.0)
    expected = {"results/runs/quick/faces/70/mixmatch/0/result.json": identity}
    runs = read_runs(tmp_path / "results" / "runs", REFERENCE, expected)
    assert bool(runs["stale"][0]) is stale
    assert runs["accuracy"][0] == 60.0


def test_a_broken_result_is_told_in_one_line(tmp_path):
    path = write_run(tmp_path, "quick", "faces", 70, "mixmatch", 0, 60.0)
    path.write_text(path.read_text().replace('"steps": 800, "paper_steps"', '"paper_steps"', 1))
    with pytest.raises(UserError, match=r"result.json: 'steps' is missing"):
        read_runs(tmp_path / "results" / "runs", REFERENCE)
    path.write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        read_runs(tmp_path / "results" / "runs", REFERENCE)


def test_a_result_in_the_wrong_folder_is_told(tmp_path):
    path = write_run(tmp_path, "quick", "faces", 70, "mixmatch", 0, 60.0)
    path.write_text(path.read_text().replace('"labels": 70', '"labels": 71'))
    with pytest.raises(UserError, match="its folders say"):
        read_runs(tmp_path / "results" / "runs", REFERENCE)


def test_cell_of_folders_and_files():
    cell = Cell("quick", "faces", 70, "mixmatch", 0)
    assert cell_of("results/runs/quick/faces/70/mixmatch/0") == cell
    assert cell_of("/elsewhere/quick/faces/70/mixmatch/0/metrics.csv") == cell
    with pytest.raises(UserError, match="not the path of a run"):
        cell_of("results/runs/quick/result.json")


def test_reference_must_have_its_columns(tmp_path):
    path = tmp_path / "paper.csv"
    path.write_text("table,dataset\n")
    with pytest.raises(UserError, match="the column 'metric' is missing"):
        read_reference(path)
    with pytest.raises(UserError, match="cannot read"):
        read_reference(tmp_path / "absent.csv")


def test_metrics_of_many_runs(tmp_path):
    paths = [write_run(tmp_path, "quick", "faces", 70, "mixmatch", seed, 60.0).parent for seed in (0, 1)]
    frame = read_metrics([path / "metrics.csv" for path in [*paths, tmp_path / "quick/faces/70/mixmatch/9"]])
    assert len(frame) == 40
    assert set(frame["seed"]) == {0, 1}
    assert read_metrics([]).empty


def test_titles_say_which_copy_of_a_dataset_it_was(tmp_path):
    path = write_run(tmp_path, "reduced", "cifar10", 1000, "mixmatch", 0, 60.0, source="cifar10 (JPEG copy)")
    titles = {"cifar10": "CIFAR-10", "svhn": "SVHN"}
    names = printed_titles([path.with_name("metrics.csv"), tmp_path / "absent.csv"], titles)
    assert names == {"cifar10": "CIFAR-10 (JPEG copy)", "svhn": "SVHN"}
