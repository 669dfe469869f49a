"""Predictions of test images: accuracy without copies, what the reader refuses, and publishing them."""

import numpy as np
import pandas as pd
import pytest

from marginmix.errors import UserError
from marginmix.reporting.finished import read_local
from marginmix.reporting.predictions import Predictions, checked, packed, unpacked
from marginmix.reporting.publish import publish, write_published
from marginmix.reporting.published import Published
from marginmix.reporting.report import assemble
from marginmix.reporting.results import of_experiment, read_reference
from marginmix.reporting.tables import REFERENCE_COLUMNS, all_entries, tables_frame
from marginmix.runs import plan as plans
from tests.fake_runs import ROOT, config_text, digests_of, edit, make_plan, make_results, predictions, write_run

REFERENCE = ROOT / "workflow" / "reference" / "paper_tables.csv"
FERPLUS = config_text(datasets="{ferplus: {labels: [320]}}")
HAND = {
    "steps": np.array([40, 80]),
    "predicted": np.array([[0, 1, 1, 0], [0, 0, 1, 1]], np.uint8),
    "targets": np.array([0, 1, 1, 1], np.uint8),
    "copies": np.array([2, 1, 0, 0], np.uint8),
}
"""Right are three of four images, then three of four; of the two without a copy one, then both."""


def curve(*accuracies: float) -> pd.DataFrame:
    return pd.DataFrame({"step": [40, 80], "accuracy": accuracies})


def test_accuracy_without_copies_by_hand():
    found = checked(HAND, curve(75.0, 75.0))
    assert found.right.astype(int).tolist() == [[1, 1, 1, 0], [1, 0, 1, 1]]
    assert (found.accuracy_without_copies(2), found.accuracy_without_copies(1)) == (75.0, 100.0)
    assert found.accuracy_without_copies(3) is None
    assert checked(HAND | {"copies": np.ones(4, np.uint8)}, curve(75.0, 75.0)).accuracy_without_copies(1) is None
    assert checked({}, curve(75.0, 75.0)) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"predicted": np.zeros((2, 4), np.uint8)}, "disagree with the accuracies of its learning curve"),
        ({"steps": np.array([20, 80])}, "disagree with the accuracies of its learning curve"),
        ({"copies": np.zeros(3, np.uint8)}, "disagree with the accuracies of its learning curve"),
        ({"steps": np.array([40])}, "disagree with the accuracies of its learning curve"),
        ({"targets": np.zeros(3, np.uint8)}, "incomplete"),
        ({"targets": None}, "incomplete"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(change, told):
    arrays = {name: array for name, array in {**HAND, **change}.items() if array is not None}
    with pytest.raises(UserError, match=told):
        checked(arrays, curve(75.0, 75.0))


def test_a_run_whose_predictions_do_not_give_its_curve_is_left_out(top):
    folder = write_run(top, "quick", "faces", 70, "mixmatch", 0, 60.0, arrays=predictions(60.0))
    assert read_local(folder).predictions.right.mean() == 0.6
    np.savez(folder / "observations.npz", **predictions(61.0))
    edit(folder, lambda record: record.update(files=digests_of(folder)))
    with pytest.raises(UserError, match=r"observations.npz: its predictions disagree .*; delete its folder and run"):
        read_local(folder)
    found = make_results(top, config_text())
    assert found.finished == [] and "its predictions disagree" in found.problems[0]


def test_the_column_without_copies(top):
    """Seed 0 has no copies, seed 1 has 40 of 200; a method with one run that kept none shows nothing."""
    for seed, copies in ((0, 0), (1, 40)):
        arrays = predictions(70.0, seed, copies)
        write_run(top, "quick", "faces", 70, "mixmatch", seed, 70.0, arrays=arrays)
    expected = 100 * (arrays["test/predicted"] == arrays["test/targets"])[:, 40:].mean()
    write_run(top, "quick", "faces", 70, "marginmix", 0, 72.0, arrays=predictions(72.0))
    write_run(top, "quick", "faces", 70, "marginmix", 1, 72.0)
    results = make_results(top, config_text())
    runs = results.runs.set_index(["method", "seed"])["accuracy_without_copies"]
    assert runs["mixmatch", 0] == pytest.approx(70.0) and runs["mixmatch", 1] == pytest.approx(expected)
    assert runs["marginmix", 0] == pytest.approx(72.0) and pd.isna(runs["marginmix", 1])
    frame = tables_frame("quick", all_entries(results.runs)).set_index("method")["accuracy_without_copies"]
    assert frame["mixmatch"] == pytest.approx((70 + expected) / 2) and pd.isna(frame["marginmix"])
    blocks = assemble([results], read_reference(REFERENCE, REFERENCE_COLUMNS))[1]
    (table,) = [block for block in blocks if "without copies" in getattr(block, "header", ())]
    column = table.header.index("without copies")
    assert table.rows[0][column].startswith(f"{(70 + expected) / 2:.1f} ± ") and table.rows[1][column] == "–"


def test_a_run_that_diverged_counts_at_chance_without_copies_too(top):
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 14.0, arrays=predictions(14.0, copies=9), diverged=True)
    (row,) = make_results(top, config_text()).runs.to_dict("records")
    assert row["accuracy_without_copies"] == row["accuracy"] == pytest.approx(100 / 3)


def test_a_longer_window_than_was_kept_has_no_number(top):
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 60.0, arrays=predictions(60.0))
    for window, expected in ((6, None), (3, 60.0)):
        text = config_text().replace("window: 5", f"window: {window}")
        (found,) = make_results(top, text).runs["accuracy_without_copies"]
        assert pd.isna(found) if expected is None else found == pytest.approx(expected)


def test_packed_and_unpacked():
    one = Predictions(**HAND)
    other = Predictions(**HAND | {"predicted": np.zeros((2, 4), np.uint8)})
    content = packed([("b", "data", other), ("a", "data", one)])
    assert content == packed([("a", "data", one), ("b", "data", other)])
    found = unpacked(content)
    assert sorted(found) == ["a", "b", "data"] and sorted(found["data"]) == ["copies", "targets"]
    assert np.array_equal(found["b"]["predicted"], other.predicted) and found["a"]["predicted"].dtype == np.uint8
    with pytest.raises(UserError, match="run b: expected the same copies of the test images as in other"):
        packed([("a", "data", one), ("b", "data", Predictions(**HAND | {"copies": np.zeros(4, np.uint8)}))])
    with pytest.raises(ValueError):
        unpacked(content[:100])


@pytest.fixture
def published(top):
    """Two published runs with predictions, one without, one of another experiment."""
    for seed, method in ((0, "mixmatch"), (1, "mixmatch"), (0, "marginmix")):
        write_run(top, "quick", "ferplus", 320, method, seed, 60.0, arrays=predictions(60.0, seed, 20))
    write_run(top, "quick", "ferplus", 320, "marginmix", 1, 61.0)
    folder = top / "results" / "published"
    publish(make_plan(top, FERPLUS), folder)
    plans._published_rows.cache_clear()
    return folder


def test_published_runs_keep_their_predictions(top, published):
    assert [path.name for path in (published / "predictions").iterdir()] == ["quick.npz"]
    local = make_results(top, FERPLUS).runs["accuracy_without_copies"].tolist()
    found = of_experiment(make_plan(top, FERPLUS), Published(published))
    assert found.problems == [] and found.runs["accuracy_without_copies"].tolist() == pytest.approx(local, nan_ok=True)
    again = Published(published).runs
    assert [one.predictions is None for one in again] == [False, True, False, False]
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    write_published(again, published)
    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before
    write_published([again[1]], published)
    assert not (published / "predictions").exists() and Published(published).problems == []


def test_a_published_file_of_predictions_that_was_changed_is_not_read(published):
    path = published / "predictions" / "quick.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = Published(published)
    assert [one.predictions for one in found.runs] == [None] * 4
    assert found.problems == [f"{path}: it differs from what was published; restore it from git"]
