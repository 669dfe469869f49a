"""The contract between training and reporting: what a real trainer writes is what the one reader reads."""

import numpy as np
import pandas as pd
import pytest

from marginmix.files import write_json
from marginmix.reporting.finished import read_local
from marginmix.reporting.publish import write_published
from marginmix.reporting.published import Published
from marginmix.runs import paths
from marginmix.runs.config import EMBEDDING_CLASS
from marginmix.training import running
from marginmix.training.metrics import COLUMNS
from tests.training.cases import in_repository
from tests.training.specs import Place

SETTINGS = {"steps": 9, "evaluations": 9, "score_window": 2, "diagnosed": 6, "samples": 2, "snapshots": [0.5, 1.0],
            "share_folds": 2, "share_steps": 2, "shares_examined": True, "embedding": "flattened"}  # fmt: skip


def finished(place, method, **settings):
    """The run as training wrote it, and as the reader reads it."""
    spec = place.spec(method, **settings).normalised("test")
    folder = place.folder / paths.run_folder(spec.key, spec.identity)
    write_json(folder / paths.SPEC, spec.to_json())
    return running.train(spec, folder), folder, read_local(folder)


@pytest.mark.parametrize("method", in_repository())
def test_a_real_run_is_read_and_published_without_a_loss(tmp_path, monkeypatch, method):
    monkeypatch.chdir(tmp_path)
    planes = {"network": "alexnet-2d"} if method == EMBEDDING_CLASS else {}
    settings = {**SETTINGS, "snapshots": SETTINGS["snapshots"] if planes else []}
    written, folder, one = finished(Place(tmp_path), method, **settings, **planes)
    assert one.record == written and one.spec.bits.method_class == method
    assert one.curve["step"].tolist() == list(range(1, 10))
    assert one.record["accuracy"] == pytest.approx(one.curve["accuracy"].tail(2).mean(), abs=1e-4)
    assert list(one.curve.columns) == pd.read_csv(folder / paths.METRICS).columns.tolist()
    losses = [name for name in one.curve if name.startswith("loss_")]
    assert one.curve["loss"].to_numpy() == pytest.approx(one.curve[losses].sum(axis=1).to_numpy(), rel=1e-4)
    known = [name for name in one.curve if name in COLUMNS]
    assert known == [name for name in COLUMNS if name in one.curve], "in the order that the columns are listed in"
    assert one.predictions.accuracy_without_copies(2) <= 100
    right = np.array(one.record["confusion"]).trace()
    assert right == (one.arrays("test/")["predicted"][-1] == one.arrays("test/")["targets"]).sum()
    assert bool(one.arrays("plane/")) == bool(planes)
    write_published([one], tmp_path / "published")
    (again,) = Published(tmp_path / "published").whole()
    assert {name: again.record[name] for name in one.record if name not in ("files", "digest")} == {
        name: value for name, value in one.record.items() if name not in ("files", "digest")
    }
    kept = one.curve.loc[:, one.curve.notna().any()]
    pd.testing.assert_frame_equal(again.curve[kept.columns].reset_index(drop=True), kept, check_dtype=False)
    assert (again.predictions.predicted == one.predictions.predicted).all()
