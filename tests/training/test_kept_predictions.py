"""The predicted classes that a run keeps: which evaluations, of what type, and through a checkpoint."""

from types import SimpleNamespace

import pytest
import torch

from marginmix.training import checkpoints
from marginmix.training.evaluate import evaluate
from marginmix.training.running import resolve_method
from marginmix.training.trainer import Trainer
from tests.toy_training import METHODS, small_recipe, toy_data

HEAD_ALONE = SimpleNamespace(recipe=SimpleNamespace(precision="fp32"), predict=lambda seen: {"head": seen.logits})


class FirstPixel(torch.nn.Module):
    """Gives each image the class that its first two bytes spell."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, images):
        said = images[:, 0, 0, 0].long() + 256 * images[:, 0, 0, 1].long()
        return torch.nn.functional.one_hot(said, self.classes).float(), images.flatten(1)


@pytest.mark.parametrize(("classes", "dtype"), [(3, torch.uint8), (256, torch.uint8), (300, torch.uint16)])
def test_predicted_classes_in_the_least_bytes(classes, dtype, tmp_path):
    said = torch.tensor([0, 2, 1, classes - 1])
    images = torch.zeros(4, 1, 1, 2, dtype=torch.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = said % 256, said // 256
    truth = torch.tensor([0, 1, 1, 0])
    found = evaluate(HEAD_ALONE, FirstPixel(classes), images, truth, lambda batch: batch)
    assert found.predicted.dtype == dtype and found.predicted.tolist() == said.tolist()
    assert found.confusion.trace() == 2
    checkpoints.save(tmp_path, {"predicted": {"5": found.predicted}}, "id")
    again = checkpoints.load(tmp_path, "id")["predicted"]["5"]
    assert again.dtype == dtype and again.tolist() == said.tolist()


def test_those_of_the_last_evaluations_are_kept(tmp_path):
    recipe = small_recipe(steps=4, evaluations=4, score_window=3)
    trainer = Trainer(recipe, resolve_method(METHODS["supervised"]), toy_data(), "toy/15/0")
    seen = {}

    def remember(trainer):
        seen[str(trainer.completed)] = trainer.predicted[str(trainer.completed)]

    trainer.run(tmp_path, "id", remember)
    assert list(trainer.predicted) == ["2", "3", "4"]
    assert all(torch.equal(trainer.predicted[step], seen[step]) for step in trainer.predicted)


def test_a_checkpoint_of_before_predictions_were_kept_is_taken_up():
    trainer = Trainer(small_recipe(), resolve_method(METHODS["supervised"]), toy_data(), "toy/15/0")
    state = {name: value for name, value in trainer.state().items() if name != "predicted"}
    trainer.load_state(state)
    assert trainer.predicted == {}
