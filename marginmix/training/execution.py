"""How a step is executed: operation by operation, compiled, or recorded as a CUDA graph and replayed.

Mathematics and draws are the same in all of them; rounding is not, so a run says in result.json which one it had.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch

from marginmix.errors import UserError

MODES = ("auto", "eager", "compiled", "graph", "compiled-graph")
WARM_UP = 3
"""Steps that are executed as they are before one is recorded: libraries choose and allocate in the first ones."""


@dataclass(frozen=True)
class Execution:
    """`compiled`: by torch.compile. `captured`: a whole step is one CUDA graph, launched as one."""

    compiled: bool
    captured: bool

    @property
    def name(self) -> str:
        return {(0, 0): "eager", (1, 0): "compiled", (0, 1): "graph"}.get(
            (self.compiled, self.captured), "compiled-graph"
        )


EAGER = Execution(compiled=False, captured=False)


def choose(mode: str, device: torch.device) -> Execution:
    """The execution that `mode` names. auto: graph on a GPU, where launching costs more than computing; eager on a
    CPU, where compiling was measured to gain nothing (benchmarks/results). A `UserError` where it cannot be had."""
    if mode not in MODES:
        raise UserError(f"execution: expected one of {', '.join(MODES)}, found {mode!r}")
    if mode == "auto":
        mode = "graph" if device.type == "cuda" else "eager"
    if "graph" in mode and device.type != "cuda":
        raise UserError(f"execution: {mode} records CUDA graphs, but the device is {device.type}; set execution: auto")
    return Execution("compiled" in mode, "graph" in mode)


def compiled(function: Callable) -> Callable:
    """`function` by torch.compile, for inputs of one shape. In deterministic mode no kernel is chosen by timing it."""
    import torch._inductor.config as inductor  # takes a second

    inductor.deterministic = torch.are_deterministic_algorithms_enabled()
    return torch.compile(function, dynamic=False)


class Recorded:
    """A function without arguments or result, whose tensors stay where they are: after a few calls one is recorded as a
    CUDA graph, the following ones replay it.

    Where it cannot be recorded (a method that asks the host for a number), one line says so, and it is called as it is;
    `captured` tells.
    """

    def __init__(self, function: Callable[[], None]):
        self.function, self.captured = function, True
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        if self._graph is None and self.captured and self._calls == WARM_UP:
            self._record()
        if self._graph is not None:
            self._graph.replay()
        elif self.captured:
            self._calls += 1
            self._aside()
        else:
            self.function()

    def _aside(self) -> None:
        """On a stream of its own, as recording will be."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self.function()
        torch.cuda.current_stream().wait_stream(stream)

    def _record(self) -> None:
        """Recording executes nothing: no state changes, whether it succeeds or not."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.function()
        except RuntimeError as error:
            self.captured = False
            print(f"this step cannot be recorded as a CUDA graph ({str(error).splitlines()[0]}); training eagerly",
                  file=sys.stderr)  # fmt: skip
        else:
            self._graph = graph
