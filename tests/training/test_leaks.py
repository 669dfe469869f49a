"""Labels that a run must not see: whatever they are, every method's weights, choices and scores are the same."""

from dataclasses import replace

import pytest
import torch

from marginmix.runs.methods import tell
from marginmix.runs.scores import score_rules
from tests.toy_training import toy_data, toy_trainer
from tests.training.cases import GOOGLE, IN_TABLES, in_repository

SETTINGS = {"steps": 2, "evaluations": 2, "score_window": 2, "diagnosed": 12}
SHARES = {"share_folds": 2, "share_steps": 2, "target_shares": "em", "prediction": "shares", "shares_examined": True}
OF_HIDDEN = ("guess_accuracy", "guess_calibration_error", "guess_imbalance", "true_accuracy", "true_balanced_accuracy",
             "em_distance", "em-calibrated_distance", "bbse_distance")  # fmt: skip
"""The columns that say what hidden labels are: of the guesses, and of the shares."""


def run(path, data, folder, **settings):
    trainer = toy_trainer(path, data, **{**SETTINGS, **settings})
    trainer.run(folder, "id", lambda _: None, every_s=1e9)
    return trainer


def permuted(data, pool):
    """`data` with the labels of the images `pool` shuffled among them; most change."""
    targets, order = data.targets.clone(), torch.randperm(len(pool), generator=torch.Generator().manual_seed(1))
    targets[pool] = (targets[pool][order] + 1) % 3
    assert (targets[pool] != data.targets[pool]).double().mean() > 0.5
    return replace(data, targets=targets)


def assert_same_weights(one, other):
    for part in ("network", "average", "method"):
        theirs = other.state()[part]
        assert all(torch.equal(value, theirs[name]) for name, value in one.state()[part].items()), part
    assert one.predicted.keys() == other.predicted.keys()
    assert all(torch.equal(value, other.predicted[step]) for step, value in one.predicted.items())


def differing(one, other) -> set[str]:
    """The columns in which two histories differ."""
    pairs = list(zip(one.history, other.history, strict=True))
    return {name for a, b in pairs for name in {*a, *b} if str(a.get(name)) != str(b.get(name))}


def chosen(trainer) -> int:
    """The evaluation that the validation rule chooses."""
    marked = [{**row, "accuracy": i} for i, row in enumerate(trainer.history)]
    return score_rules(marked, 1)["validation"]


def test_every_method_is_found():
    some = {"baselines.fixmatch:FixMatch", "baselines.class_prior:AlignedMixMatch", "baselines.supervised:Supervised"}
    assert some | {"marginmix.methods.marginmix:MarginMix"} <= set(in_repository())
    assert len(in_repository()) == len(tell(in_repository())) >= 10


@pytest.mark.parametrize(("path", "settings"), [
    *((path, {}) for path in in_repository()),
    *((path, GOOGLE | {"profile": "google"}) for path in IN_TABLES),
    ("marginmix.methods.marginmix:MarginMix", SHARES | {"prior_source": "target"}),
    ("baselines.class_prior:AlignedMixMatch", SHARES),
], ids=str)  # fmt: skip
def test_no_hidden_label_changes_a_weight_a_choice_or_a_score(path, settings, tmp_path):
    data = toy_data()
    one = run(path, data, tmp_path, **settings)
    other = run(path, permuted(permuted(data, data.test), data.unlabelled), tmp_path, **settings)
    assert_same_weights(one, other)
    assert chosen(other) == chosen(one)
    of_test = ("accuracy", "balanced_accuracy", "recall_", "distance_")
    found = {name for name in differing(one, other) if not name.startswith(of_test)}
    assert found <= set(OF_HIDDEN)


def test_the_check_above_finds_a_leak(tmp_path):
    data, targets = toy_data(), toy_data().targets
    targets[data.unlabelled[:20]] = 0
    told = {"target_shares": "true", "prior_source": "target"}  # the one setting that says that it looks
    one, other = (run("marginmix", found, tmp_path, **told) for found in (data, replace(data, targets=targets)))
    with pytest.raises(AssertionError):
        assert_same_weights(one, other)
