"""Progress lines of a job on stderr: step, rate, time left, losses."""

import sys
import time
from typing import TextIO

from marginmix.training.trainer import Trainer


class Progress:
    """Prints a line every `every_s` seconds, and one at the end; `name` says which of several jobs it is."""

    def __init__(self, name: str, every_s: float = 10.0, stream: TextIO | None = None):
        self._name, self._every, self._stream = name, every_s, stream or sys.stderr
        self._printed = time.monotonic()
        self._counted: tuple[float, int] | None = None

    def __call__(self, trainer: Trainer) -> None:
        now, done, steps = time.monotonic(), trainer.completed, trainer.recipe.steps
        if self._counted is None:  # the first step here warms up, and a resumed run does not begin at 0
            self._counted = (now, done)
        if now - self._printed < self._every and not trainer.ended:
            return
        self._printed = now
        since, first = self._counted
        parts = [f"{self._name}: step {done:,}/{steps:,}"]
        if done > first and now > since:
            rate = (done - first) / (now - since)
            parts += [f"{rate:.1f} steps/s", f"{(steps - done) / rate:.0f} s left"]
        if trainer.history:
            row = trainer.history[-1]
            terms = [f"{name[5:]} {value:.3f}" for name, value in row.items() if name.startswith("loss_")]
            parts += [f"loss {row['loss']:.3f} ({', '.join(terms)})", f"test accuracy {row['accuracy']:.1f} %"]
        print(", ".join(parts) + (", diverged" if trainer.diverged else ""), file=self._stream, flush=True)
