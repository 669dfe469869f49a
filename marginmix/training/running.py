"""One run from files to files: data and split in, result.json, metrics.csv and the trained network out."""

import importlib
import sys
from pathlib import Path
from typing import Any

from marginmix import datasets
from marginmix.errors import UserError, suggest
from marginmix.files import read_json
from marginmix.identity import recipe_hash, run_identity
from marginmix.step import Method
from marginmix.training import checkpoints, devices, execution
from marginmix.training.data import gather
from marginmix.training.job import Job
from marginmix.training.locks import only_one
from marginmix.training.outputs import write_outputs
from marginmix.training.progress import Progress
from marginmix.training.trainer import Trainer


def resolve_method(path: str) -> type[Method]:
    """The class that an import path `package.module:Class` names; a `UserError` where it names no `Method`."""
    module_name, colon, class_name = path.partition(":")
    if not (module_name and colon and class_name):
        raise UserError(f"method {path!r}: expected package.module:Class")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
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
    changed while a run was under way begins anew. Where another process was making this very run, its result is
    returned.
    """
    with only_one(checkpoint_folder) as waited:
        method = resolve_method(job.method)
        device = devices.choose(job.device, job.recipe.precision)
        devices.prepare(device, job.threads, job.exact)
        how = execution.choose(job.execution, device)
        prepared = job.source.prepare()
        job.split.check(prepared)
        images = datasets.at_size(prepared, job.source.image_size, job.source.cache)
        recipe = recipe_hash(job.recipe, job.method, job.source.image_size)
        identity = run_identity(recipe, job.split.hash, prepared.data_hash)
        finished = out / "result.json"
        if waited and finished.exists() and (result := read_json(finished))["identity"] == identity:
            return result
        row = datasets.get(job.source.dataset, job.source.family)
        data = gather(prepared, images, row, job.split, job.recipe, device, method.looks_at != "nothing")
        trainer = Trainer(job.recipe, method, data, job.cell, how)
        name, used = f"{job.cell} {job.name}", devices.describe(device)
        print(
            f"{name}: {len(data.labelled):,} labelled, {len(data.unlabelled):,} unlabelled images of "
            f"{prepared.source}, on {used['device']} ({used['name']}, {used['threads']} CPU threads), "
            f"{job.recipe.precision}, {how.name}",
            file=sys.stderr,
        )
        own_checkpoints = checkpoint_folder / identity["run"]
        trainer.run(own_checkpoints, identity["run"], Progress(name), job.checkpoint_s)
        result = write_outputs(out, job, trainer, prepared.source, identity)
        checkpoints.discard(own_checkpoints)
    return result
