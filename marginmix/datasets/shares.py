"""How many labels each class gets: equal or natural shares, and the spill rule."""

import numpy as np


def equal_shares(total: int, order: np.ndarray) -> np.ndarray:
    """`total` divided equally over C = len(order) classes; int64 [C]. The first classes of `order` get one more each
    until the remainder is used up."""
    share, remainder = divmod(total, len(order))
    shares = np.full(len(order), share, np.int64)
    shares[order[:remainder]] += 1
    return shares


def natural_shares(total: int, present: np.ndarray) -> np.ndarray:
    """`total` divided over the classes in proportion to `present` [C], at least one each; int64 [C].

    Uses the divisors 1, 3, 5, … (Sainte-Laguë), which favour neither large classes nor small ones.
    """
    shares = np.ones(len(present), np.int64)
    for _ in range(total - len(present)):
        shares[np.argmax(present / (2 * shares + 1))] += 1
    return shares


def spill(asked: np.ndarray, present: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The spill rule: `asked` [C], limited to `present` [C]. What some classes lack is spread evenly over the others.
    int64 [C].

    A remainder goes to the first of those others in `order`. The sum stays that of `asked`, which must not exceed that
    of `present`.
    """
    given = np.minimum(asked, present)
    while lack := int(asked.sum() - given.sum()):
        able = order[given[order] < present[order]]
        more = np.zeros_like(given)
        more[able] = equal_shares(lack, np.arange(len(able)))
        given = np.minimum(given + more, present)
    return given
