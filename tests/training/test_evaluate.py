"""The numbers that are reported, by hand: which network, which images, which column, and what the files keep of them.

The networks here are tables: an image's pixels say its number, and the table what the network says of it.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score
from torch import nn

from baselines.supervised import Supervised
from marginmix import datasets
from marginmix.datasets.splits import make_split
from marginmix.files import read_json
from marginmix.methods.base import Method, Outputs
from marginmix.training.data import TrainingData, gather
from marginmix.training.evaluate import BATCH, accuracy, balanced_accuracy, confusion, embed, evaluate, recalls
from marginmix.training.outputs import write_outputs
from marginmix.training.trainer import Trainer
from marginmix.views.augment import Scaling
from tests.toy_training import METHODS, small_recipe, toy_data, toy_trainer
from tests.training.specs import Place

AS_THEY_ARE = Scaling(torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))


class Says(nn.Module):
    """A network whose logits, and embeddings, of the image number n are row n of `table`."""

    def __init__(self, table: torch.Tensor):
        super().__init__()
        self.register_buffer("table", table.double())
        self.modes: list[bool] = []

    def forward(self, images):
        self.modes.append(self.training)
        found = self.table[images[:, 0, 0, 0].long()]
        return found, found


class Fixed(Method):
    """Its own prediction is the head's, the other one, `odd`, the class after it."""

    def predict(self, seen):
        return {"own": seen.logits, "odd": seen.logits.roll(1, 1)}


def numbered(count: int) -> torch.Tensor:
    """`count` images of 8 pixels a side, each full of its number."""
    return torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(count, 8, 8, 1).clone()


def table_of(*predicted: int) -> torch.Tensor:
    return 4 * torch.eye(3, dtype=torch.float64)[list(predicted)]


def method_of(kind: type[Method], **settings) -> Method:
    """With what it knows of the toy data."""
    return kind(small_recipe("supervised", **settings), toy_trainer("supervised").method.task)


# Reading off a confusion matrix


def test_recall_is_the_share_of_the_true_class_that_is_found():
    found = np.array([[3, 1], [0, 2]])
    assert recalls(found).tolist() == [75, 100]
    assert balanced_accuracy(found) == 87.5
    assert accuracy(found) == pytest.approx(100 * 5 / 6)


def test_a_class_without_images_has_no_recall_and_does_not_count():
    found = np.array([[3, 1, 0], [0, 0, 0], [1, 0, 1]])
    assert np.isnan(recalls(found)[1])
    assert balanced_accuracy(found) == (75 + 50) / 2


def test_accuracies_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    targets, predicted = rng.integers(0, 4, 300), rng.integers(0, 5, 300) % 4
    found = confusion(torch.from_numpy(targets), torch.from_numpy(predicted), 4)
    assert accuracy(found) == pytest.approx(100 * accuracy_score(targets, predicted), rel=1e-12)
    assert balanced_accuracy(found) == pytest.approx(100 * balanced_accuracy_score(targets, predicted), rel=1e-12)
    assert recalls(found) == pytest.approx(100 * recall_score(targets, predicted, average=None), rel=1e-12)


# A network and a method on a set of images


def test_each_prediction_of_a_method_has_its_accuracies_its_own_without_a_name():
    network, targets = Says(table_of(0, 0, 1, 2)), torch.tensor([0, 1, 1, 1])
    found = evaluate(method_of(Fixed), network, numbered(4), targets, AS_THEY_ARE)
    assert found.accuracies() == pytest.approx({
        "accuracy": 50, "balanced_accuracy": (100 + 100 / 3) / 2,  # 0, 0, 1, 2
        "accuracy_odd": 25, "balanced_accuracy_odd": (0 + 100 / 3) / 2,  # 1, 1, 2, 0
    })  # fmt: skip
    assert found.confusion.tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 0]]
    assert found.confusions["odd"].tolist() == [[0, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert found.predicted.tolist() == [0, 0, 1, 2] and found.predicted.dtype == torch.uint8
    sure = np.exp(4) / (np.exp(4) + 2)
    assert found.calibration == pytest.approx(100 * abs(sure - 0.5))  # all in one bin, half of them right


def test_an_adjustment_is_added_to_the_methods_own_scores_alone():
    network, targets = Says(table_of(0, 1, 2)), torch.tensor([0, 1, 2])
    shift = torch.tensor([0.0, 0.0, 5.0])
    found = evaluate(method_of(Fixed), network, numbered(3), targets, AS_THEY_ARE, shift)
    assert found.predicted.tolist() == [2, 2, 2]
    assert found.confusions["odd"].argmax(1).tolist() == [1, 2, 0]


def test_images_are_evaluated_in_evaluation_mode_in_order_and_in_batches():
    network = Says(torch.arange(60.0).view(20, 3)).train()
    logits, embeddings = embed(network, numbered(20).repeat(BATCH // 20 + 1, 1, 1, 1), AS_THEY_ARE, "fp64")
    expected = torch.arange(60.0, dtype=torch.float64).view(20, 3).repeat(BATCH // 20 + 1, 1)
    assert torch.equal(logits, expected) and torch.equal(embeddings, expected)
    assert network.modes == [False, False]


def test_the_nearest_centroid_is_what_marginmix_predicts_beside_its_head():
    """Unit vectors at 0, 90 and 180 degrees as centroids; embeddings at 10, 80 and 100 degrees, of classes 0, 1, 2."""
    trainer = toy_trainer("marginmix")
    method = replace_centroids(trainer.method, [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    angles = torch.deg2rad(torch.tensor([10.0, 80.0, 100.0], dtype=torch.float64))
    seen = embedded(3 * torch.stack([angles.cos(), angles.sin()], 1))
    assert method.predict(seen)["centroid"].argmax(1).tolist() == [0, 1, 1]
    assert method.predict(seen)["head"] is seen.logits
    targets = torch.tensor([0, 1, 2])
    row = method.report(seen, targets, torch.tensor(0.0))
    near, far = (2 - 2 * np.cos(np.deg2rad(angle)) for angle in (10, 80))
    assert row["distance_own"] == pytest.approx((near + near + far) / 3)
    assert row["distance_other"] == pytest.approx((far + far + near) / 3)


def test_distances_between_centroids_are_squared():
    """Corners at 0, 90 and 180 degrees: 2, 2 and 4; inside the unit ball too."""
    method = replace_centroids(toy_trainer("marginmix").method, [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    row = method.report(embedded(torch.eye(2, dtype=torch.float64)), torch.tensor([0, 1]), torch.tensor(0.0))
    assert (row["centroid_distance_min"], row["centroid_distance_mean"]) == pytest.approx((2, 8 / 3))
    method = replace_centroids(method, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    row = method.report(embedded(torch.eye(2, dtype=torch.float64)), torch.tensor([0, 1]), torch.tensor(0.0))
    assert (row["centroid_distance_min"], row["centroid_distance_mean"]) == pytest.approx((1, 4 / 3))


def replace_centroids(method, positions):
    method.centroids.numerator = 2 * torch.tensor(positions, dtype=torch.float64)
    method.centroids.denominator = torch.full((len(positions),), 2.0, dtype=torch.float64)
    return method


def embedded(embeddings):
    return Outputs(torch.zeros(len(embeddings), 3, dtype=torch.float64), embeddings)


# A row of metrics.csv

TARGETS = [0, 1, 2, 0, 0, 0, 1, 2, 0, 0, 0, 1, 1, 2]
"""Labelled 0 to 2, validation 3 to 7, test 8 to 13."""
AVERAGED = [0, 1, 2, 0, 0, 1, 0, 2, 0, 0, 1, 1, 2, 2]
"""What the averaged network says: on validation 3 of 5 are right, on test 4 of 6."""


@pytest.fixture
def measured() -> Trainer:
    """A trainer whose averaged network says `AVERAGED`, and the one in training 1 of every image."""
    some = torch.arange(3)
    data = TrainingData(
        numbered(14), torch.tensor(TARGETS), some, some, torch.arange(3, 8), torch.arange(8, 14), training=some,
        classes=("top", "middle", "bottom"), scaling=AS_THEY_ARE, shift=1, flip=True,
    )  # fmt: skip
    trainer = toy_trainer("supervised", data, score_window=2)
    trainer.average.module, trainer.network = Says(table_of(*AVERAGED)), Says(table_of(*[1] * 14))
    return trainer


def test_a_row_tells_of_the_averaged_network_on_the_test_images_and_on_the_validation_images(measured):
    row = measured.evaluate()
    assert row["accuracy"] == pytest.approx(100 * 4 / 6)
    assert row["balanced_accuracy"] == pytest.approx((200 / 3 + 50 + 100) / 3)
    assert row["validation_accuracy"] == pytest.approx(60)
    assert row["validation_balanced_accuracy"] == pytest.approx((200 / 3 + 0 + 100) / 3)
    sure = np.exp(4) / (np.exp(4) + 2)
    assert row["validation_calibration_error"] == pytest.approx(100 * (sure - 0.6))
    assert [row[f"recall_{name}"] for name in ("top", "middle", "bottom")] == pytest.approx([200 / 3, 50, 100])
    assert measured.confusion == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert measured.average.module.modes == [False, False]


def test_predictions_of_the_last_evaluations_are_kept(measured):
    for step, said in enumerate((AVERAGED, [2] * 14, [0] * 14), 1):
        measured.average.module = Says(table_of(*said))
        measured.completed = step
        measured.evaluate()
    assert {step: found.tolist() for step, found in measured.predicted.items()} == {"2": [2] * 6, "3": [0] * 6}


def test_without_validation_images_no_row_tells_of_them(measured):
    measured.data = replace(measured.data, validation=torch.arange(0))
    assert not [name for name in measured.evaluate() if name.startswith("validation")]


def test_predictions_adjusted_to_shares_by_hand(measured):
    """Logits 4 beside 0; shares of 1 to e^5 turn every class into the last one, on validation and on test."""
    recipe = replace(measured.recipe, prediction="shares", target_shares="true", shares_examined=True)
    measured.recipe = recipe
    equal, last = [1 / 3] * 3, [1 / (2 + np.exp(5)), 1 / (2 + np.exp(5)), np.exp(5) / (2 + np.exp(5))]
    measured.shares = {"labelled": equal, "em": equal, "em-calibrated": [0.5, 0.5, 0.0], "bbse": last, "true": last}
    row = measured.evaluate()
    assert row["accuracy"] == pytest.approx(100 / 6) and row["validation_accuracy"] == pytest.approx(20)
    assert (row["em_accuracy"], row["bbse_accuracy"], row["true_accuracy"]) == pytest.approx((60, 20, 20))
    assert row["true_balanced_accuracy"] == pytest.approx(100 / 3)
    assert row["em_distance"] == pytest.approx(100 * (last[2] - 1 / 3))
    assert row["em-calibrated_distance"] == pytest.approx(100 * last[2])
    assert row["true_distance"] == 0


# The files of a finished run


@pytest.fixture
def finished(tmp_path):
    """A function that writes the files of a trainer of 6 steps, and the trainer."""
    place = Place(tmp_path)
    spec = place.spec(METHODS["supervised"])
    here, bits = spec.machine, spec.bits
    prepared = datasets.prepare(bits.dataset, here.root, here.data_root, here.cache, **bits.options)
    split = make_split(prepared, bits.row, bits.labels, bits.seed)
    data = gather(prepared, prepared.images, bits.row, split, spec.recipe, torch.device("cpu"), False)
    trainer = Trainer(spec.recipe, Supervised, data, spec.key.cell)
    trainer.run(tmp_path / "checkpoints", spec.identity, lambda _: None)

    def write():
        write_outputs(tmp_path / "out", spec, trainer, prepared, split)
        return read_json(tmp_path / "out" / "result.json"), torch.load(tmp_path / "out" / "model.pt", weights_only=True)

    return trainer, write


def test_the_reported_accuracy_is_the_mean_of_the_last_evaluations(finished):
    trainer, write = finished
    for row, found in zip(trainer.history, (50.0, 70.0, 60.0), strict=True):
        row["accuracy"] = found
    result, _ = write()
    assert trainer.recipe.score_window == 2
    assert result["accuracy"] == 65
    assert result["scores"]["last"] == 60 and result["scores"]["best"] == 70 and result["optimism"] == 5


def test_the_kept_network_is_the_averaged_one(finished):
    trainer, write = finished
    _, content = write()
    averaged, online = trainer.average.module.state_dict(), trainer.network.state_dict()
    assert all(torch.equal(value, averaged[name]) for name, value in content["network"].items())
    assert not all(torch.equal(value, online[name]) for name, value in content["network"].items())


def test_a_run_that_was_resumed_elsewhere_is_not_exact(finished):
    trainer, write = finished
    assert write()[0]["exact"] is trainer.provenance[0]["deterministic"]
    here = {**trainer.provenance[0], "deterministic": True}
    trainer._here = here
    assert write()[0]["exact"] is True
    trainer.load_state({**trainer.state(), "provenance": [{**here, "name": "another processor"}]})
    result, _ = write()
    assert result["exact"] is False and len(result["provenance"]) == 2
    trainer._earlier, trainer._here = [], {**here, "deterministic": False}
    assert write()[0]["exact"] is False


def test_a_diverged_run_counts_as_chance(finished):
    trainer, write = finished
    trainer.diverged = True
    result, _ = write()
    assert result["accuracy"] == 50 and result["diverged"] is True and result["scores"]["mean"] == 50


def test_a_run_ends_at_the_first_evaluation_after_a_loss_that_is_no_number(tmp_path):
    trainer = toy_trainer("supervised", toy_data(), steps=6, evaluations=3)
    one_step = trainer.one_step

    def broken():
        one_step()
        if int(trainer.clock) == 1:
            trainer.sums.add({"labelled": torch.tensor(float("nan"))}, None, torch.tensor([0]))

    trainer.advance = broken
    trainer.run(tmp_path, "id", lambda _: None)
    assert trainer.diverged and trainer.completed == 2 and len(trainer.history) == 1
