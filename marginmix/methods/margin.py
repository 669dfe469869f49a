"""Step 4 of Margin-Mix: candidates for its margin loss, whose exact form is not public.

Each takes squared distances d [N, C] to the centroids and soft labels y [N, C], and returns a mean over N. Each pulls
an embedding towards the centroid of its own class and away from the others, so that few stay in the middle.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from marginmix.runs.recipe import Recipe
from marginmix.runs.setting import setting


@dataclass(frozen=True)
class MarginSettings(Recipe):
    """The settings of the margin loss."""

    margin: str = setting(
        "triplet",
        "form of the margin loss; the authors' is not public",
        "hinge",
        "ratio",
        "triplet",
        "triplet-nearest",
        "softmax",
        "none",
    )
    margin_width: float = setting(
        0.3, "mu of hinge and triplet, in squared distance on the unit sphere (0 to 4)", within="[0, inf)"
    )
    margin_temperature: float = setting(0.1, "tau of the distance softmax", within="(0, inf)")
    margin_delta: float = setting(1.0, "delta of the ratio form (Qi & Su 2017: 1)", within="(0, inf)")
    margin_weight: float = setting(1.0, "weight of the margin loss", within="[0, inf)")
    margin_on: str = setting("labelled", "the mixtures that it applies to", "labelled", "all")


def hinge(d: Tensor, y: Tensor, width: float) -> Tensor:
    """Σ_k [ y_k d_k + (1 − y_k)/(C − 1) · max(0, μ − d_k) ]."""
    others = (1 - y) / (d.shape[1] - 1)
    return (y * d + others * (width - d).relu()).sum(1).mean()


def ratio(d: Tensor, y: Tensor, delta: float) -> Tensor:
    """Contrastive-centre (Qi & Su 2017): Σ_k y_k d_k / (δ + Σ_k (1 − y_k) d_k)."""
    return ((y * d).sum(1) / (delta + ((1 - y) * d).sum(1))).mean()


def triplet(d: Tensor, y: Tensor, width: float) -> Tensor:
    """max(0, μ + Σ_k y_k d_k − d_j), averaged over the classes j with weights (1 − y_j)/(C − 1)."""
    own = (y * d).sum(1, keepdim=True)
    others = (1 - y) / (d.shape[1] - 1)
    return (others * (width + own - d).relu()).sum(1).mean()


def triplet_nearest(d: Tensor, y: Tensor, width: float) -> Tensor:
    """max(0, μ + Σ_k y_k d_k − d_j), where j is the nearest class other than the largest of the label."""
    own = (y * d).sum(1)
    other = d.scatter(1, y.argmax(1, keepdim=True), torch.inf).amin(1)
    return (width + own - other).relu().mean()


def distance_softmax(d: Tensor, y: Tensor, temperature: float) -> Tensor:
    """−Σ_k y_k log softmax_k(−d_k/τ)."""
    return -(y * (-d / temperature).log_softmax(1)).sum(1).mean()


def margin_loss(d: Tensor, y: Tensor, recipe: MarginSettings) -> Tensor:
    """The margin loss in the form `recipe.margin`, without its weight."""
    match recipe.margin:
        case "hinge":
            return hinge(d, y, recipe.margin_width)
        case "ratio":
            return ratio(d, y, recipe.margin_delta)
        case "triplet":
            return triplet(d, y, recipe.margin_width)
        case "triplet-nearest":
            return triplet_nearest(d, y, recipe.margin_width)
        case "softmax":
            return distance_softmax(d, y, recipe.margin_temperature)
    return d.new_zeros(())
