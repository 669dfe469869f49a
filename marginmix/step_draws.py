"""Every random choice of a step, as a pure function of (cell, step). Applying them is elsewhere.

So a run resumes from its state and its step alone, and all methods on a cell see the same labelled images, unlabelled
images, crops, flips and mixing partners.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from marginmix.draws import shuffled
from marginmix.strong import draw_strong

NOTHING = torch.zeros(0, 8, dtype=torch.float64)


@dataclass(frozen=True)
class Draws:
    """The choices of one step, B = batch size, K = augmentations, M = (1 + K) B.

    labelled, unlabelled: int64 [B], positions in the two pools. offsets: int64 [M, 2], rows and columns by which a crop
    is shifted, in 0..2 shift. flips: bool [M]. partners: int64 [M], whom each image is mixed with. lam: float32 [M, 1],
    its own share in the mixture, at least 1/2. Views are ordered labelled, first unlabelled, second unlabelled, ….
    strong: float64 [S, 8], packed `StrongDraws` of S = B unlabelled images; S = 0 where the method wants none.
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
        """Overwrite these tensors in place, without waiting where they lie on a GPU."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs.pin_memory() if mine.is_cuda else theirs, non_blocking=True)

    def row(self, index: Tensor) -> "Draws":
        """One step of stacked draws; `index` is an integer tensor of no dimension. The host is not asked for it."""
        return Draws(*(tensor.index_select(0, index.view(1)).squeeze(0) for tensor in self.tensors()))


@dataclass(frozen=True)
class Drawer:
    """Draws the steps of one cell.

    `cell` names it (dataset/labels/seed); `labelled` and `unlabelled` are the sizes of the pools, from which images
    come in shuffled passes, not with replacement; `offsets` is the number of crop positions along one axis; `strong`
    says whether strong views are drawn too.
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

    def step(self, step: int) -> Draws:
        """The choices of step `step` (0, 1, …)."""
        key = hashlib.sha256(f"{self.cell}/step/{step}".encode()).digest()
        rng = np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))
        views = (1 + self.augmentations) * self.batch_size
        lam = rng.beta(self.alpha, self.alpha, size=(views if self.lambda_per_example else 1, 1))
        lam = np.broadcast_to(np.maximum(lam, 1 - lam), (views, 1)).astype(np.float32)
        return Draws(
            labelled=torch.from_numpy(self._take("labelled", self.labelled, step)),
            unlabelled=torch.from_numpy(self._take("unlabelled", self.unlabelled, step)),
            offsets=torch.from_numpy(rng.integers(0, self.offsets, size=(views, 2))),
            flips=torch.from_numpy(rng.random(views) < 0.5 if self.flip else np.zeros(views, dtype=bool)),
            partners=torch.from_numpy(rng.permutation(views)),
            lam=torch.from_numpy(lam),
            strong=draw_strong(f"{self.cell}/strong/{step}", self.batch_size).packed() if self.strong else NOTHING,
        )

    def _take(self, pool: str, size: int, step: int) -> np.ndarray:
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        turns = positions // size
        taken = np.empty(self.batch_size, dtype=np.int64)
        for turn in np.unique(turns):
            here = turns == turn
            taken[here] = _order(f"{self.cell}/{pool}/{turn}", size)[positions[here] % size]
        return taken


@functools.lru_cache(maxsize=8)
def _order(text: str, size: int) -> np.ndarray:
    return shuffled(np.arange(size), text)
