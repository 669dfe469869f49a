"""What is told of guessed labels, against cases solved by hand; and that telling it changes nothing."""

import math
from dataclasses import replace

import pytest
import torch

from marginmix.analysis.diagnosis import DIAGNOSED, _gradient, _in_the_middle, calibration_error, diagnose, spread
from marginmix.analysis.separability import fisher_ratio
from marginmix.analysis.snapshots import take_snapshot
from marginmix.errors import UserError
from marginmix.methods.base import Method
from marginmix.views.augment import Scaling
from tests.toy_training import small_recipe, toy_data, toy_trainer


def trained(name, **settings):
    trainer = toy_trainer(name, **settings)
    trainer.start()
    for _ in range(3):
        trainer.step()
    return trainer


def test_calibration_error_by_hand():
    """Two images at 0.75 of which one is right, one at 0.95 that is right: (2 * 0.25 + 1 * 0.05) / 3."""
    probabilities = torch.tensor([[0.75, 0.25], [0.25, 0.75], [0.95, 0.05]])
    assert calibration_error(probabilities, torch.tensor([0, 0, 0])) == pytest.approx(100 * 0.55 / 3, abs=1e-4)
    assert calibration_error(torch.eye(3), torch.arange(3)) == 0


def test_images_between_two_class_means():
    """Unit vectors at 0 and 90 degrees; 45 degrees lies between them, 10 degrees does not, whatever the norms."""
    labelled, labels = torch.tensor([[3.0, 0.0], [0.0, 5.0]]), torch.eye(2)
    angles = torch.deg2rad(torch.tensor([45.0, 10.0, 80.0, 44.0]))
    points = 7 * torch.stack([angles.cos(), angles.sin()], 1)
    assert _in_the_middle(points, labelled, labels) == 0.5


def test_gradient_of_the_squared_error_by_hand():
    """p = (1/2, 1/2), q = (1, 0), C = 2: dL/dz = p_k (p_k - q_k - Σ_j p_j (p_j - q_j)) = (-1/4, 1/4)."""
    gradient = _gradient(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), "squared")
    assert gradient[0].tolist() == pytest.approx([-0.25, 0.25])
    gradient = _gradient(torch.zeros(3, 2), torch.tensor([[1.0, 0.0]]).expand(3, 2), "cross-entropy")
    assert gradient.norm(dim=1).tolist() == pytest.approx(3 * [math.sqrt(0.5)])


@pytest.mark.parametrize("name", ["mixmatch", "marginmix", "pseudo-label", "mixup"])
def test_a_diagnosed_run_is_the_same_run(name):
    plain, diagnosed = trained(name, evaluations=6), trained(name, evaluations=6, diagnosed=30)
    row = diagnosed.evaluate()
    assert set(DIAGNOSED) <= set(row) and not set(DIAGNOSED) & set(plain.evaluate())
    shares = [row[f"guess_share_{i}"] for i in range(1, 6)]
    assert sum(shares) == pytest.approx(100)
    assert all(math.isnan(row[f"gradient_{i}"]) == (share == 0) for i, share in enumerate(shares, 1))
    plain.step()
    diagnosed.step()
    for part in ("network", "average", "method"):
        theirs = diagnosed.state()[part]
        assert all(torch.equal(value, theirs[key]) for key, value in plain.state()[part].items())


def test_none_where_no_labels_are_guessed():
    trainer = trained("supervised", diagnosed=30)
    assert diagnose(trainer.method, trainer.network, trainer.data, trainer.clock) == {}
    trainer = trained("pseudo-label", diagnosed=30, confidence_threshold=1.0)
    assert diagnose(trainer.method, trainer.network, trainer.data, trainer.clock) == {}
    with pytest.raises(UserError, match="diagnosed must be 0 or at least batch_size"):
        small_recipe(diagnosed=5)


def test_batches_of_a_sorted_pool_hold_all_its_classes():
    """20 images of each of three classes, one class after the other: 18 of them in three batches."""
    classes = torch.arange(3).repeat_interleave(20)
    batches = classes[spread(torch.arange(60), 18, 6)].view(3, 6)
    assert [batch.bincount().tolist() for batch in batches] == 3 * [[2, 2, 2]]
    assert spread(torch.arange(4), 6, 6).tolist() == [0, 0, 1, 2, 2, 3]


def test_points_of_one_class_have_no_middle():
    assert math.isnan(_in_the_middle(torch.eye(2), torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])))


def test_snapshots_keep_planes_and_measure_every_embedding():
    trainer = trained("embedding", network="alexnet-2d")
    arrays, rows = take_snapshot(trainer)
    assert arrays["points"].shape == (75, 2) and arrays["centroids"].shape == (3, 2)
    places = [(row["step"], row["part"], row["space"]) for row in rows]
    assert places == [(3, part, space) for part in ("train", "test") for space in ("raw", "normalised")]
    points, targets = arrays["points"].numpy(), trainer.data.targets[trainer.data.training].numpy()
    assert rows[0]["fisher_ratio"] == pytest.approx(fisher_ratio(points.astype(float), targets), rel=1e-2)
    arrays, rows = take_snapshot(trained("mixmatch"))
    assert arrays == {} and [row["space"] for row in rows] == 2 * ["normalised"]


class Table(torch.nn.Module):
    """Says of an image the row of `rows` whose number is in its pixels, and tells its mode."""

    def __init__(self, *rows):
        super().__init__()
        self.rows, self.modes = torch.tensor(rows, dtype=torch.float64), []

    def forward(self, images):
        self.modes.append(self.training)
        found = self.rows[images[:, 0, 0, 0].long()]
        return found, found


class Guesses(Method):
    """The guessed labels are what the network says."""

    def self_label(self, seen, step):
        return seen.logits[0]


def of_numbers(numbers, targets, rows, **settings):
    """A trainer of the image `numbers` with the classes `targets`, all of them unlabelled and labelled."""
    data, every = toy_data(), torch.arange(len(numbers))
    images = torch.tensor(numbers, dtype=torch.uint8)[:, None, None, None].expand(-1, 8, 8, 1).clone()
    scaling = Scaling(torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
    data = replace(data, images=images, targets=torch.tensor(targets), labelled=every, unlabelled=every, test=every,
                   validation=every, training=every, scaling=scaling)  # fmt: skip
    trainer = toy_trainer("mixmatch", data, **settings)
    trainer.average.module = Table(*rows)
    return trainer


def test_entropies_are_told_in_fifths_of_the_largest_one():
    """One-hot: 0; 0.85, 0.15: 0.423 / log 3 = 0.38, the second fifth; uniform: 1, the last. Two images each; true
    shares are a third each, guessed ones (1 + 0.85 + 1/3) / 3 of the first class."""
    rows = [[1.0, 0.0, 0.0], [0.85, 0.15, 0.0], [1 / 3, 1 / 3, 1 / 3]]
    trainer = of_numbers([0, 1, 2] * 2, [0, 1, 2] * 2, rows, diagnosed=6)
    method, network = Guesses(trainer.recipe, trainer.method.task), Table(*rows)
    row = diagnose(method, network, trainer.data, torch.tensor(0.0))
    assert [row[f"guess_share_{i}"] for i in range(1, 6)] == pytest.approx([100 / 3, 100 / 3, 0, 0, 100 / 3], rel=1e-6)
    assert row["guess_imbalance"] == pytest.approx(100 * ((1 + 0.85 + 1 / 3) / 3 - 1 / 3), rel=1e-6)
    assert network.modes == [True], "labels are guessed in training mode"


def test_guesses_with_the_true_shares_are_not_imbalanced_however_skewed_these_are():
    trainer = of_numbers([0, 0, 0, 0, 1, 2], [0, 0, 0, 0, 1, 2], torch.eye(3).tolist(), diagnosed=6)
    method = Guesses(trainer.recipe, trainer.method.task)
    row = diagnose(method, Table(*torch.eye(3).tolist()), trainer.data, torch.tensor(0.0))
    assert row["guess_imbalance"] == pytest.approx(0, abs=1e-5) and row["guess_calibration_error"] == 0


def test_centroids_of_a_snapshot_are_means_of_normalised_points():
    """Class 0 at (3, 0) and (0, 1): its mean direction is (1/2, 1/2); class 1 at (0, -2) twice."""
    rows = [[3.0, 0.0], [0.0, 1.0], [0.0, -2.0]]
    trainer = of_numbers([0, 1, 2, 2], [0, 0, 1, 1], rows, network="alexnet-2d")
    arrays, _ = take_snapshot(trainer)
    assert arrays["centroids"].tolist() == [[0.5, 0.5], [0.0, -1.0], [0.0, 0.0]]
    assert arrays["points"].tolist() == [rows[i] for i in (0, 1, 2, 2)]
    assert float(arrays["accuracy"]) == 25  # 0 and 1 for class 0, 0 and 0 for class 1
