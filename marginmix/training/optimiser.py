"""The optimisers: Adam (Kingma & Ba 2015), and gradient descent with Nesterov's momentum (Sutskever et al. 2013).

`torch.optim` imports the compiler, 3 of the 7 seconds before a job's first step, and keeps numbers on the host. Here
all state is tensors that stay in place.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from marginmix.runs.recipe import Recipe
from marginmix.training.ema import decayed_tensors


class Optimiser:
    """Trains `parameters`; `rate` is a scalar tensor that may change."""

    def __init__(self, parameters: Iterable[Tensor], rate: Tensor):
        self.parameters, self.rate = list(parameters), rate

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """One step of all parameters that have a gradient: the port's network has some that never get one."""
        raise NotImplementedError

    def state(self) -> dict[str, list[Tensor]]:
        """What the next step depends on besides parameters, gradients and rate."""
        raise NotImplementedError

    def load_state(self, state: dict[str, list[Tensor]]) -> None:
        with torch.no_grad():
            for name, tensors in self.state().items():
                for mine, theirs in zip(tensors, state[name], strict=True):
                    mine.copy_(theirs)


class Adam(Optimiser):
    """Adam with β = (0.9, 0.999), ε = 1e-8, as PyTorch and MixMatch have it, with PyTorch's fused kernel."""

    def __init__(self, parameters: Iterable[Tensor], rate: Tensor):
        super().__init__(parameters, rate)
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        states = zip(self.parameters, self.means, self.squares, self.steps, strict=True)
        used, means, squares, steps = map(list, zip(*(s for s in states if s[0].grad is not None), strict=True))
        adam(
            used, [p.grad for p in used], means, squares, [], steps, fused=True, amsgrad=False, beta1=0.9, beta2=0.999,
            lr=self.rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip

    def state(self) -> dict[str, list[Tensor]]:
        return {"means": self.means, "squares": self.squares, "steps": self.steps}


class SGD(Optimiser):
    """v ← μ v + g, then w ← w − rate (g + μ v), as PyTorch and TensorFlow write Nesterov's momentum μ.

    g is the gradient of the loss plus weight_decay / 2 ‖w‖², the latter only for parameters among the `decayed`
    tensors, as in google-research/fixmatch. So this decay goes through the momentum.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        rate: Tensor,
        momentum: float,
        weight_decay: float = 0.0,
        decayed: Iterable[Tensor] = (),
    ):
        super().__init__(parameters, rate)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocities = [torch.zeros_like(p) for p in self.parameters]
        chosen = {id(tensor) for tensor in decayed} if weight_decay else set()
        self._decayed = [p for p in self.parameters if id(p) in chosen]

    @torch.no_grad()
    def step(self) -> None:
        if decayed := [p for p in self._decayed if p.grad is not None]:
            torch._foreach_add_([p.grad for p in decayed], decayed, alpha=self.weight_decay)
        states = zip(self.parameters, self.velocities, strict=True)
        used, velocities = map(list, zip(*(s for s in states if s[0].grad is not None), strict=True))
        gradients = [p.grad for p in used]
        torch._foreach_mul_(velocities, self.momentum)
        torch._foreach_add_(velocities, gradients)
        steps = torch._foreach_add(gradients, velocities, alpha=self.momentum)
        torch._foreach_mul_(steps, self.rate)
        torch._foreach_sub_(used, steps)

    def state(self) -> dict[str, list[Tensor]]:
        return {"velocities": self.velocities}


def make_optimiser(recipe: Recipe, network: nn.Module, rate: Tensor) -> Optimiser:
    """The optimiser of the recipe. Adam's weight decay is a step of its own (`WeightDecay`), SGD's is in its loss."""
    if recipe.optimiser == "adam":
        return Adam(network.parameters(), rate)
    decayed = decayed_tensors(network, recipe.weight_decay_on)
    return SGD(network.parameters(), rate, recipe.momentum, recipe.weight_decay, decayed)
