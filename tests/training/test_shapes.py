"""What a method returns in a wrong shape is refused in one line that names the method, the part and both shapes."""

import pytest

from baselines.mixmatch import MixMatch
from marginmix.errors import UserError
from marginmix.methods.base import Batch
from marginmix.training.trainer import Trainer
from tests.toy_training import small_recipe, toy_data


class FewLabels(MixMatch):
    def mix(self, batch, draws):
        return Batch(batch.images, batch.labels[:, :2], batch.size)


class OddImages(MixMatch):
    def mix(self, batch, draws):
        return Batch(batch.images[:7], batch.labels[:7], batch.size)


class OneEach(MixMatch):
    def losses(self, logits, embeddings, batch, step):
        return {"each": logits.logsumexp(1)}


class Classes(MixMatch):
    def predict(self, seen):
        return {"best": seen.logits.argmax(1)}


@pytest.mark.parametrize(("kind", "told"), [
    (FewLabels, r"FewLabels.mix: expected shape \(18, 3\), found \(18, 2\)"),
    (OddImages, r"OddImages.mix: expected shape \(6, 1, 8, 8\), found \(7, 1, 8, 8\)"),
    (OneEach, r"OneEach.losses, 'each': expected shape \(\), found \(18,\)"),
    (Classes, r"Classes.predict, 'best': expected shape \(30, 3\), found \(30,\)"),
])  # fmt: skip
def test_a_wrong_shape_is_refused(kind, told):
    trainer = Trainer(small_recipe("mixmatch"), kind, toy_data(), "toy/15/0")
    with pytest.raises(UserError, match=told):
        trainer.step()
        trainer.evaluate()
