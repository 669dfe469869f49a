"""FixMatch (Sohn et al., NeurIPS 2020): a confident guess on a weak view labels a strong view of the same image."""

from dataclasses import dataclass

from baselines.pseudo_label import PseudoLabel
from marginmix.methods.base import Batch, labelled_and_last
from marginmix.runs.setting import inherited
from marginmix.views.step_draws import Draws


class FixMatch(PseudoLabel):
    """Pseudo-Label's hard guesses above `confidence_threshold` on the weak view; the loss is on the strong view. It is
    the mean over all µB unlabelled images (eq. 4): an image without a guess adds 0.

    The published recipe (google-research/fixmatch) is these settings:

        profile: google, batch_norm_updates: every, rampup: 0, unlabelled_ratio: 7, optimiser: sgd, momentum: 0.9,
        learning_rate: 0.03, schedule: cosine, weight_decay: 0.0005 (CIFAR-100: 0.001), ema_decay: 0.999,
        batch_size: 64, steps: 1048576

    Two things differ. The original code normalises one batch of all B + 2 µB images; here batch-norm takes B images at
    a time, as in every method. Strong views use the paper's RandAugment; the code's default is CTAugment.
    """

    title = "FixMatch"

    @dataclass(frozen=True)
    class Settings(PseudoLabel.Settings):
        confidence_threshold: float = inherited(PseudoLabel.Settings, "confidence_threshold", 0.95)
        unlabelled_loss: str = inherited(PseudoLabel.Settings, "unlabelled_loss", "cross-entropy")
        lambda_u: float = inherited(PseudoLabel.Settings, "lambda_u", 1.0)
        rampup: float = inherited(PseudoLabel.Settings, "rampup", 0.0)
        augmentations: int = inherited(PseudoLabel.Settings, "augmentations", 1)

    strong = True

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        return labelled_and_last(batch, self.recipe.unlabelled_ratio)  # the last views are the strong ones
