"""Does bf16 cost accuracy? Paired runs of a quick entry, bf16 against fp32, on the same cells."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import torch

from marginmix import datasets
from marginmix.datasets.splits import make_split
from marginmix.runs.config import load, recipe_of
from marginmix.runs.key import RunKey
from marginmix.runs.methods import resolve_method
from marginmix.runs.recipe import Recipe
from marginmix.runs.scores import reported
from marginmix.training import devices
from marginmix.training.data import gather
from marginmix.training.trainer import Trainer

WORKFLOW = Path(__file__).parents[1] / "workflow"
DATASET, LABELS = "digits", 30
METHODS = ("mixmatch", "marginmix")


def run(processes: int, seeds: int, cache: Path) -> list[dict]:
    """A row per method and seed, which are those of no experiment: reported test accuracy in percent by precision."""
    jobs = [(method, 1000 + seed, cache) for method in METHODS for seed in range(seeds)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return pool.starmap(_pair, jobs, chunksize=1)


def _pair(method: str, seed: int, cache: Path) -> dict:
    config = load(WORKFLOW, "quick")
    recipe = recipe_of(config, RunKey("quick", DATASET, LABELS, method, seed))
    path = config["methods"][method]["method_class"]
    accuracies = {precision: _train(recipe, precision, path, seed, cache) for precision in ("bf16", "fp32")}
    return {"dataset": DATASET, "labels": LABELS, "steps": recipe.steps, "method": method, "seed": seed, **accuracies}


def _train(recipe: Recipe, precision: str, path: str, seed: int, cache: Path) -> float:
    recipe = replace(recipe, precision=precision)
    device = torch.device("cpu")
    devices.prepare(device, 1, exact=True)
    row = datasets.get(DATASET)
    prepared = datasets.prepare(DATASET, None, Path("data"), cache, True)
    split = make_split(prepared, row, LABELS, seed)
    data = gather(prepared, datasets.at_size(prepared, None, cache), row, split, recipe, device)
    trainer = Trainer(recipe, resolve_method(path), data, f"{DATASET}/{LABELS}/{seed}")
    trainer.run(cache / "precision" / f"{path}-{precision}-{seed}", "precision", lambda _: None, every_s=float("inf"))
    return reported(trainer.history, recipe.score_window)["accuracy"]
