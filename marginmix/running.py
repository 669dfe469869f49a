"""One run from files to files: data and split in, result.json, metrics.csv and the trained network out."""

import importlib
import io
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import marginmix
from marginmix import checkpoints, datasets, devices
from marginmix.errors import UserError, suggest
from marginmix.files import write_atomically, write_json
from marginmix.identity import recipe_hash, run_identity
from marginmix.locks import only_one
from marginmix.metrics import write_metrics
from marginmix.progress import Progress
from marginmix.recipe import PAPER_STEPS, Recipe
from marginmix.scores import at_chance, reported, score_rules
from marginmix.source import DataSource
from marginmix.splits import Split
from marginmix.step import Method
from marginmix.trainer import Trainer
from marginmix.training_data import gather


@dataclass(frozen=True)
class Job:
    """One run of one method (`method` its import path, `name` its name in the tables) on one cell."""

    budget: str
    source: DataSource
    split: Split
    name: str
    method: str
    recipe: Recipe
    device: str
    threads: int
    checkpoint_s: float = 30.0

    @property
    def cell(self) -> str:
        return f"{self.source.dataset}/{self.split.labels}/{self.split.seed}"


def resolve_method(path: str) -> type[Method]:
    """The class that an import path `package.module:Class` names; a `UserError` where it names no `Method`."""
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UserError(f"method {path!r}: cannot import {module_name} ({error}); expected module:Class") from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Method)):
        known = [
            n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, Method) and v is not Method
        ]
        raise UserError(f"method {path!r}: {module_name} has no method {class_name!r}; {suggest(class_name, known)}")
    return found


def train(job: Job, checkpoint_folder: Path, out: Path) -> dict[str, Any]:
    """Train `job`, write its files into `out` and return what result.json holds.

    It resumes from its checkpoint, which lies in a folder of its identity below `checkpoint_folder`: a recipe that
    changed while a run was under way begins anew.
    """
    with only_one(checkpoint_folder):
        method = resolve_method(job.method)
        devices.exact_mode(job.threads)
        device = devices.choose(job.device)
        prepared = job.source.prepare()
        job.split.check(prepared)
        images = datasets.at_size(prepared, job.source.image_size, job.source.cache)
        recipe = recipe_hash(job.recipe, job.method, job.source.image_size)
        identity = run_identity(recipe, job.split.hash, prepared.data_hash)
        row = datasets.get(job.source.dataset, job.source.family)
        data = gather(prepared, images, row, job.split, job.recipe, device, method.looks_at != "nothing")
        trainer = Trainer(job.recipe, method, data, job.cell)
        name, used = f"{job.cell} {job.name}", devices.describe(device)
        print(
            f"{name}: {len(data.labelled):,} labelled, {len(data.unlabelled):,} unlabelled images of "
            f"{prepared.source}, on {used['device']} ({used['name']}, {used['threads']} CPU threads), {job.recipe.precision}",
            file=sys.stderr,
        )
        own_checkpoints = checkpoint_folder / identity["run"]
        trainer.run(own_checkpoints, identity["run"], Progress(name), job.checkpoint_s)

        result = _result(job, trainer, prepared.source, identity)
        _save_network(out / "model.pt", job, trainer)
        if trainer.snapshots:
            _save_snapshots(out / "embeddings.npz", trainer)
        write_metrics(out / "metrics.csv", trainer.history, data.classes)
        write_json(out / "result.json", result)
        checkpoints.discard(own_checkpoints)
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
        "hardware": devices.describe(trainer.device),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "marginmix": marginmix.__version__,
        },
        "identity": identity,
        "recipe": asdict(recipe),
        "overlap": job.split.overlap,
        "exact": True,
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
        "network": trainer.average.module.state_dict(),
        "method": trainer.method.state_dict(),
    }
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def _save_snapshots(path: Path, trainer: Trainer) -> None:
    """embeddings.npz: the training images' embeddings at each snapshot; numbers and text only, no pickles."""
    kept = sorted(trainer.snapshots.items(), key=lambda item: int(item[0]))
    steps = np.array([int(step) for step, _ in kept])
    arrays = {name: np.stack([snapshot[name].numpy() for _, snapshot in kept]) for name in kept[0][1]}
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        steps=steps,
        fractions=steps / trainer.recipe.steps,
        targets=trainer.data.targets[trainer.data.training].cpu().numpy(),
        classes=np.array(trainer.data.classes),
        **arrays,
    )
    write_atomically(path, buffer.getvalue())
