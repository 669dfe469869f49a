"""MixMatch (Berthelot et al., NeurIPS 2019): labels are the network's own predictions, averaged and sharpened.

Its two fidelity profiles, `pytorch` and `google`, are settings of the recipe (`profile:`).
"""

from dataclasses import dataclass

from torch import Tensor

from marginmix.methods.base import Method, Outputs
from marginmix.methods.mixing import sharpen
from marginmix.runs.setting import setting


class MixMatch(Method):
    """The shared step as it stands, with label guessing by algorithm 1, lines 7 and 8, of the MixMatch paper."""

    title = "MixMatch"

    @dataclass(frozen=True)
    class Settings(Method.Settings):
        temperature: float = setting(
            0.5, "T of sharpening predictions; 1 leaves guessed labels as they are (MixMatch: 0.5)", within="(0, inf)"
        )

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        return sharpen(seen.logits.softmax(2).mean(0), self.recipe.temperature)
