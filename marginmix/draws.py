"""Random draws that depend only on a text, the same on every machine and with every numpy.

Only Philox's raw bits are used: numpy keeps those, but not what its Generator makes of them (NEP 19).
"""

import hashlib

import numpy as np


def _bits(text: str, size: int) -> np.ndarray:
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
    return np.random.Philox(key=key).random_raw(size)


def shuffled(values: np.ndarray, text: str) -> np.ndarray:
    """`values` [N] in an order drawn from `text`."""
    return np.asarray(values)[np.argsort(_bits(text, len(values)), kind="stable")]


def uniform(text: str, *shape: int) -> np.ndarray:
    """Numbers in [0, 1) drawn from `text`, float64 of the given shape."""
    return ((_bits(text, int(np.prod(shape))) >> 11) * 2.0**-53).reshape(shape)
