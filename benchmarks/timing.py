"""Timing of several steps against each other: in turns, in one process, so that what disturbs one disturbs all."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def wait_for(device: torch.device) -> None:
    """A GPU works on while the host goes ahead; a clock must not."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(function: Callable[[], object], times: int, device: torch.device) -> float:
    """Mean wall time of one of `times` calls."""
    wait_for(device)
    began = time.perf_counter()
    for _ in range(times):
        function()
    wait_for(device)
    return (time.perf_counter() - began) / times


def in_turns(functions: Mapping[str, Callable[[], object]], device: torch.device, rounds: int = 5,
             at_least: float = 0.6) -> dict[str, list[float]]:  # fmt: skip
    """Seconds a call of each of `functions`, `rounds` times in turns; each turn is as many calls as fill `at_least`
    seconds, after a first call that is not counted."""
    once = {name: (function(), seconds(function, 1, device))[1] for name, function in functions.items()}
    times = {name: max(2, round(at_least / duration)) for name, duration in once.items()}
    turns = [{name: seconds(f, times[name], device) for name, f in functions.items()} for _ in range(rounds)]
    return {name: [turn[name] for turn in turns] for name in functions}


def median_ratio(slow: list[float], quick: list[float]) -> float:
    """How many times as fast `quick` is, as the median over the turns."""
    return statistics.median(a / b for a, b in zip(slow, quick, strict=True))
