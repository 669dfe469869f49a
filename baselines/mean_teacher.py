"""Mean Teacher (Tarvainen & Valpola, NeurIPS 2017): the averaged network's prediction is the label of another view."""

from torch import Tensor

from marginmix.methods.base import Batch, Method, Outputs, labelled_and_last
from marginmix.step_draws import Draws


class MeanTeacher(Method):
    """The teacher predicts on the first weak view, the student learns it on the last one. Set `teacher: average`,
    so that the averaged network guesses, and `augmentations: 2`. The squared error of probabilities and the ramp-up of
    λ_u are the paper's; its consistency on labelled images is left out.
    """

    title = "Mean Teacher"

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        return seen.logits[0].softmax(1)

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return labelled_and_last(batch, self.recipe.unlabelled_ratio)
