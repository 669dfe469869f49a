"""Adam (Kingma & Ba 2015) by PyTorch's fused kernel, through its functional form.

`torch.optim`'s classes import the compiler, 3 of the 7 seconds before a job's first step, and keep numbers on the host;
here all state is tensors that stay where they are.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """Adam with β = (0.9, 0.999), ε = 1e-8, as PyTorch and MixMatch have it; `rate` is a tensor that may change."""

    def __init__(self, parameters: Iterable[Tensor], rate: Tensor):
        self.parameters, self.rate = list(parameters), rate
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step of all parameters that have a gradient: the port's network has some that never get one."""
        states = zip(self.parameters, self.means, self.squares, self.steps, strict=True)
        used, means, squares, steps = map(list, zip(*(s for s in states if s[0].grad is not None), strict=True))
        adam(
            used, [p.grad for p in used], means, squares, [], steps, fused=True, amsgrad=False, beta1=0.9, beta2=0.999,
            lr=self.rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip

    def state(self) -> dict[str, list[Tensor]]:
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def load_state(self, state: dict[str, list[Tensor]]) -> None:
        with torch.no_grad():
            for name, tensors in self.state().items():
                for mine, theirs in zip(tensors, state[name], strict=True):
                    mine.copy_(theirs)
