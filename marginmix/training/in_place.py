"""What a call changed other than tensors in place: replays of a recorded step do not repeat that."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

GENERATORS = {
    "random": (random.getstate, random.setstate),
    "numpy.random": (np.random.get_state, np.random.set_state),
    "PyTorch's random numbers of the CPU": (torch.get_rng_state, torch.set_rng_state),
}
"""The host's, by what a user calls them: how to read and how to set the state of each."""


class Kept:
    """Attributes, buffers and parameters of `holders`, and the host's generators of random numbers, as they are now.

    Tensors count by where their values lie, numbers and words by themselves, lists and dictionaries by their parts, and
    anything else by which object it is.
    """

    def __init__(self, holders: Iterable[object]):
        self._holders = list(holders)
        self._before = [(_marks(holder), tree_map(lambda leaf: leaf, vars(holder))) for holder in self._holders]
        self._random = {name: read() for name, (read, _) in GENERATORS.items()}

    def changed(self) -> list[str]:
        """Names of what is not as it was."""
        pairs = zip(self._holders, self._before, strict=True)
        found = [
            f"{type(holder).__name__}.{name}" for holder, (marks, _) in pairs for name in _differing(marks, holder)
        ]
        found += [name for name, (read, _) in GENERATORS.items() if not _equal(read(), self._random[name])]
        return list(dict.fromkeys(found))

    def restore(self) -> None:
        """Put everything back, but for the values of tensors."""
        for holder, (_, attributes) in zip(self._holders, self._before, strict=True):
            vars(holder).clear()
            vars(holder).update(attributes)
        for name, (_, write) in GENERATORS.items():
            write(self._random[name])


def _equal(state: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(tree_leaves(state), tree_leaves(other), strict=True))


def _differing(marks: dict[str, list], holder: object) -> Iterator[str]:
    now = _marks(holder)
    return (name for name in {**marks, **now} if marks.get(name) != now.get(name))


def _marks(holder: object) -> dict[str, list]:
    attributes = dict(vars(holder))
    attributes.pop("training", None)  # every step sets it, whatever an evaluation left
    for group in ("_parameters", "_buffers"):
        attributes |= attributes.pop(group, {})
    return {name: [_mark(leaf) for leaf in tree_leaves(value)] for name, value in attributes.items()}


def _mark(leaf: object) -> object:
    if isinstance(leaf, Tensor):
        return leaf.data_ptr() or id(leaf)  # an empty tensor lies nowhere
    return leaf if isinstance(leaf, bool | int | float | str | None) else id(leaf)
