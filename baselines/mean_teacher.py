"""Mean Teacher (Tarvainen & Valpola, NeurIPS 2017): the averaged network's prediction is the label of another view."""

from dataclasses import dataclass

from torch import Tensor

from marginmix.methods.base import Batch, Method, Outputs, labelled_and_last
from marginmix.runs.setting import inherited
from marginmix.views.step_draws import Draws


class MeanTeacher(Method):
    """The teacher is the averaged network. It predicts on the first weak view, and the student learns this prediction
    on the last one, by the squared error of probabilities with a ramp-up.

    The MixMatch and FixMatch papers compare with these settings (google-research/fixmatch, mean_teacher.py):

        profile: google, augmentations: 2, unlabelled_loss: squared, lambda_u: 50, rampup: 0.4,
        optimiser: sgd, momentum: 0.9, learning_rate: 0.03, schedule: cosine, weight_decay: 0.0005, ema_decay: 0.999

    The profile has `unlabelled_pool: all`: labelled images are among the unlabelled ones, so the consistency loss
    covers them too, as in the paper. We leave out the rest of the original: Gaussian noise and dropout, a 13-layer
    network, and ramps of the learning rate, Adam's β and the average. Its ramp-up is exp(−5 (1 − t)²), ours is linear.
    """

    title = "Mean Teacher"

    @dataclass(frozen=True)
    class Settings(Method.Settings):
        teacher: str = inherited(Method.Settings, "teacher", "average")

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        return seen.logits[0].softmax(1)

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return labelled_and_last(batch, self.recipe.unlabelled_ratio)
