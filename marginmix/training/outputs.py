"""The files that a finished run leaves: result.json, metrics.csv, the trained network, embeddings."""

import io
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

import marginmix
from marginmix.files import write_atomically, write_json
from marginmix.recipe import PAPER_STEPS
from marginmix.training.job import Job
from marginmix.training.metrics import write_metrics, write_rows
from marginmix.training.samples import contact_sheet
from marginmix.training.scores import at_chance, reported, score_rules
from marginmix.training.snapshots import known_training
from marginmix.training.trainer import Trainer


def write_outputs(out: Path, job: Job, trainer: Trainer, source: str, identity: dict[str, Any]) -> dict[str, Any]:
    """Write the files of a finished `trainer` into `out`, result.json last; what that holds is returned.

    `source` says in words which copy of the dataset it was, `identity` is that of `run_identity`.
    """
    result = _result(job, trainer, source, identity)
    _save_network(out / "model.pt", job, trainer)
    written = set()
    if trainer.separability:
        write_rows(out / "separability.csv", trainer.separability, list(trainer.separability[0]))
        written.add("separability.csv")
    if any(trainer.snapshots.values()):
        _save_arrays(out / "embeddings.npz", _planes(trainer))
        written.add("embeddings.npz")
    if job.recipe.samples and (sheet := contact_sheet(trainer, job.recipe.samples)):
        _save_arrays(out / "samples.npz", {"classes": np.array(trainer.data.classes), **sheet})
        written.add("samples.npz")
    for name in {"separability.csv", "embeddings.npz", "samples.npz"} - written:  # of an earlier recipe
        (out / name).unlink(missing_ok=True)
    write_metrics(out / "metrics.csv", trainer.history, trainer.data.classes)
    write_json(out / "result.json", result)
    return result


def _result(job: Job, trainer: Trainer, source: str, identity: dict[str, Any]) -> dict[str, Any]:
    recipe, history, classes = job.recipe, trainer.history, trainer.data.classes
    rules, accuracies = score_rules(history, recipe.score_window), reported(history, recipe.score_window)
    if trainer.diverged:
        rules, accuracies = at_chance(len(classes))
    return {
        "budget": job.budget,
        "dataset": job.source.dataset,
        "source": source,
        "labels": job.split.labels,
        "method": job.name,
        "method_path": job.method,
        "seed": job.split.seed,
        "steps": recipe.steps,
        "paper_steps": PAPER_STEPS,
        "classes": list(classes),
        **accuracies,
        "scores": rules,
        "optimism": rules["best"] - rules["mean"],
        "score_rule": f"mean of the last {recipe.score_window} of {recipe.evaluations} evaluations",
        "diverged": trainer.diverged,
        "confusion": trainer.confusion,
        "wall_seconds": round(trainer.seconds, 1),
        "hardware": trainer.hardware[-1],
        "hardware_before": trainer.hardware[:-1],
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "marginmix": marginmix.__version__,
        },
        "identity": identity,
        "recipe": asdict(recipe),
        "overlap": job.split.overlap,
        # The same bits again can be promised only to a run that was made in one place, with deterministic kernels.
        "exact": len(trainer.hardware) == 1 and trainer.hardware[0]["deterministic"],
    }


def _save_network(path: Path, job: Job, trainer: Trainer) -> None:
    """The averaged network and what is needed to build it again, readable with `torch.load(weights_only=True)`."""
    data = trainer.data
    buffer = io.BytesIO()
    content = {
        "recipe": asdict(job.recipe),
        "classes": list(data.classes),
        "channels": data.channels,
        "side": data.side,
        "scaling": {"factor": data.scaling.factor, "bias": data.scaling.bias},
        "network": trainer.average.module.state_dict(),
        "method": trainer.method.state_dict(),
    }
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def _planes(trainer: Trainer) -> dict[str, np.ndarray]:
    """The plane of the training images at each snapshot."""
    kept = sorted(trainer.snapshots.items(), key=lambda item: int(item[0]))
    steps = np.array([int(step) for step, _ in kept])
    return {
        "steps": steps,
        "fractions": steps / trainer.recipe.steps,
        "targets": trainer.data.targets[known_training(trainer.data)].cpu().numpy(),
        "classes": np.array(trainer.data.classes),
        **{name: np.stack([snapshot[name].numpy() for _, snapshot in kept]) for name in kept[0][1]},
    }


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz of numbers and text only, no pickles."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())
