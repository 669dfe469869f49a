"""One run from its spec to its files."""

import sys
from pathlib import Path
from typing import Any

from marginmix import datasets
from marginmix.datasets.splits import Split, make_split
from marginmix.errors import UserError
from marginmix.files import check_writable
from marginmix.runs.methods import resolve_method
from marginmix.runs.record import finished_already
from marginmix.runs.spec import Spec
from marginmix.training import checkpoints, devices, execution
from marginmix.training.data import gather
from marginmix.training.locks import only_one
from marginmix.training.outputs import write_outputs
from marginmix.training.progress import Progress
from marginmix.training.trainer import Trainer

CHECKPOINT_S = 30.0


def train(spec: Spec, out: Path, anew: bool = False) -> dict[str, Any]:
    """Train the run of `spec`, write its files into `out` and return the content of its result.json.

    Returns at once where `out` holds the finished run, unless `anew`. Resumes from the checkpoint in `out`. A second
    process waits for the first, then takes its result. Raises `UserError` where `out` holds another run.
    """
    check_writable(out)
    spec = spec.normalised(f"spec of {spec.method}")
    with only_one(out) as waited:
        result = finished_already(spec, out)  # another run's is refused, anew or not
        if result and (waited or not anew):
            return result
        return _train(spec, out)


def _train(spec: Spec, out: Path) -> dict[str, Any]:
    recipe, bits, machine = spec.recipe, spec.bits, spec.machine
    method = resolve_method(bits.method_class)
    device = devices.choose(machine.device, recipe.precision)
    devices.prepare(device, machine.threads, machine.exact)
    how = execution.choose(machine.execution, device)
    prepared, row = prepare(spec), bits.row
    split = make_split(prepared, row, bits.labels, bits.seed)
    images = datasets.at_size(prepared, bits.image_size, machine.cache)
    data = gather(prepared, images, row, split, recipe, device, method.looks_at != "nothing")
    trainer = Trainer(recipe, method, data, spec.key.cell, how)
    folder, name = out / "checkpoints", f"{spec.key.cell} {spec.method}"
    trainer.resume(folder, spec.identity)
    _announce(name, trainer, prepared.source)
    trainer.run(folder, spec.identity, Progress(name), CHECKPOINT_S)
    result = write_outputs(out, spec, trainer, prepared, split)
    checkpoints.discard(folder)
    return result


def prepare(spec: Spec) -> datasets.Prepared:
    """The run's decoded dataset; a `UserError` where its hash is not the spec's."""
    bits, machine = spec.bits, spec.machine
    prepared = datasets.prepare(
        bits.dataset, machine.root, machine.data_root, machine.cache, machine.verify_counts, **bits.options
    )
    if prepared.data_hash != bits.data:
        raise UserError(
            f"{bits.dataset}: expected data {bits.data}, found data {prepared.data_hash} at {prepared.root}; the "
            "images or labels have changed since the spec was written: plan the run again"
        )
    return prepared


def split_of(spec: Spec) -> Split:
    """The split of the run's cell."""
    return make_split(prepare(spec), spec.bits.row, spec.bits.labels, spec.bits.seed)


def _announce(name: str, trainer: Trainer, source: str) -> None:
    here, data = trainer.provenance[-1], trainer.data
    print(
        f"{name}: {len(data.labelled):,} labelled, {len(data.unlabelled):,} unlabelled images of {source}, on "
        f"{here['device']} ({here['name']}, {here['threads']} CPU threads), {trainer.recipe.precision}, "
        f"{here['execution']}",
        file=sys.stderr,
    )
    if trainer.completed:
        print(f"{name}: resuming from step {trainer.completed:,}", file=sys.stderr)
