"""How many labels each class gives: equal or natural shares, and the spill rule."""

import numpy as np


def equal_shares(total: int, order: np.ndarray) -> np.ndarray:
    """`total` over len(order) classes, the remainder one each to the first classes of `order`; int64 [C]."""
    share, remainder = divmod(total, len(order))
    shares = np.full(len(order), share, np.int64)
    shares[order[:remainder]] += 1
    return shares


def natural_shares(total: int, present: np.ndarray) -> np.ndarray:
    """`total` over the classes in proportion to `present`, at least one each; int64 [C].

    By the divisors 1, 3, 5, … (Sainte-Laguë), which favour neither large classes nor small.
    """
    shares = np.ones(len(present), np.int64)
    for _ in range(total - len(present)):
        shares[np.argmax(present / (2 * shares + 1))] += 1
    return shares


def spill(asked: np.ndarray, present: np.ndarray, order: np.ndarray) -> np.ndarray:
    """What classes can give, int64 [C]: at most `present`, and what some lack goes to the others, evenly.

    A remainder goes to the first of those others in `order`. The sum stays that of `asked`, which must not exceed
    that of `present`.
    """
    given = np.minimum(asked, present)
    while lack := int(asked.sum() - given.sum()):
        able = order[given[order] < present[order]]
        more = np.zeros_like(given)
        more[able] = equal_shares(lack, np.arange(len(able)))
        given = np.minimum(given + more, present)
    return given
