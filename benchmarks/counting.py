"""Floating-point operations and bytes of a step, counted from the operations that it calls; and its floor."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.ceilings import Ceilings


class Counter(TorchDispatchMode):
    """Within: counts every operation. `flops` and `moved` (bytes read and written, one operation after the other);
    `work` lists (flops, bytes) of convolutions and matrix products alone."""

    def __init__(self):
        super().__init__()
        self.moved, self.work = 0, []

    @property
    def flops(self) -> int:
        return sum(flops for flops, _ in self.work)

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        result = function(*arguments, **keywords)
        if not function.is_view:
            touched = [t for t in tree_leaves((arguments, keywords, result)) if isinstance(t, torch.Tensor)]
            moved = sum(t.numel() * t.element_size() for t in touched)
            self.moved += moved
            counted = flop_registry.get(function.overloadpacket)
            if counted is not None:
                self.work.append((counted(*arguments, **keywords, out_val=result), moved))
        return result

    def floor(self, ceilings: Ceilings) -> float:
        """Seconds that convolutions and matrix products need at the device's ceilings, each bound by its operations or
        by its bytes; all else could be fused into them."""
        return sum(max(flops / ceilings.arithmetic, moved / ceilings.copy) for flops, moved in self.work)
