"""MixMatch (Berthelot et al., NeurIPS 2019): labels are the network's own predictions, averaged and sharpened.

Its two fidelity profiles, `pytorch` and `google`, are settings of the recipe (`profile:`).
"""

from torch import Tensor

from marginmix.methods.mixing import sharpen
from marginmix.methods.step import Method, Seen


class MixMatch(Method):
    """The shared step as it stands, with label guessing by algorithm 1, lines 7 and 8, of the MixMatch paper."""

    def self_label(self, seen: Seen, step: Tensor) -> Tensor:
        return sharpen(seen.logits.softmax(2).mean(0), self.recipe.temperature)
