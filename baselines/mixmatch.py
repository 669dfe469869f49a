"""MixMatch (Berthelot et al., NeurIPS 2019): labels are the network's own predictions, averaged and sharpened.

The setting `profile` chooses between its two fidelity profiles, `pytorch` and `google`.
"""

from dataclasses import dataclass

from torch import Tensor

from marginmix.methods.base import Method, Outputs
from marginmix.methods.mixing import sharpen
from marginmix.runs.setting import setting


class MixMatch(Method):
    """The shared step, with the label guessing of the MixMatch paper (algorithm 1, lines 7 and 8)."""

    title = "MixMatch"

    @dataclass(frozen=True)
    class Settings(Method.Settings):
        temperature: float = setting(
            0.5, "T of sharpening predictions; 1 does not sharpen (MixMatch: 0.5)", within="(0, inf)"
        )

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        return sharpen(seen.logits.softmax(2).mean(0), self.recipe.temperature)
