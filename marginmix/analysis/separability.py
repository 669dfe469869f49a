"""How separable classes are in an embedding space, by four measures that do not depend on the network."""

import numpy as np
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 15
MOST = 3000
"""Number of points for the silhouette and the neighbours, evenly spread over the data, since their cost is
quadratic."""

MEASURES = ("silhouette", "davies_bouldin", "fisher_ratio", "neighbour_error")


def separability(points: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """`MEASURES` of `points` [N, D] with the classes `targets` [N].

    They are NaN if fewer than two classes have points, or if the network collapsed (all points equal) or diverged (a
    point is not finite).

    - silhouette: mean of (b - a) / max(a, b), from -1 to 1 (Rousseeuw 1987).
    - davies_bouldin: mean over classes of the largest (s_i + s_j) / d_ij; at least 0, small if separable (Davies and
      Bouldin 1979).
    - fisher_ratio: trace of the between-class scatter over trace of the within-class scatter; at least 0.
    - neighbour_error: share of points that a vote of their 15 nearest neighbours puts into another class, percent.
    """
    points = np.asarray(points, np.float64)
    if len(np.unique(targets)) < 2 or not np.isfinite(points).all() or (points == points[0]).all():
        return dict.fromkeys(MEASURES, float("nan"))
    few = np.linspace(0, len(points) - 1, min(len(points), MOST)).astype(int)
    return {
        "silhouette": float(silhouette_score(points[few], targets[few])),
        "davies_bouldin": float(davies_bouldin_score(points, targets)),
        "fisher_ratio": fisher_ratio(points, targets),
        "neighbour_error": neighbour_error(points[few], targets[few]),
    }


def fisher_ratio(points: np.ndarray, targets: np.ndarray) -> float:
    """Σ_k n_k ‖m_k - m‖² / Σ_i ‖x_i - m_y(i)‖², from the index of Calinski and Harabasz (1974), which divides both by
    their degrees of freedom. Infinite where each class lies at one point."""
    classes = np.unique(targets)
    if all((points[targets == label] == points[targets == label][0]).all() for label in classes):
        return float("inf")
    return float(calinski_harabasz_score(points, targets)) * (len(classes) - 1) / (len(points) - len(classes))


def neighbour_error(points: np.ndarray, targets: np.ndarray) -> float:
    """Leave-one-out error, in percent, of a vote of the `NEIGHBOURS` nearest points. Ties go to the first class."""
    classes, codes = np.unique(targets, return_inverse=True)
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(points) - 1)).fit(points)
    nearest = search.kneighbors(return_distance=False)
    votes = (codes[nearest][:, :, None] == np.arange(len(classes))).sum(1)
    return 100 * float((votes.argmax(1) != codes).mean())
