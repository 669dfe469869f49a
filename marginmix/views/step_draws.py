"""Every random choice of a step, as a pure function of (cell, step). Other modules apply them.

So a run resumes from its state and its step alone, and all methods on a cell see the same labelled images, unlabelled
images, crops, flips and mixing partners. If two methods differ only in µ, they still share the labelled images, and
the crops, flips and strong views of the first B unlabelled ones. Which images these are depends on µ, since each image
comes once in a pass over the pool.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from marginmix.draws import shuffled
from marginmix.views.strong import draw_strong

NOTHING = torch.zeros(0, 8, dtype=torch.float64)


@dataclass(frozen=True)
class Draws:
    """The choices of one step, B = batch size, K = augmentations, µ = unlabelled ratio, M = (1 + K µ) B.

    labelled, unlabelled: int64 [B] and [µB], positions in the two pools. offsets: int64 [M, 2], the shift of
    each crop in rows and columns, in 0..2 shift. flips: bool [M]. partners: int64 [M], the image that each is mixed
    with. lam: float32 [M, 1], its own share in the mixture, at least 1/2. Views are ordered labelled, first
    unlabelled, second unlabelled, ….
    strong: float64 [S, 8], packed `StrongDraws` of S = µB unlabelled images; S = 0 where the method wants none.
    """

    labelled: Tensor
    unlabelled: Tensor
    offsets: Tensor
    flips: Tensor
    partners: Tensor
    lam: Tensor
    strong: Tensor

    @classmethod
    def stack(cls, draws: Sequence["Draws"]) -> "Draws":
        """Many steps' draws as one: every tensor gains a first dimension."""
        return cls(*(torch.stack(tensors) for tensors in zip(*(step.tensors() for step in draws), strict=True)))

    def tensors(self) -> list[Tensor]:
        return [getattr(self, field.name) for field in fields(self)]

    def to(self, device: torch.device) -> "Draws":
        return Draws(*(tensor.to(device) for tensor in self.tensors()))

    def copy_from(self, other: "Draws") -> None:
        """Overwrite these tensors in place; on a GPU without waiting."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs.pin_memory() if mine.is_cuda else theirs, non_blocking=True)

    def row(self, index: Tensor) -> "Draws":
        """One step of stacked draws; `index` is a scalar integer tensor, which stays on the device."""
        return Draws(*(tensor.index_select(0, index.view(1)).squeeze(0) for tensor in self.tensors()))


@dataclass(frozen=True)
class Drawer:
    """Draws the steps of one cell.

    `cell` names it (dataset/labels/seed); `labelled` and `unlabelled` are the sizes of the pools, from which images
    come in shuffled passes, not with replacement; `offsets` is the number of crop positions along one axis; `strong`
    says whether strong views are drawn too; `unlabelled_ratio` µ is how many unlabelled images there are for each
    labelled one.
    """

    cell: str
    labelled: int
    unlabelled: int
    batch_size: int
    augmentations: int
    alpha: float
    lambda_per_example: bool
    offsets: int
    flip: bool
    strong: bool = False
    unlabelled_ratio: int = 1

    def step(self, step: int) -> Draws:
        """The choices of step `step` (0, 1, …)."""
        size, more = self.batch_size, (self.unlabelled_ratio - 1) * self.batch_size
        rng = _generator(f"{self.cell}/step/{step}")
        lam, offsets, flips = self._views(rng, (1 + self.augmentations) * size)
        partners = rng.permutation(len(offsets))
        if more:
            # From a stream of their own, so that the ratio does not change those above.
            rng = _generator(f"{self.cell}/more/{step}")
            added = self._views(rng, self.augmentations * more)
            lam, offsets, flips = (self._widened(*two) for two in zip((lam, offsets, flips), added, strict=True))
            partners = rng.permutation(len(offsets))
        if not self.lambda_per_example:
            lam = lam[:1]
        strong = draw_strong(f"{self.cell}/strong/{step}", size + more).packed() if self.strong else NOTHING
        return Draws(
            labelled=torch.from_numpy(self._take("labelled", self.labelled, step, size)),
            unlabelled=torch.from_numpy(self._take("unlabelled", self.unlabelled, step, size + more)),
            offsets=torch.from_numpy(offsets),
            flips=torch.from_numpy(flips),
            partners=torch.from_numpy(partners),
            lam=torch.from_numpy(np.broadcast_to(lam, (len(offsets), 1)).astype(np.float32)),
            strong=strong,
        )

    def _views(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """λ [count, 1] (all equal with one λ per batch), offsets [count, 2] and flips [count]."""
        lam = rng.beta(self.alpha, self.alpha, size=(count if self.lambda_per_example else 1, 1))
        lam = np.broadcast_to(np.maximum(lam, 1 - lam), (count, 1))
        offsets = rng.integers(0, self.offsets, size=(count, 2))
        return lam, offsets, rng.random(count) < 0.5 if self.flip else np.zeros(count, dtype=bool)

    def _widened(self, views: np.ndarray, more: np.ndarray) -> np.ndarray:
        """Draws of (1 + K) B `views` and of K (µ − 1) B `more` in the order of the views: labelled, first unlabelled
        with more of them, …."""
        labelled, unlabelled = views[: self.batch_size], views[self.batch_size :]
        parts = (values.reshape(self.augmentations, -1, *values.shape[1:]) for values in (unlabelled, more))
        return np.concatenate([labelled, np.concatenate(list(parts), 1).reshape(-1, *views.shape[1:])])

    def _take(self, pool: str, size: int, step: int, count: int) -> np.ndarray:
        positions = np.arange(step * count, (step + 1) * count)
        turns = positions // size
        taken = np.empty(count, dtype=np.int64)
        for turn in np.unique(turns):
            here = turns == turn
            taken[here] = _order(f"{self.cell}/{pool}/{turn}", size)[positions[here] % size]
        return taken


def _generator(text: str) -> np.random.Generator:
    key = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))


@functools.lru_cache(maxsize=8)
def _order(text: str, size: int) -> np.ndarray:
    return shuffled(np.arange(size), text)
