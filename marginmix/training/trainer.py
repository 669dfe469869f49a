"""The loop: steps, evaluations, checkpoints. A run is its state; all chance is a function of the step."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from marginmix.analysis.class_shares import Shares, estimated_shares, labelled_shares, true_shares
from marginmix.analysis.diagnosis import diagnose
from marginmix.analysis.label_shift import ESTIMATES, distance
from marginmix.analysis.snapshots import Arrays, take_snapshot
from marginmix.methods.base import Method
from marginmix.runs.collapse import collapsed_at, one_sidedness
from marginmix.training import checkpoints
from marginmix.training.data import TrainingData
from marginmix.training.evaluate import accuracy, balanced_accuracy, confusion, embed, evaluate, recalls
from marginmix.training.execution import EAGER, Execution
from marginmix.training.learner import Learner
from marginmix.training.provenance import COMPUTED, provenance

Row = dict[str, float]


class Trainer(Learner):
    """A learner from its first step to its last, with everything that the run records."""

    def __init__(
        self, recipe: Method.Settings, method: type[Method], data: TrainingData, cell: str, execution: Execution = EAGER
    ):
        super().__init__(recipe, method, data, cell, execution)
        self.history: list[Row] = []
        self.confusion: list[list[int]] = []
        self.predicted: dict[str, Tensor] = {}
        """Step -> the predicted class of every test image [N], for the last `score_window` evaluations."""
        self.snapshots: dict[str, Arrays] = {}
        self.separability: list[dict[str, float | str]] = []
        self.shares: Shares = {}
        """Class shares [C] by their names in `target_shares`: those of the labelled images and, where the recipe wants
        them, those of the unlabelled ones."""
        self.cell = cell
        self.diverged = False
        self.collapsed: int | None = None
        """The step of the evaluation that raised the alarm for a collapse."""
        self.seconds = 0.0
        """Wall time of training and evaluation up to the last evaluation, over all parts of a resumed run."""
        self._here: dict[str, Any] = provenance(self.device, self.execution.name)
        self._earlier: list[dict[str, Any]] = []
        self._looked = False

    @property
    def ended(self) -> bool:
        """Whether no step is left to take: all are done, or the run stopped before."""
        stopped = self.diverged or (self.recipe.stop_on_collapse and self.collapsed is not None)
        return stopped or self.completed >= self.recipe.steps

    @property
    def provenance(self) -> list[dict[str, Any]]:
        """Where and how the parts of the run were computed, this one last: one entry, unless it resumed elsewhere."""
        here = {**self._here, "execution": self.execution.name}
        same = [part for part in self._earlier if all(part.get(name) == here[name] for name in COMPUTED)]
        return [*(part for part in self._earlier if part not in same), here]

    # Evaluation

    def evaluate(self) -> Row:
        """One row of metrics.csv: means since the last row, and the averaged network on validation and test images."""
        data, network = self.data, self.average.module
        guessed = self.sums.guess_shares()
        row: Row = {"step": self.completed, **self.sums.means_and_reset()}
        if guessed is not None:
            row["guess_one_sidedness"] = one_sidedness(guessed, self.method.task.target_shares.tolist())
        row["learning_rate"] = float(self.learning_rate(self.clock))
        adjustment, step = self.adjustment_of_predictions(), self.clock.to(self.dtype)
        images, targets = data.images[data.test], data.targets[data.test]
        held_out = evaluate(self.method, network, images, targets, data.scaling, adjustment)
        row |= held_out.accuracies() | self.method.report(held_out.seen, targets, step)
        if len(data.validation):
            images, targets = data.images[data.validation], data.targets[data.validation]
            validation = evaluate(self.method, network, images, targets, data.scaling, adjustment)
            row["validation_accuracy"] = accuracy(validation.confusion)
            row["validation_balanced_accuracy"] = balanced_accuracy(validation.confusion)
            row["validation_calibration_error"] = validation.calibration
            true, said = (validation.confusion.sum(axis) / len(targets) for axis in (1, 0))
            row["prediction_one_sidedness"] = one_sidedness(said, true)
            if self.recipe.shares_examined:
                row |= self._by_shares(validation.seen.logits, targets)
        if self.recipe.diagnosed:
            row |= diagnose(self.method, self.looking, data, step)
        found = recalls(held_out.confusion)
        row |= {f"recall_{name}": float(recall) for name, recall in zip(data.classes, found, strict=True)}
        self.confusion = held_out.confusion.tolist()
        kept = [*self.predicted.items(), (str(self.completed), held_out.predicted)]
        self.predicted = dict(kept[-self.recipe.score_window :])
        return row

    def watch(self) -> None:
        """Warn of a collapse, once."""
        if self.collapsed is None and (step := collapsed_at(self.history, self.recipe.steps)):
            self.collapsed = step
            more = "" if self.recipe.stop_on_collapse else "; stop_on_collapse: true would end such a run"
            print(f"{self.cell}: predictions collapsed to few classes by step {step:,}{more}", file=sys.stderr)

    def adjustment_of_predictions(self) -> Tensor | None:
        """What is added to the scores of the method's own prediction [C]; None where it is taken as it is."""
        return self.adjustment(self.recipe.target_shares) if self.recipe.prediction == "shares" else None

    def adjustment(self, name: str) -> Tensor:
        """log t_k - log s_k [C], which adjusts a head trained under the labelled shares s to the shares t."""
        target, source = (torch.tensor(self.shares[of], dtype=self.dtype, device=self.device).clamp_min(1e-8)
                          for of in (name, "labelled"))  # fmt: skip
        return target.log() - source.log()

    def _by_shares(self, logits: Tensor, targets: Tensor) -> Row:
        """Accuracies of `logits` [N, C] for the classes `targets` [N], adjusted to each estimate of the shares and to
        the true shares; and the distance of each from the true ones (total variation). All in percent."""
        row: Row = {}
        for name in (*ESTIMATES, "true"):
            found = confusion(targets, (logits + self.adjustment(name)).argmax(1), logits.shape[1])
            row |= {f"{name}_accuracy": accuracy(found), f"{name}_balanced_accuracy": balanced_accuracy(found)}
            row[f"{name}_distance"] = distance(self.shares[name], self.shares["true"])
        return row

    # The run

    def start(self) -> None:
        """Before the first step: estimate class shares where the recipe wants them, and show the method the labelled
        images once, embedded by the untrained network in evaluation mode."""
        data, recipe = self.data, self.recipe
        wanted = {recipe.target_shares, *((*ESTIMATES, "true") if recipe.shares_examined else ())}
        if wanted != {"labelled"} or recipe.prediction == "shares":
            self.shares = {"labelled": labelled_shares(data).tolist()}
        if "true" in wanted:
            self.shares["true"] = true_shares(data).tolist()
        if wanted & {*ESTIMATES}:
            self.shares |= estimated_shares(recipe, data, self.cell)
        if recipe.target_shares != "labelled":
            self.method.task.target_shares.copy_(torch.tensor(self.shares[recipe.target_shares]))
        _, embeddings = embed(self.network, data.images[data.labelled], data.scaling, self.recipe.precision)
        self.method.start(embeddings, data.one_hot(data.labelled, embeddings.dtype))

    def resume(self, folder: Path, identity: str) -> None:
        """Load the state of the checkpoint in `folder`, if there is one. Looks only once."""
        if not self._looked and (state := checkpoints.load(folder, identity)):
            self.load_state(state)
        self._looked = True

    def run(self, folder: Path, identity: str, report: Callable[["Trainer"], None], every_s: float = 30.0) -> None:
        """Train to the end, from the checkpoint in `folder` where there is one; `report` after each step.

        Checkpoints are written at evaluations, at most one in `every_s` seconds. Stops early, as `diverged`, where a
        term of the loss is not finite at an evaluation; and on a collapse, where the recipe says so.
        """
        if not self.completed:
            self.resume(folder, identity)
        if not self.completed:
            self.start()
        recipe = self.recipe
        evaluation_steps = {round((i + 1) * recipe.steps / recipe.evaluations) for i in range(recipe.evaluations)}
        snapshot_steps = {round(share * recipe.steps): share for share in recipe.snapshots}
        began = time.monotonic() - self.seconds
        saved = time.monotonic()
        while not self.ended:
            self.step()
            if self.completed in snapshot_steps:
                self.snapshots[str(self.completed)], rows = take_snapshot(self)
                self.separability += rows
            if self.completed in evaluation_steps:
                self.diverged = not self.sums.finite()
                self.history.append(self.evaluate())
                self.watch()
                self.seconds = time.monotonic() - began
                if not self.ended and time.monotonic() - saved >= every_s:
                    checkpoints.save(folder, self.state(), identity)
                    saved = time.monotonic()
            report(self)

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on, in types that `torch.load(weights_only=True)` reads."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "optimiser": self.optimiser.state(),
            "method": self.method.state_dict(),
            "sums": self.sums.state(),
            "completed": self.completed,
            "seconds": self.seconds,
            "provenance": self.provenance,
            "history": self.history,
            "confusion": self.confusion,
            "predicted": self.predicted,
            "snapshots": self.snapshots,
            "separability": self.separability,
            "shares": self.shares,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.module.load_state_dict(state["average"])
        self.optimiser.load_state(state["optimiser"])
        self.method.load_state_dict(state["method"])
        self.sums.load_state(state["sums"])
        self.completed, self.seconds, self.history = state["completed"], state["seconds"], state["history"]
        self.clock.fill_(self.completed)
        self.collapsed = collapsed_at(self.history, self.recipe.steps)
        self._earlier, self.confusion = state["provenance"], state["confusion"]
        self.snapshots, self.separability = state["snapshots"], state.get("separability", [])
        self.shares = state.get("shares", {})
        self.predicted = state.get("predicted", {})
