"""How a step runs: operation by operation, compiled, or recorded as a CUDA graph and replayed.

Mathematics and draws are the same in all modes. Rounding is not, so result.json names the mode.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch

from marginmix.errors import UserError

MODES = ("auto", "eager", "compiled", "graph", "compiled-graph")
WARM_UP = 3
"""Plain steps before recording: in the first ones libraries choose kernels and allocate memory."""


@dataclass(frozen=True)
class Execution:
    """`compiled`: by torch.compile. `captured`: a whole step is one CUDA graph."""

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
    CPU, where compiling gained nothing (benchmarks/results). Raises `UserError` where the device cannot do it."""
    if mode not in MODES:
        raise UserError(f"execution: expected one of {', '.join(MODES)}, found {mode!r}")
    if mode == "auto":
        mode = "graph" if device.type == "cuda" else "eager"
    if "graph" in mode and device.type != "cuda":
        raise UserError(f"execution: {mode} records CUDA graphs, but the device is {device.type}; set execution: auto")
    return Execution("compiled" in mode, "graph" in mode)


def compiled(function: Callable) -> Callable:
    """`function` by torch.compile, for inputs of one shape. In deterministic mode it does not choose kernels by
    timing."""
    import torch._inductor.config as inductor  # takes a second

    inductor.deterministic = torch.are_deterministic_algorithms_enabled()
    return torch.compile(function, dynamic=False)


class Recorded:
    """A function without arguments or result, whose tensors stay in place. After a few calls it records one as a CUDA
    graph; later calls replay it.

    Where recording fails (a method asks the host for a number), it prints one line and calls the plain function.
    `captured` is then False.
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
        """Call on a separate stream, as recording does."""
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
