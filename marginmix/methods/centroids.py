"""Step 1 of Margin-Mix: one centroid for each class by fuzzy C-means, from labelled points first, later from all."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def squared_distances(embeddings: Tensor, centroids: Tensor) -> Tensor:
    """d_k = ‖ē − c_k‖², [N, C], of embeddings [N, D] (normalised here to ē = e/‖e‖) to centroids [C, D]."""
    unit = F.normalize(embeddings, dim=1)
    d = unit.square().sum(1, keepdim=True) - 2 * unit @ centroids.T + centroids.square().sum(1)
    return d.clamp_min(0)


def memberships(distances: Tensor, fuzzifier: float, floor: float, prior: Tensor | None = None,
                prior_exponent: float = 0.0, temperature: float = 1.0) -> Tensor:  # fmt: skip
    """u_k ∝ (π_k^ρ d_k^(−1/(m−1)))^(1/T), rows summing to 1: fuzzy C-means (Bezdek 1981) for ρ = 0 and T = 1.

    `distances` [N, C] are squared and clamped at `floor`; `prior` π [C] is the class prior, None: none.
    """
    scores = distances.clamp_min(floor).log().div(1 - fuzzifier)
    if prior is not None and prior_exponent != 0:
        scores = scores + prior_exponent * prior.clamp_min(1e-8).log()
    return (scores / temperature).softmax(1)


class Centroids(nn.Module):
    """c_k = Σ_i w_i u_ik^m ē_i / Σ_i w_i u_ik^m as running sums over batches. [C, D]; checkpoints hold them.

    A class without any weight yet lies at the origin, at distance 1 from every embedding.
    """

    numerator: Tensor
    denominator: Tensor

    def __init__(self, classes: int, dimensions: int, fuzzifier: float, momentum: float, normalise: bool = False):
        super().__init__()
        self.register_buffer("numerator", torch.zeros(classes, dimensions))
        self.register_buffer("denominator", torch.zeros(classes))
        self.fuzzifier, self.momentum, self.normalise = fuzzifier, momentum, normalise

    @property
    def positions(self) -> Tensor:
        """The centroids [C, D]: inside the unit ball, or on the sphere where `normalise` puts them back."""
        positions = self.numerator / self.denominator.clamp_min(1e-12)[:, None]
        return F.normalize(positions, dim=1) if self.normalise else positions

    def _sums(self, embeddings: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        unit = F.normalize(embeddings, dim=1).to(self.numerator.dtype)
        return weights.T @ unit, weights.sum(0)

    @torch.no_grad()
    def start(self, embeddings: Tensor, labels: Tensor, batch_size: int) -> None:
        """Start from the means of labelled embeddings [N, D] with one-hot labels [N, C], with the weight of one
        batch."""
        numerator, denominator = self._sums(embeddings, labels.to(self.numerator.dtype))
        scale = batch_size / len(embeddings)
        self.numerator.copy_(numerator * scale)
        self.denominator.copy_(denominator * scale)

    @torch.no_grad()
    def update(self, embeddings: Tensor, labels: Tensor, weights: Tensor) -> None:
        """Add one batch: embeddings [N, D], memberships [N, C] (for a labelled point its label), weights [N, 1]."""
        powered = (labels.pow(self.fuzzifier) * weights).to(self.numerator.dtype)
        numerator, denominator = self._sums(embeddings, powered)
        self.numerator.lerp_(numerator, 1 - self.momentum)
        self.denominator.lerp_(denominator, 1 - self.momentum)

    def distances(self, embeddings: Tensor) -> Tensor:
        """Squared distances [N, C] of embeddings [N, D]."""
        return squared_distances(embeddings, self.positions.to(embeddings.dtype))

    def report(self, embeddings: Tensor, targets: Tensor) -> dict[str, float]:
        """Squared distances: the smallest and the mean between two centroids; the mean from the embeddings [N, D] to
        the centroid of their own class `targets` [N], and to the nearest other one."""
        between = torch.pdist(self.positions.float()).square()
        d = self.distances(embeddings)
        return {
            "centroid_distance_min": float(between.min()),
            "centroid_distance_mean": float(between.mean()),
            "distance_own": float(d.gather(1, targets[:, None]).mean()),
            "distance_other": float(d.scatter(1, targets[:, None], torch.inf).amin(1).mean()),
        }
