"""Class shares in training: who is told them, that examining them changes nothing, and predictions adjusted to them."""

import csv
import json

import numpy as np
import pytest
import torch

from marginmix.analysis import class_shares
from marginmix.analysis.class_shares import _folds, estimated_shares, labelled_shares, true_shares
from marginmix.analysis.label_shift import ESTIMATES
from marginmix.cli import main
from marginmix.training.evaluate import embed
from tests.toy_training import METHODS, small_recipe, toy_data, toy_trainer
from tests.training.specs import Place

CHEAP = {"share_folds": 2, "share_steps": 3}


def trained(method, steps=2, **settings):
    trainer = toy_trainer(method, evaluations=6, **CHEAP, **settings)
    trainer.start()
    for _ in range(steps):
        trainer.step()
    return trainer


def test_shares_of_the_labelled_and_the_hidden_ones_by_count():
    data = toy_data()
    for shares, pool in ((labelled_shares(data), data.labelled), (true_shares(data), data.unlabelled)):
        counts = [sum(int(data.targets[i]) == k for i in pool) for k in range(3)]
        assert shares.tolist() == pytest.approx([count / len(pool) for count in counts])


def test_estimates_are_shares_and_come_out_the_same_again():
    first, again = (estimated_shares(small_recipe(**CHEAP), toy_data(), "toy/15/0") for _ in range(2))
    assert first == again and tuple(first) == ESTIMATES
    for shares in first.values():
        assert sum(shares) == pytest.approx(1) and min(shares) >= 0


def test_hidden_labels_change_no_estimate():
    data, permuted = toy_data(), toy_data()
    permuted.targets[permuted.unlabelled] = permuted.targets[permuted.unlabelled].roll(7)
    assert not torch.equal(data.targets, permuted.targets)
    found = [estimated_shares(small_recipe(**CHEAP), one, "toy/15/0") for one in (data, permuted)]
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["mixmatch", "marginmix"])
def test_examining_shares_changes_no_bit(name):
    plain, examined = (trained(name, shares_examined=given) for given in (False, True))
    row = examined.evaluate()
    assert {f"{estimate}_accuracy" for estimate in (*ESTIMATES, "true")} <= set(row) and row["true_distance"] == 0
    assert not {f"{estimate}_accuracy" for estimate in ESTIMATES} & set(plain.evaluate())
    plain.step()
    examined.step()
    for part in ("network", "average", "method"):
        theirs = examined.state()[part]
        assert all(torch.equal(value, theirs[key]) for key, value in plain.state()[part].items())


def test_a_prior_and_an_alignment_have_the_shares_that_are_asked_for():
    margin = trained("marginmix", prior_source="target", target_shares="true")
    assert margin.method.prior.shares.tolist() == pytest.approx(true_shares(margin.data).tolist())
    aligned = trained("baselines.class_prior:AlignedMixMatch", target_shares="em")
    assert aligned.method.target.tolist() == pytest.approx(aligned.shares["em"])
    aligned = trained("baselines.class_prior:AlignedMixMatch")
    assert aligned.method.target.tolist() == pytest.approx(labelled_shares(aligned.data).tolist())


def test_predictions_are_adjusted_at_evaluation():
    trainer = trained("mixmatch", prediction="shares", target_shares="true")
    data, network = trainer.data, trainer.average.module
    logits, _ = embed(network, data.images[data.test], data.scaling, "fp32")
    weights = true_shares(data) / labelled_shares(data)
    right = (logits.softmax(1).numpy() * weights).argmax(1) == data.targets[data.test].numpy()
    assert trainer.evaluate()["accuracy"] == pytest.approx(100 * np.mean(right))


def test_shares_survive_a_checkpoint():
    trainer = trained("mixmatch", target_shares="bbse", prediction="shares")
    resumed = toy_trainer("mixmatch", target_shares="bbse", prediction="shares")
    resumed.load_state(trainer.state())
    assert resumed.shares == trainer.shares and "bbse" in resumed.shares
    assert resumed.evaluate()["accuracy"] == trainer.evaluate()["accuracy"]


def test_new_images_are_predicted_as_the_run_was_scored(tmp_path):
    """The adjustment is in model.pt: `marginmix predict` on the test images is what evaluation said of them."""
    place = Place(tmp_path)
    assert place.train(prediction="shares", target_shares="true", method=METHODS["mixmatch"]) == 0
    kept = torch.load(place.out / "model.pt", weights_only=True)["adjustment"]
    shares = json.loads(place.read("result.json"))["shares"]
    assert kept.tolist() == pytest.approx(np.log(shares["true"]) - np.log(shares["labelled"]))
    words = ["--model", str(place.out / "model.pt"), "--images", str(tmp_path / "data/test")]
    assert main(["predict", *words, "--out", str(tmp_path / "p.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    right = sum(row["image"].partition("/")[0] == row["class"] for row in rows)
    assert 100 * right / len(rows) == pytest.approx(json.loads(place.read("result.json"))["scores"]["last"])


def test_each_fold_is_judged_by_a_network_that_has_not_seen_it():
    targets = np.arange(30) % 3
    folds = _folds(targets, 5, "toy/30/0")
    assert len(folds) == 5
    assert sorted(np.concatenate([left_out for _, left_out in folds]).tolist()) == list(range(30))
    for learned, left_out in folds:
        assert not {*learned} & {*left_out} and len(learned) + len(left_out) == 30
        assert np.bincount(targets[left_out]).tolist() == [2, 2, 2]
    assert len(_folds(np.array([0, 0, 0, 1, 1, 1, 1]), 5, "toy/7/0")) == 3  # the rarest class has three


def test_every_network_learns_without_the_fold_that_it_judges(monkeypatch):
    """Each labelled image is judged once, by the one network that has not learned from it."""
    data, seen = toy_data(), []
    trained_on = class_shares._labelled_only

    def spy(recipe, data, learned, cell):
        seen.append(set(learned.tolist()))
        network = trained_on(recipe, data, learned, cell)
        assert cell == f"toy/15/0/shares/{len(seen) - 1}"
        return network

    judged = []
    monkeypatch.setattr(class_shares, "_labelled_only", spy)
    logits = class_shares._logits
    monkeypatch.setattr(class_shares, "_logits", lambda *words: (judged.append(words[2].tolist()), logits(*words))[1])
    estimated_shares(small_recipe(share_folds=3, share_steps=2), data, "toy/15/0")
    labelled = data.labelled.tolist()
    left_out = [{labelled.index(image) for image in images} for images in judged[::2]]
    assert len(seen) == 3 and sorted(at for fold in left_out for at in fold) == list(range(len(labelled)))
    assert all(learned == set(range(len(labelled))) - fold for learned, fold in zip(seen, left_out, strict=True))
