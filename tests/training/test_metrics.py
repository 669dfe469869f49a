"""Sums over steps, and the columns of metrics.csv, by hand."""

import csv
import math

import pytest
import torch

from marginmix.errors import UserError
from marginmix.training.metrics import StepSums, columns_of, write_metrics
from tests.toy_training import toy_trainer

HERE = torch.device("cpu")


def tensor(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def add(sums, labelled, unlabelled, guesses, truth):
    terms = {"labelled": tensor(labelled), "unlabelled": tensor(unlabelled)}
    sums.add(terms, None if guesses is None else torch.tensor(guesses, dtype=torch.float64), torch.tensor(truth))


def two_steps() -> StepSums:
    """Seven images: one without a guess, one of no known class; of the other five, three are guessed right."""
    sums = StepSums(HERE)
    add(sums, 1.0, 0.5, [[0.75, 0.25], [0.0, 0.0], [0.5, 0.5], [1.0, 0.0]], [0, 1, -1, 0])
    add(sums, 2.0, 0.25, [[0.25, 0.75], [0.75, 0.25], [1.0, 0.0]], [1, 1, 1])
    return sums


def test_two_steps_by_hand():
    row = two_steps().means_and_reset()
    entropy = 3 * (-0.75 * math.log(0.75) - 0.25 * math.log(0.25)) + math.log(2)
    assert row == pytest.approx({
        "loss": 1.875, "loss_labelled": 1.5, "loss_unlabelled": 0.375,
        "guess_coverage": 100 * 6 / 7, "guess_confidence": 100 * (3 * 0.75 + 0.5 + 2) / 6,
        "guess_entropy": entropy / 6, "guess_accuracy": 60,
    })  # fmt: skip


def test_sums_begin_anew_after_each_row_and_survive_a_checkpoint():
    sums, other = two_steps(), StepSums(HERE)
    other.load_state(sums.state())
    add(sums, 3.0, 1.0, [[1.0, 0.0]], [0])
    add(other, 3.0, 1.0, [[1.0, 0.0]], [0])
    assert other.means_and_reset() == sums.means_and_reset()
    add(sums, 3.0, 1.0, [[1.0, 0.0]], [0])
    row = sums.means_and_reset()
    assert (row["loss"], row["guess_accuracy"], row["guess_coverage"]) == (4, 100, 100)


def test_nothing_is_told_of_guesses_that_nobody_made_or_can_judge():
    sums = StepSums(HERE)
    assert sums.means_and_reset() == {"loss": 0}
    add(sums, 1.0, 1.0, None, [0])
    assert set(sums.means_and_reset()) == {"loss", "loss_labelled", "loss_unlabelled"}
    add(sums, 1.0, 1.0, [[0.0, 0.0]], [0])
    row = sums.means_and_reset()
    assert row["guess_coverage"] == 0 and "guess_confidence" not in row and "guess_accuracy" not in row
    add(sums, 1.0, 1.0, [[1.0, 0.0]], [-1])
    row = sums.means_and_reset()
    assert row["guess_confidence"] == 100 and "guess_accuracy" not in row


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["labelled", "unlabelled"])
def test_any_term_that_is_not_finite_in_any_step_is_a_divergence(bad, name):
    sums = StepSums(HERE)
    for step in range(3):
        add(sums, *(bad if step == 1 and name == term else 1.0 for term in ("labelled", "unlabelled")), None, [0])
        assert sums.finite() is (step == 0)
    sums.means_and_reset()
    assert sums.finite()


def test_terms_of_other_names_than_in_the_first_step_are_refused():
    sums = two_steps()
    with pytest.raises(UserError, match="expected the terms labelled, unlabelled as in the first step, found other"):
        sums.add({"other": tensor(1.0)}, None, torch.tensor([0]))


def test_guesses_of_a_step_are_judged_by_the_images_that_it_shows():
    trainer = toy_trainer("pseudo-label", score_window=1)
    trainer.start()
    draws = trainer.drawer.step(0)
    images, _, _ = trainer.views(draws)
    with torch.no_grad():
        parts = [trainer.network.train()(part)[0].softmax(1) for part in images[6:].split(6)]
    guessed = (sum(parts) / len(parts)).argmax(1)
    truth = trainer.data.targets[trainer.data.unlabelled[draws.unlabelled]]
    twin = toy_trainer("pseudo-label", score_window=1)
    twin.start()
    twin.step()
    assert twin.sums.means_and_reset()["guess_accuracy"] == pytest.approx(
        100 * float((guessed == truth).double().mean())
    )
    assert not torch.equal(truth, trainer.data.targets[draws.unlabelled])


HISTORY = [
    {"step": 1, "loss": 1.0, "loss_b": 0.5, "loss_a": 0.5, "accuracy": 50.0, "mine": 2.0, "recall_cat": 50.0},
    {"step": 2, "loss": 1.0, "loss_b": 0.5, "loss_a": math.nan, "guess_accuracy": 12.3456789, "learning_rate": 0.1,
     "accuracy": 60.0, "mine": 3.0, "recall_cat": 60.0, "recall_dog": math.nan},
]  # fmt: skip
COLUMNS = ["step", "loss", "loss_b", "loss_a", "learning_rate", "accuracy", "guess_accuracy", "mine", "recall_cat",
           "recall_dog"]  # fmt: skip


def test_columns_are_the_loss_and_its_terms_the_known_ones_the_methods_own_and_recalls():
    assert columns_of(HISTORY, ["cat", "dog"]) == COLUMNS


def test_metrics_are_empty_where_a_number_does_not_apply(tmp_path):
    write_metrics(tmp_path / "metrics.csv", HISTORY, ["cat", "dog"])
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        COLUMNS,
        ["1", "1", "0.5", "0.5", "", "50", "", "2", "50", ""],
        ["2", "1", "0.5", "", "0.1", "60", "12.3457", "3", "60", ""],
    ]
