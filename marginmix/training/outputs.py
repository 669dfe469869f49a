"""The files that a finished run leaves: metrics.csv, observations.npz, split.json, model.pt, and result.json last."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from marginmix.analysis.samples import contact_sheet
from marginmix.analysis.snapshots import known_training
from marginmix.datasets import Prepared
from marginmix.datasets.splits import Split, write_split
from marginmix.datasets.without_copies import TRAINING
from marginmix.files import write_atomically, write_json
from marginmix.runs import paths
from marginmix.runs.record import sealed
from marginmix.runs.scores import at_chance, reported, score_rules
from marginmix.runs.spec import Spec
from marginmix.training.metrics import write_metrics
from marginmix.training.trainer import Trainer


def write_outputs(out: Path, spec: Spec, trainer: Trainer, prepared: Prepared, split: Split) -> dict[str, Any]:
    """Write the files of a finished `trainer` into `out`, result.json last; what that holds is returned."""
    write_metrics(out / paths.METRICS, trainer.history, trainer.data.classes)
    write_atomically(out / paths.OBSERVATIONS, _npz(_observations(spec, trainer, prepared)))
    write_split(out / paths.SPLIT, split)
    write_atomically(out / paths.MODEL, model_file(spec.bits.method_class, trainer))
    files = {name: _digest(out / name) for name in paths.OUTPUTS if name != paths.RESULT}
    result = sealed(_result(spec, trainer, prepared.source, split) | {"files": files})
    write_json(out / paths.RESULT, result)
    return result


def _result(spec: Spec, trainer: Trainer, source: str, split: Split) -> dict[str, Any]:
    window, history, classes = trainer.recipe.score_window, trainer.history, trainer.data.classes
    rules, accuracies = score_rules(history, window), reported(history, window)
    if trainer.diverged:
        rules, accuracies = at_chance(len(classes))
    parts = trainer.provenance
    return {
        **accuracies,
        "spec": spec.to_json(),
        "recipe": trainer.recipe.to_json(),
        "identity": spec.identity,
        "source": source,
        "split": split.hash,
        "overlap": split.overlap,
        "classes": list(classes),
        "scores": rules,
        "optimism": rules["best"] - rules["mean"],
        "evaluated": len(history),
        "diverged": trainer.diverged,
        "collapsed": trainer.collapsed,
        "confusion": trainer.confusion,
        "separability": trainer.separability,
        "shares": trainer.shares,
        "wall_seconds": round(trainer.seconds, 1),
        "provenance": parts,
        # Only a run computed in one place with deterministic kernels can promise the same bits again.
        "exact": len(parts) == 1 and parts[0]["deterministic"],
    }


def model_file(method_class: str, trainer: Trainer) -> bytes:
    """The averaged network and all that rebuilds it, readable with `torch.load(weights_only=True)`. Its tensors are the
    CPU's: a file with those of a GPU would load on no machine without one, and name the GPU by its index."""
    data, adjustment = trainer.data, trainer.adjustment_of_predictions()
    buffer = io.BytesIO()
    content = {
        "recipe": asdict(trainer.recipe),
        "method_class": method_class,
        "classes": list(data.classes),
        "channels": data.channels,
        "side": data.side,
        "scaling": {"factor": data.scaling.factor.cpu(), "bias": data.scaling.bias.cpu()},
        "adjustment": None if adjustment is None else adjustment.cpu(),
        "network": _state_on_cpu(trainer.average.module),
        "method": _state_on_cpu(trainer.method),
    }
    torch.save(content, buffer)
    return buffer.getvalue()


def _state_on_cpu(module: nn.Module) -> dict[str, Tensor]:
    state = module.state_dict()
    for name, tensor in state.items():
        state[name] = tensor.cpu()
    return state


def _observations(spec: Spec, trainer: Trainer, prepared: Prepared) -> dict[str, np.ndarray]:
    """Arrays by name: test/ for predictions on the test images; where the spec asks for them, plane/ for 2-unit
    embeddings at the snapshots and sheet/ for the contact sheet."""
    classes, found = np.array(trainer.data.classes), _predictions(trainer, prepared)
    if any(trainer.snapshots.values()):
        found |= {f"plane/{name}": array for name, array in _planes(trainer).items()}
    columns = spec.recipe.samples
    if columns and (sheet := contact_sheet(trainer, columns)):
        found |= {f"sheet/{name}": array for name, array in {"classes": classes, **sheet}.items()}
    return found


def _predictions(trainer: Trainer, prepared: Prepared) -> dict[str, np.ndarray]:
    """The `steps` [w] of the last evaluations and the `predicted` class of each test image [w, N]; the `targets` [N];
    and the `copies` of each image in the training images [N]: 0 none, 1 a near one, 2 an exact one."""
    predicted = np.stack([one.numpy() for one in trainer.predicted.values()])
    exact, near = (prepared.copied("test", TRAINING, near=kind) for kind in (False, True))
    return {
        "test/steps": np.array([int(step) for step in trainer.predicted]),
        # Predictions of one image seldom change: side by side they compress to a third of the bytes.
        "test/predicted": np.asfortranarray(predicted),
        "test/targets": prepared.targets[prepared.indices("test")].astype(predicted.dtype),
        "test/copies": exact.astype(np.uint8) + near,
    }


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


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An .npz of numbers and text only, no pickles."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
