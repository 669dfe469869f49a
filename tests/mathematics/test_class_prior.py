"""The class prior on guessed labels, by hand."""

import pytest
import torch

from baselines.class_prior import AlignedMixMatch, MixMatchWithPrior
from marginmix.methods.base import Outputs, Task
from marginmix.methods.prior import ClassPrior, PriorSettings
from marginmix.runs.recipe import make_recipe

COUNTS = torch.tensor([6.0, 2.0])
STEP = torch.tensor(0.0)

PREDICTIONS, GUESSES = torch.tensor([[1.0, 0.0], [0.8, 0.2]]), torch.tensor([[0.1, 0.9]])


def recipe(settings, kind=MixMatchWithPrior.Settings):
    return make_recipe(settings, kind=kind)


def task():
    return Task(classes=2, dimensions=1, labelled_counts=COUNTS, unlabelled=10, target_shares=COUNTS / 8)


def seen(probabilities):
    """Two views with the same predictions."""
    logits = torch.tensor(probabilities).log()
    return Outputs(torch.stack([logits, logits]), torch.zeros(2, len(probabilities), 1))


@pytest.mark.parametrize(("source", "start", "after"), [
    ("labelled", [0.7, 0.3], [0.7, 0.3]), ("head", [0.5, 0.5], [0.7, 0.3]), ("guesses", [0.5, 0.5], [0.3, 0.7]),
])  # fmt: skip
def test_a_prior_follows_its_source(source, start, after):
    prior = ClassPrior(source, 0.5, COUNTS)
    assert prior.shares.tolist() == pytest.approx(start)
    prior.follow(PREDICTIONS, GUESSES, STEP)
    assert prior.shares.tolist() == pytest.approx(after)


def test_a_prior_may_have_the_target_shares_from_the_start_on():
    prior = ClassPrior("target", 0.5, COUNTS)
    prior.start(torch.tensor([0.2, 0.8]))
    prior.follow(PREDICTIONS, GUESSES, STEP)
    assert prior.shares.tolist() == pytest.approx([0.2, 0.8])


def test_a_prior_is_held_after_its_share_of_the_run():
    held = recipe({"steps": 10, "evaluations": 1, "score_window": 1, "prior_source": "guesses",
                          "prior_momentum": 0.5, "prior_hold": 0.5}, PriorSettings)  # fmt: skip
    prior = ClassPrior.of(held, COUNTS)
    prior.follow(PREDICTIONS, GUESSES, torch.tensor(4.0))
    assert prior.shares.tolist() == pytest.approx([0.3, 0.7])
    prior.follow(PREDICTIONS, GUESSES, torch.tensor(5.0))
    assert prior.shares.tolist() == pytest.approx([0.3, 0.7])


def test_the_prior_weighs_mixmatchs_guesses():
    method = MixMatchWithPrior(recipe({"temperature": 1.0, "prior_source": "labelled"}), task())
    guess = method.self_label(seen([[0.5, 0.5]]), STEP)
    assert guess[0].tolist() == pytest.approx([0.7, 0.3])
    half = MixMatchWithPrior(
        recipe(
            {"temperature": 0.5, "prior_exponent": 0.5, "prior_source": "labelled"}, kind=MixMatchWithPrior.Settings
        ),
        task(),
    )
    assert half.self_label(seen([[0.5, 0.5]]), STEP)[0].tolist() == pytest.approx([0.7, 0.3])  # exponents cancel


def test_alignment_moves_the_mean_of_the_guesses_to_the_labelled_shares():
    method = AlignedMixMatch(recipe({"temperature": 1.0, "prior_momentum": 0.0}), task())
    predictions = [[0.6, 0.4], [0.2, 0.8]]
    first = method.self_label(seen(predictions), STEP)  # p̃ is (1/2, 1/2) so far
    assert first[0].tolist() == pytest.approx([0.6 * 1.5 / (0.9 + 0.2), 0.4 * 0.5 / (0.9 + 0.2)])
    second = method.self_label(seen(predictions), STEP)  # p̃ = (0.4, 0.6)
    odds = 0.6 / 0.4 * (0.75 / 0.4) / (0.25 / 0.6)
    assert (second[0, 0] / second[0, 1]).item() == pytest.approx(odds, rel=1e-5)


def test_alignment_takes_the_target_shares_that_are_there_at_the_start():
    method = AlignedMixMatch(recipe({"temperature": 1.0, "prior_momentum": 0.0}), task())
    method.task.target_shares.copy_(torch.tensor([0.2, 0.8]))
    method.start(torch.zeros(1, 1), torch.zeros(1, 2))
    guess = method.self_label(seen([[0.5, 0.5]]), STEP)  # p̃ is (1/2, 1/2) so far
    assert guess[0].tolist() == pytest.approx([0.2, 0.8])
