"""The paper's toy: two classes in the plane, few labelled points, and the border before and after self-labelling.

The training step is the real one, with points instead of images. Many draws of the labelled points show how much the
border depends on them. The paper claims that one way of self-labelling is unstable where classes overlap, and that the
other is not.
"""

import copy
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from marginmix.draws import uniform
from marginmix.errors import UserError
from marginmix.files import write_atomically
from marginmix.methods.base import Task
from marginmix.methods.step import compute_losses
from marginmix.runs.methods import resolve_method
from marginmix.runs.recipe import fields_of, make_recipe
from marginmix.training import devices
from marginmix.training.optimiser import Adam
from marginmix.views.step_draws import Drawer

PROBLEMS = {"easy": 2.0, "hard": 0.75}
"""Half the distance between the class means, in standard deviations. 2 % and 23 % of the points lie beyond the best
border."""
UNLABELLED, LABELLED = 200, 4  # points per class
REACH, GRID = 4.5, 60  # the maps have GRID x GRID points from -REACH to REACH in both directions
JITTER = 0.1  # standard deviation of the noise that stands in for weak augmentation
SETTINGS = {
    "steps": 300, "evaluations": 1, "score_window": 1, "batch_size": 16, "precision": "fp32", "learning_rate": 0.01,
    "lambda_u": 20,
}  # fmt: skip
RESAMPLES = 2000


class PlaneNetwork(nn.Module):
    """Maps points [N, 2] to (logits [N, 2], embedding [N, 32])."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.1), nn.Linear(32, 32), nn.LeakyReLU(0.1))
        self.head = nn.Linear(32, 2)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.body(points)
        return self.head(embedding), embedding


def points_of(text: str, half_distance: float, each: int) -> tuple[np.ndarray, np.ndarray]:
    """`each` points per class, float32 [2 each, 2], and their classes [2 each], seeded by `text`. The points are normal
    around (∓`half_distance`, 0)."""
    targets = np.repeat([0, 1], each)
    points = ndtri(uniform(text, 2 * each, 2).clip(1e-12))
    points[:, 0] += half_distance * (2 * targets - 1)
    return points.astype(np.float32), targets


def run_toy(first: str, methods: Mapping[str, str], draws: int, out: Path) -> None:
    """Write `out`, an .npz with points and maps of the probability of class 1, and a .csv of the same name (`spreads`).

    `first`: import path of the method that makes the first border, from the labelled points alone. `methods`: name ->
    import path of the methods that continue from it with the unlabelled points. Raises `UserError` on bad arguments.
    """
    if draws < 2:
        raise UserError(f"--draws: expected at least 2, since draws are compared, found {draws}")
    if "first" in methods:
        raise UserError(
            "--methods: expected names other than 'first', the name of the first border; choose another name"
        )
    if out.suffix != ".npz":
        raise UserError(f"--out: expected a file name that ends in .npz (a .csv is written beside it), found {out}")
    devices.prepare(torch.device("cpu"), threads=1, exact=True)
    arrays, rows = {}, []
    axis = np.linspace(-REACH, REACH, GRID, dtype=np.float32)
    grid = torch.from_numpy(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2))
    for problem, distance in PROBLEMS.items():
        unlabelled, truth = points_of(f"toy/{problem}/unlabelled", distance, UNLABELLED)
        maps: dict[str, list[np.ndarray]] = {name: [] for name in ("first", *methods)}
        guesses: dict[str, list[np.ndarray]] = {name: [] for name in maps}
        chosen = []
        for draw in range(draws):
            labelled, targets = points_of(f"toy/{problem}/labelled/{draw}", distance, LABELLED)
            chosen.append(labelled)
            plane = torch.from_numpy(labelled), torch.from_numpy(targets), torch.from_numpy(unlabelled)
            # All other randomness is the same in every draw: initial weights, batches, mixing, jitter.
            torch.manual_seed(0)
            cell = f"toy/{problem}"
            started = _trained(first, PlaneNetwork(), plane, cell)
            networks = {"first": started} | {
                name: _trained(path, copy.deepcopy(started), plane, cell) for name, path in methods.items()
            }
            for name, network in networks.items():
                maps[name].append(_probabilities(network, grid).reshape(GRID, GRID))
                guesses[name].append(_probabilities(network, plane[2]) > 0.5)
        arrays |= {f"{problem}_unlabelled": unlabelled, f"{problem}_truth": truth, f"{problem}_labels": targets,
                   f"{problem}_labelled": np.array(chosen)}  # fmt: skip
        arrays |= {f"{problem}_map_{name}": np.array(found, np.float16) for name, found in maps.items()}
        rows += spreads(problem, {name: np.array(found) for name, found in guesses.items()}, truth, next(iter(methods)))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, axis=axis, **arrays)
    write_atomically(out, buffer.getvalue())
    write_atomically(out.with_suffix(".csv"), pd.DataFrame(rows).to_csv(index=False, float_format="%.4f"))


def spreads(problem: str, guesses: Mapping[str, np.ndarray], truth: np.ndarray, baseline: str) -> list[dict]:
    """One row per border. `guesses`: border -> predicted classes [R, N] of the N unlabelled points, after each of R
    draws of the labelled points.

    A row has the accuracy, the disagreement (how likely two draws are to disagree about a point), and the difference of
    the disagreement from that of `baseline` with a 95 % interval (bootstrap over draws). All are in percent.
    """
    R = len(next(iter(guesses.values())))
    samples = np.random.default_rng(0).integers(0, R, (RESAMPLES, R))
    pairs = {name: 100 * (found[:, None] != found[None]).mean(2) for name, found in guesses.items()}
    rows = []
    for name, found in guesses.items():
        accuracy = 100 * (found == truth).mean(1)
        row = {"problem": problem, "border": name, "draws": R, "accuracy": accuracy.mean()}
        row |= {"accuracy_sd": accuracy.std(ddof=1), "disagreement": _off_diagonal(pairs[name], np.arange(R))}
        if name != baseline:
            apart = pairs[name] - pairs[baseline]
            row["difference"] = _off_diagonal(apart, np.arange(R))
            resampled = [_off_diagonal(apart, sample) for sample in samples]
            row["difference_low"], row["difference_high"] = np.nanquantile(resampled, [0.025, 0.975])
        rows.append(row)
    return rows


def _off_diagonal(pairs: np.ndarray, sample: np.ndarray) -> float:
    """Mean of `pairs` [R, R] over the pairs of different draws in `sample`; NaN if there is none."""
    different = sample[:, None] != sample[None]
    return float(pairs[np.ix_(sample, sample)][different].mean()) if different.any() else np.nan


def _trained(path: str, network: nn.Module, plane: tuple[Tensor, Tensor, Tensor], cell: str) -> nn.Module:
    """`network` after training with the method at the import path `path`. `plane`: labelled points, their classes,
    unlabelled points."""
    labelled, targets, unlabelled = plane
    one_hot = torch.eye(2)[targets]
    kind = resolve_method(path, "--methods")
    settings = {name: value for name, value in SETTINGS.items() if name in fields_of(kind.Settings)}
    recipe = make_recipe(settings, "settings of the toy", kind.Settings)
    method = kind(recipe, Task(2, 32, one_hot.sum(0), len(unlabelled), one_hot.mean(0)))
    with torch.no_grad():
        method.start(network(labelled)[1], one_hot)
    drawer = Drawer(cell, len(labelled), len(unlabelled), recipe.batch_size, recipe.augmentations, recipe.alpha,
                    recipe.mixup_lambda == "example", 1, False)  # fmt: skip
    adam = Adam(network.parameters(), torch.tensor(recipe.learning_rate, dtype=torch.float64))
    views = 0 if method.looks_at == "nothing" else recipe.augmentations
    for step in range(recipe.steps):
        draws = drawer.step(step)
        points = torch.cat([labelled[draws.labelled], *[unlabelled[draws.unlabelled]] * views])
        noise = torch.from_numpy(ndtri(uniform(f"{cell}/jitter/{step}", *points.shape).clip(1e-12))).float()
        terms, _ = compute_losses(method, network, network, points + JITTER * noise, one_hot[draws.labelled], draws,
                                  torch.tensor(float(step)))  # fmt: skip
        adam.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        adam.step()
    return network


@torch.no_grad()
def _probabilities(network: nn.Module, points: Tensor) -> np.ndarray:
    """Probabilities of class 1, [N]."""
    return network(points)[0].softmax(1)[:, 1].numpy()
