"""FixMatch (Sohn et al., NeurIPS 2020): a sure guess on a weak view is the label of a strong view of the same image."""

from baselines.pseudo_label import PseudoLabel
from marginmix.methods.base import Batch, labelled_and_last
from marginmix.step_draws import Draws


class FixMatch(PseudoLabel):
    """Pseudo-Label's hard guesses above `confidence_threshold` (the paper: 0.95), on the weak view; the loss is on the
    strong one. The paper's form is `unlabelled_loss: cross-entropy`, `lambda_u: 1`, `rampup: 0`, `augmentations: 1`.

    Ours, not the paper's: as many unlabelled images a step as labelled ones (the paper: 7 times as many), and this
    project's optimiser.
    """

    title = "FixMatch"
    strong = True

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return labelled_and_last(batch, self.recipe.unlabelled_ratio)  # the last views are the strong ones
