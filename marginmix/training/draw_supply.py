"""Draws for many steps at once on the device: the host draws ahead while the device works."""

import torch
from torch import Tensor

from marginmix.views.step_draws import Drawer, Draws

BLOCK = 64
"""Steps whose draws travel together."""


class DrawSupply:
    """The draws of consecutive blocks of steps, in tensors that stay in place.

    The host calls `refill` between steps. The device calls `take` inside a step, which may be recorded.
    """

    def __init__(self, drawer: Drawer, device: torch.device, block: int = BLOCK):
        self.drawer, self.block = drawer, block
        self._held = Draws.stack([drawer.step(step) for step in range(block)]).to(device)
        self._first = 0

    def refill(self, step: int) -> None:
        """Bring the draws of `step` to the device, unless they are there."""
        first = step - step % self.block
        if first != self._first:
            drawn = Draws.stack([self.drawer.step(i) for i in range(first, first + self.block)])
            self._held.copy_from(drawn)
            self._first = first

    def take(self, step: Tensor) -> Draws:
        """The draws of `step`, a scalar integer tensor on the device."""
        return self._held.row(step % self.block)
