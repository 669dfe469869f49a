"""metrics.csv: losses under the method's names for them, quality of the guessed labels, accuracies."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from marginmix.analysis.diagnosis import DIAGNOSED
from marginmix.analysis.label_shift import ESTIMATES
from marginmix.errors import UserError
from marginmix.files import write_atomically
from marginmix.runs.collapse import COLUMNS as ONE_SIDEDNESS

_GUESSES = ("images", "guesses", "confidence", "entropy", "known", "right")

BY_SHARES = tuple(
    f"{name}_{what}" for name in (*ESTIMATES, "true") for what in ("accuracy", "balanced_accuracy", "distance")
)
"""Validation accuracies of predictions adjusted to class shares, and the distance of these from the true shares."""

COLUMNS = (
    "learning_rate", "accuracy", "balanced_accuracy",
    "validation_accuracy", "validation_balanced_accuracy", "validation_calibration_error",
    "guess_coverage", "guess_accuracy", "guess_confidence", "guess_entropy", *ONE_SIDEDNESS, *DIAGNOSED, *BY_SHARES,
)  # fmt: skip
"""The columns that every method shares, in order, after step, loss and the terms of the loss."""


class StepSums:
    """Sums over the steps since the last evaluation. They stay on the device, so a step never waits for the host.

    A method has the same terms of the loss in every step.
    """

    def __init__(self, device: torch.device):
        self._device, self._terms = device, ()
        self._sums = torch.zeros(0, dtype=torch.float64, device=device)
        self._guessed = torch.zeros(0, dtype=torch.float64, device=device)
        """Sum of the guessed labels [C]; empty until there are some."""

    @torch.no_grad()
    def add(self, terms: Mapping[str, Tensor], guesses: Tensor | None, truth: Tensor) -> None:
        """One step: weighted loss terms, guessed labels [B, C] (a row of zeros means no guess), true classes [B] (-1:
        unknown).

        Only this record reads the true classes. Raises `UserError` where the names of the terms change.
        """
        if not self._terms:
            self._name(terms)
        if tuple(terms) != self._terms:
            raise UserError(
                f"losses: expected the terms {', '.join(self._terms)} as in the first step, found {', '.join(terms)}; "
                "return the same terms in every step"
            )
        zero = self._sums.new_zeros(())
        values = [zero + 1, *terms.values()]
        if guesses is None:
            values += [zero] * len(_GUESSES)
        else:
            if not len(self._guessed):
                self._guessed = self._sums.new_zeros(guesses.shape[1])
            self._guessed += guesses.sum(0)
            confidence, best = guesses.max(1)
            kept = guesses.sum(1) > 0
            known = kept & (truth >= 0)
            entropy = -torch.special.xlogy(guesses, guesses).sum()
            right = (known & (best == truth)).sum()
            values += [zero + len(guesses), kept.sum(), confidence.sum(), entropy, known.sum(), right]
        self._sums += torch.stack([value.to(self._sums.dtype) for value in values])

    def _name(self, terms: Iterable[str]) -> None:
        self._terms = tuple(terms)
        self._sums = torch.zeros(1 + len(self._terms) + len(_GUESSES), dtype=torch.float64, device=self._device)

    def finite(self) -> bool:
        """Whether all terms since the last evaluation were finite."""
        return bool(self._sums.isfinite().all())

    def guess_shares(self) -> list[float] | None:
        """Class shares [C] of the guessed labels since the last evaluation; None where there were none."""
        total = float(self._guessed.sum())
        return (self._guessed / total).tolist() if total > 0 else None

    def means_and_reset(self) -> dict[str, float]:
        """Means for each step: the loss, which is the sum of its terms, and each term. For the guesses: accuracy and
        confidence (percent), entropy (nats), and coverage, the share of images that keep a guess (percent)."""
        losses = tuple(f"loss_{name}" for name in self._terms)
        names = ("steps", *losses, *_GUESSES) if self._terms else ()
        sums = dict(zip(names, self._sums.tolist(), strict=True))
        self._sums.zero_()
        self._guessed.zero_()
        row = {name: sums[name] / max(sums["steps"], 1) for name in losses}
        row = {"loss": sum(row.values()), **row}
        if sums.get("images"):
            row["guess_coverage"] = 100 * sums["guesses"] / sums["images"]
        if sums.get("guesses"):
            row["guess_confidence"] = 100 * sums["confidence"] / sums["guesses"]
            row["guess_entropy"] = sums["entropy"] / sums["guesses"]
        if sums.get("known"):
            row["guess_accuracy"] = 100 * sums["right"] / sums["known"]
        return row

    def state(self) -> dict[str, Any]:
        return {"terms": list(self._terms), "sums": self._sums, "guessed": self._guessed}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._name(state["terms"])
        self._sums = state["sums"].to(self._device, copy=True)
        if "guessed" in state:
            self._guessed = state["guessed"].to(self._device, copy=True)


def columns_of(history: Sequence[Mapping[str, float]], classes: Sequence[str]) -> list[str]:
    """The columns of metrics.csv: step, the loss and its terms, those of `COLUMNS` that occur, the method's own,
    recalls."""
    found = dict.fromkeys(name for row in history for name in row)
    losses = [name for name in found if name == "loss" or name.startswith("loss_")]
    known = [name for name in COLUMNS if name in found]
    recalls = [f"recall_{name}" for name in classes]
    own = [name for name in found if name not in {"step", *losses, *known, *recalls}]
    return ["step", *losses, *known, *own, *recalls]


def write_metrics(path: Path, history: Sequence[Mapping[str, float]], classes: Sequence[str]) -> None:
    """Write metrics.csv: one row for each evaluation; empty where a number does not apply."""
    write_rows(path, history, columns_of(history, classes))


def write_rows(path: Path, rows: Sequence[Mapping[str, float | str]], columns: Sequence[str]) -> None:
    """Write a CSV of `columns`; empty where a row lacks a value, or it is not a number."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_text(row.get(column)) for column in columns])
    write_atomically(path, buffer.getvalue())


def _text(value: float | str | None) -> str:
    if isinstance(value, str):
        return value
    if value is None or math.isnan(value):
        return ""
    return f"{value:.6g}" if not float(value).is_integer() else str(int(value))
