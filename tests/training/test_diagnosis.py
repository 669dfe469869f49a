"""What is told of guessed labels, against cases solved by hand; and that telling it changes nothing."""

import math

import pytest
import torch

from marginmix.training.diagnosis import DIAGNOSED, _gradient, _in_the_middle, calibration_error, diagnose
from marginmix.training.running import resolve_method
from marginmix.training.trainer import Trainer
from tests.toy_training import METHODS, small_recipe, toy_data


def trained(name, **settings):
    trainer = Trainer(small_recipe(**settings), resolve_method(METHODS[name]), toy_data(), "toy/15/0")
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


def test_none_where_no_labels_are_guessed_or_the_pool_is_less_than_a_batch():
    trainer = trained("supervised", diagnosed=30)
    assert diagnose(trainer.method, trainer.network, trainer.data) == {}
    trainer = trained("mixmatch", diagnosed=5)
    assert diagnose(trainer.method, trainer.network, trainer.data) == {}
