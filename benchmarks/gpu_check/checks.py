"""A check, the row that it becomes, and the table of all rows."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
MEASURED = "(measured)"
"""Expected of what is only stated."""


class Skip(Exception):
    """The check cannot be made here; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where checks are made, and whether with fewer methods and steps."""

    device: torch.device
    quick: bool = False

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    @property
    def precision(self) -> str:
        """That of the paper's experiment where the device has it."""
        return "bf16" if self.on_gpu and torch.cuda.get_device_capability(self.device)[0] >= 8 else "fp32"


@dataclass(frozen=True)
class Check:
    """`run` returns what it found, and whether that is as expected. It raises `Skip` where it cannot be made."""

    name: str
    expected: str
    run: Callable[[], tuple[str, bool]]


@dataclass(frozen=True)
class Row:
    """What became of a check. `seconds`: wall time."""

    check: str
    expected: str
    found: str
    status: str
    seconds: float = 0.0


def carry_out(check: Check) -> Row:
    """An error in a check is a failure of that check."""
    began = time.perf_counter()
    try:
        found, right = check.run()
        status = PASSED if right else FAILED
    except Skip as reason:
        found, status = str(reason), SKIPPED
    except Exception as error:
        found, status = in_one_line(error), FAILED
    return Row(check.name, check.expected, found, status, time.perf_counter() - began)


def in_one_line(error: Exception) -> str:
    """Its type, its first line, and the line of code that raised it."""
    where, trace = "", error.__traceback__
    while trace:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}{where}"


def verdict(rows: Sequence[Row]) -> str:
    """How many rows passed; and the first that failed."""
    count = {status: sum(row.status == status for row in rows) for status in (PASSED, FAILED, SKIPPED)}
    told = ", ".join(f"{number} {status}" for status, number in count.items())
    failed = next((row for row in rows if row.status == FAILED), None)
    return f"{told}." + (f" First failure: {failed.check}: {_in_one(failed.found)}" if failed else "")


def table(rows: Iterable[Row]) -> str:
    """All rows in Markdown."""
    lines = ["| check | expected | found | | s |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (row.check, row.expected, row.found, row.status, f"{row.seconds:.1f}")
        lines.append("| " + " | ".join(_in_one(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _in_one(text: str) -> str:
    """The text in one line."""
    return " ".join(text.split())
