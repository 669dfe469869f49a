"""A run that collapses says so once, is marked, and ends early where its recipe says so."""

import json

import pytest
import torch

from baselines.mixmatch import MixMatch
from marginmix.errors import UserError
from marginmix.reporting.finished import evaluations, table_of
from marginmix.runs.record import check_record, sealed
from tests.toy_training import toy_data, toy_trainer
from tests.training.specs import Place

SETTINGS = {"steps": 9, "evaluations": 9, "score_window": 2}
ALARM = 6
"""The third evaluation after a third of nine."""


class FewClasses(MixMatch):
    """Predicts the first class for every image. Its guesses are those of MixMatch."""

    def predict(self, seen):
        return {"head": seen.logits - torch.arange(seen.logits.shape[1]).to(seen.logits) * 1e6}


class FewGuesses(FewClasses):
    """Guesses the first class for every image, too."""

    def self_label(self, seen, step):
        guesses = torch.zeros_like(super().self_label(seen, step))
        guesses[:, 0] = 1
        return guesses


PATH = f"{__name__}:FewClasses"


def finished(tmp_path, method=PATH, data=None, **settings):
    trainer = toy_trainer(method, data, **SETTINGS, **settings)
    trainer.run(tmp_path, "identity", lambda trainer: None)
    return trainer


def test_a_collapse_is_warned_of_once(tmp_path, capsys):
    trainer = finished(tmp_path)
    assert trainer.collapsed == ALARM and trainer.completed == 9
    images = trainer.data.targets[trainer.data.validation].bincount().double()
    shares = images / images.sum()
    alone = 100 * (1 - float(shares[0])) / (1 - float(shares.max()))  # all of the first class, of one that may be rarer
    assert [row["prediction_one_sidedness"] for row in trainer.history] == pytest.approx([alone] * 9)
    assert capsys.readouterr().err == (
        "toy/15/0: predictions collapsed to few classes by step 6; stop_on_collapse: true would end such a run\n"
    )


def test_an_ordinary_run_raises_no_alarm(tmp_path, capsys):
    trainer = finished(tmp_path, "mixmatch")
    assert trainer.collapsed is None and capsys.readouterr().err == ""
    shares, row = trainer.data.targets[trainer.data.validation].bincount() / 15, trainer.history[-1]
    assert 0 <= row["prediction_one_sidedness"] < 80 and float(shares.max()) < 1


def test_without_validation_images_guesses_raise_it(tmp_path):
    data = toy_data()
    bare = type(data)(**{**vars(data), "validation": data.validation[:0]})
    assert finished(tmp_path / "a", PATH, bare).collapsed is None, "its guesses are as they should be"
    trainer = finished(tmp_path / "b", f"{__name__}:FewGuesses", bare)
    assert trainer.collapsed == ALARM
    expected = trainer.method.task.target_shares
    assert trainer.history[0]["guess_one_sidedness"] == pytest.approx(
        100 * float((1 - expected[0]) / (1 - expected.max()))
    )


def test_it_ends_the_run_where_the_recipe_says_so_and_a_resumed_one_too(tmp_path):
    trainer = finished(tmp_path, stop_on_collapse=True)
    assert (trainer.completed, len(trainer.history)) == (ALARM, ALARM)
    other = toy_trainer(PATH, **SETTINGS, stop_on_collapse=True)
    other.load_state(trainer.state())
    assert other.ended and other.collapsed == ALARM
    assert finished(tmp_path / "mixmatch", "mixmatch", stop_on_collapse=True).completed == 9


@pytest.mark.parametrize("stop", [False, True])
def test_the_record_says_it_and_is_checked(tmp_path, stop):
    place = Place(tmp_path)
    assert place.train(method=PATH, labels=3, stop_on_collapse=stop, **SETTINGS) == 0
    record = json.loads(place.read("result.json"))
    metrics = place.out / "metrics.csv"
    curve = evaluations(table_of(metrics, metrics.read_bytes(), "step", ""))
    assert record["collapsed"] == ALARM and record["evaluated"] == (ALARM if stop else 9)
    assert check_record(record, curve).method == "m"
    with pytest.raises(UserError, match="collapsed: expected 6, as its learning curve gives, found None"):
        check_record(resealed(record, collapsed=None), curve)
    if stop:  # a short curve needs its reason
        calm = [{**row, "prediction_one_sidedness": 0.0} for row in curve]
        with pytest.raises(UserError, match="expected a learning curve of 9 evaluations up to step 9"):
            check_record(resealed(record, collapsed=None), calm)


def resealed(record, **changes):
    return sealed({name: value for name, value in {**record, **changes}.items() if name != "digest"})
