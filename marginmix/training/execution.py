"""How a step runs: operation by operation, compiled, or recorded as a CUDA graph and replayed.

Mathematics and draws are the same in all modes. Rounding is not, so result.json names the mode.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from marginmix.errors import UserError
from marginmix.training.in_place import Kept

MODES = ("auto", "eager", "compiled", "graph", "compiled-graph")
WARM_UP = 3
"""Plain steps before recording: in the first ones libraries choose kernels and allocate memory."""


@dataclass(frozen=True)
class Execution:
    """`compiled`: by torch.compile. `captured`: a whole step is one CUDA graph; where that `may_fail`, it is run
    operation by operation instead."""

    compiled: bool
    captured: bool
    may_fail: bool = False

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
    chosen_here = mode == "auto"
    if chosen_here:
        mode = "graph" if device.type == "cuda" else "eager"
    if "graph" in mode and device.type != "cuda":
        raise UserError(f"execution: {mode} records CUDA graphs, but the device is {device.type}; set execution: auto")
    return Execution("compiled" in mode, "graph" in mode, chosen_here and "graph" in mode)


def compiled(function: Callable) -> Callable:
    """`function` by torch.compile, for inputs of one shape. In deterministic mode it does not choose kernels by
    timing."""
    import torch._inductor.config as inductor  # takes a second

    inductor.deterministic = torch.are_deterministic_algorithms_enabled()
    return torch.compile(function, dynamic=False)


class Recorded:
    """A function without arguments or result, whose tensors stay in place. After a few calls it records one as a CUDA
    graph; later calls replay it.

    Recording fails where the function asks the host for a number, and where it changes `holders`, the objects with its
    state, other than tensors in place: replays would not. Then it prints one line and calls the plain function, and
    `captured` is False; or, unless it `may_fail`, it raises `UserError`. Other errors of the function stay what they
    are, and so does a lack of memory.
    """

    def __init__(
        self, function: Callable[[], None], holders: Callable[[], Iterable[object]] = tuple, may_fail: bool = False
    ):
        self.function, self.holders, self.may_fail, self.captured = function, holders, may_fail, True
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._stream = torch.cuda.Stream()  # one: memory that is freed on a stream is used again on that one only

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
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            self.function()
        torch.cuda.current_stream().wait_stream(self._stream)

    def _record(self) -> None:
        """Recording executes nothing on the device, and what it did on the host is undone where it fails."""
        graph, kept = torch.cuda.CUDAGraph(), Kept(self.holders())
        error = _error_of_recording(graph, self.function)
        if error is None and not (changed := kept.changed()):
            self._graph = graph
            return
        if error is None:
            reason = f"it changes {', '.join(changed)} other than in place"
        elif isinstance(error, RuntimeError) and "out of memory" not in str(error):
            reason = str(error).partition("\n")[0]
        else:
            raise error
        kept.restore()
        self.captured = False
        line = f"this step cannot be recorded as a CUDA graph ({reason})"
        if not self.may_fail:
            raise UserError(
                f"execution: a graph was asked for, but {line}; change the method as the docstring of its base class "
                "says, or set execution: auto"
            ) from error
        print(f"{line}; training eagerly", file=sys.stderr)


def _error_of_recording(graph: torch.cuda.CUDAGraph, function: Callable[[], None]) -> Exception | None:
    """Record `function` into `graph`; the first error. One within lets the end of the recording fail too, with another
    error that hides it."""
    first: Exception | None = None
    try:
        with torch.cuda.graph(graph):
            try:
                function()
            except Exception as error:
                first = error
                raise
    except Exception as error:
        return first or error
    return None
