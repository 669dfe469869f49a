"""What metrics.csv says besides accuracy: losses, quality of the guessed labels, geometry of the centroids."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from marginmix.files import write_atomically
from marginmix.label_shift import ESTIMATES
from marginmix.methods.step import Method
from marginmix.training.diagnosis import DIAGNOSED
from marginmix.training.evaluate import Evaluation

_LOSSES = ("labelled", "unlabelled", "margin")
_SUMMED = ("steps", *(f"loss_{name}" for name in _LOSSES), "guesses", "confidence", "entropy", "known", "right")

COLUMNS = (
    "step", "loss", "loss_labelled", "loss_unlabelled", "loss_margin", "lambda_u", "learning_rate",
    "accuracy", "balanced_accuracy", "accuracy_centroid", "balanced_accuracy_centroid",
    "validation_accuracy", "validation_balanced_accuracy", "validation_calibration_error",
    "guess_accuracy", "guess_confidence", "guess_entropy",
    "centroid_distance_min", "centroid_distance_mean", "distance_own", "distance_other",
    *DIAGNOSED,
)  # fmt: skip


BY_SHARES = tuple(
    f"{name}_{what}" for name in (*ESTIMATES, "true") for what in ("accuracy", "balanced_accuracy", "distance")
)
"""Validation accuracies of predictions adjusted to class shares, and how far these are from the true ones."""


class StepSums:
    """Sums over the steps since the last evaluation, kept on the device: a step never waits for the host."""

    def __init__(self, device: torch.device):
        self._sums = torch.zeros(len(_SUMMED), dtype=torch.float64, device=device)

    @torch.no_grad()
    def add(self, terms: Mapping[str, Tensor], guesses: Tensor | None, truth: Tensor) -> None:
        """One step: weighted loss terms, guessed labels [B, C] and the true classes [B], -1 where nobody knows them.

        The true classes are read here, for the record, and nowhere else.
        """
        zero = self._sums.new_zeros(())
        values = [zero + 1, *(terms.get(name, zero) for name in _LOSSES)]
        if guesses is None:
            values += [zero] * 5
        else:
            confidence, best = guesses.max(1)
            known = truth >= 0
            entropy = -torch.special.xlogy(guesses, guesses).sum()
            right = (known & (best == truth)).sum()
            values += [zero + len(guesses), confidence.sum(), entropy, known.sum(), right]
        self._sums += torch.stack([value.to(self._sums.dtype) for value in values])

    def finite(self) -> bool:
        """Whether all losses since the last evaluation were finite."""
        return bool(self._sums.isfinite().all())

    def means_and_reset(self) -> dict[str, float]:
        """Mean losses per step; accuracy and confidence (percent) and entropy (nats) per guessed label."""
        sums = dict(zip(_SUMMED, self._sums.tolist(), strict=True))
        self._sums.zero_()
        steps = max(sums["steps"], 1)
        row = {f"loss_{name}": sums[f"loss_{name}"] / steps for name in _LOSSES}
        row["loss"] = sum(row.values())
        if sums["guesses"]:
            row["guess_confidence"] = 100 * sums["confidence"] / sums["guesses"]
            row["guess_entropy"] = sums["entropy"] / sums["guesses"]
        if sums["known"]:
            row["guess_accuracy"] = 100 * sums["right"] / sums["known"]
        return row

    def state(self) -> Tensor:
        return self._sums

    def load_state(self, sums: Tensor) -> None:
        self._sums.copy_(sums)


def centroid_metrics(method: Method, evaluation: Evaluation) -> dict[str, float]:
    """Squared distances: smallest and mean between centroids; mean of an image to its own and to the nearest other."""
    positions = method.centroids.positions
    between = torch.pdist(positions.float()).square()
    return {
        "centroid_distance_min": float(between.min()),
        "centroid_distance_mean": float(between.mean()),
        "distance_own": evaluation.own,
        "distance_other": evaluation.other,
    }


def write_metrics(path: Path, history: Sequence[Mapping[str, float]], classes: Sequence[str]) -> None:
    """metrics.csv: one row per evaluation; empty where a number does not apply."""
    by_shares = BY_SHARES if any(BY_SHARES[0] in row for row in history) else ()
    write_rows(path, history, [*COLUMNS, *by_shares, *(f"recall_{name}" for name in classes)])


def write_rows(path: Path, rows: Sequence[Mapping[str, float | str]], columns: Sequence[str]) -> None:
    """A CSV of `columns`; empty where a row has none, or not a number."""
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
