"""The fidelity profiles, literally: what the reference programs do where they differ from the defaults."""

import pytest

from baselines.fixmatch import FixMatch
from baselines.mean_teacher import MeanTeacher
from marginmix.errors import UserError
from marginmix.methods.base import Method
from marginmix.methods.marginmix import MarginMix
from marginmix.runs.recipe import PAPER_STEPS, PROFILES, Recipe, make_recipe

# YU1ut/MixMatch-pytorch at cc7ef42, wideresnet.py: blocks that change the width convolve raw features; Glorot's normal
# for the last layer.
PYTORCH = {"stage_input": "raw", "head_init": "glorot"}
# google-research/mixmatch: a warm-up of 1,024 of 65,536 kimg, λ for each example, decay of kernels, averaged variables,
# batch-norm updates of the first batch alone with TensorFlow's eps, images in [-1, 1], 2p + 1 crops.
GOOGLE = {
    "head_init": "glorot", "rampup": 0.015625, "mixup_lambda": "example", "weight_decay_on": "kernels",
    "ema_over": "parameters", "batch_norm_updates": "first", "batch_norm_eps": 0.001, "unlabelled_pool": "all",
    "input_scaling": "unit", "crop_offsets": "closed",
}  # fmt: skip
# What MixMatch's paper and both programs have in common.
SHARED = {
    "steps": 1_048_576, "batch_size": 64, "unlabelled_ratio": 1, "augmentations": 2, "network": "wrn-28-2",
    "alpha": 0.75, "lambda_u": 75.0, "learning_rate": 0.002, "weight_decay": 0.02, "ema_decay": 0.999,
    "batch_norm_momentum": 0.001, "optimiser": "adam", "schedule": "constant", "decay_last": 0.0,
    "unlabelled_loss": "squared", "teacher": "online", "score_window": 20, "evaluations": 1024,
}  # fmt: skip
# The port, where google differs.
PORT = {
    "mixup_lambda": "batch", "rampup": 1.0, "weight_decay_on": "state", "ema_over": "state", "batch_norm_updates":
    "every", "batch_norm_eps": 1e-5, "unlabelled_pool": "disjoint", "input_scaling": "channel",
    "crop_offsets": "half-open", "head_init": "glorot", "stage_input": "raw",
}  # fmt: skip


def test_the_profiles_literally():
    assert PROFILES == {"plain": {}, "pytorch": PYTORCH, "google": GOOGLE}
    assert PAPER_STEPS == 2**20


def test_a_recipe_without_a_profile_is_the_ports():
    found = make_recipe({}, kind=Method.Settings).to_json()
    assert {name: found[name] for name in (*SHARED, *PORT)} == SHARED | PORT
    assert make_recipe({"profile": "pytorch"}, kind=Method.Settings).to_json() == found


def test_google_differs_from_the_port_in_these_alone():
    found = make_recipe({"profile": "google"}, kind=Method.Settings)
    port = make_recipe({}, kind=Method.Settings)
    assert found.differing(port) == {k: v for k, v in GOOGLE.items() if k != "head_init"} | {"stage_input": "activated"}
    assert {name: found.to_json()[name] for name in SHARED} == SHARED


def test_plain_is_the_defaults():
    assert make_recipe({"profile": "plain"}, kind=MarginMix.Settings) == MarginMix.Settings()


def test_settings_lie_over_the_profile_and_the_profile_over_a_methods_own_defaults():
    assert make_recipe({"profile": "google", "rampup": 0.5}, kind=Method.Settings).rampup == 0.5
    assert (
        FixMatch.Settings().rampup == 0 and make_recipe({"profile": "google"}, kind=FixMatch.Settings).rampup == 1 / 64
    )


def test_a_profile_says_nothing_of_settings_that_a_method_does_not_have():
    assert "rampup" not in make_recipe({"profile": "google"}, kind=Recipe).to_json()


def test_an_unknown_profile_is_refused():
    with pytest.raises(UserError, match="somewhere: unknown profile 'gogle'.*google"):
        make_recipe({"profile": "gogle"}, "somewhere")


def test_defaults_that_are_a_methods_own():
    fixed = FixMatch.Settings()
    assert (fixed.confidence_threshold, fixed.unlabelled_loss, fixed.lambda_u, fixed.augmentations) == (
        0.95, "cross-entropy", 1.0, 1)  # fmt: skip
    assert MeanTeacher.Settings().teacher == "average"
    margin = MarginMix.Settings()
    assert (margin.margin, margin.membership_temperature, margin.fuzzifier) == ("softmax", 0.5, 1.5)


@pytest.mark.parametrize(("wrong", "told"), [
    ({"score_window": 4, "evaluations": 3}, "found score_window 4, evaluations 3, steps 6"),
    ({"evaluations": 7, "score_window": 2}, "found score_window 2, evaluations 7, steps 6"),
])  # fmt: skip
def test_more_evaluations_than_steps_or_a_wider_window_are_refused(wrong, told):
    with pytest.raises(UserError, match=told):
        make_recipe({"steps": 6, "evaluations": 3, "score_window": 2, **wrong})
