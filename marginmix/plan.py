"""What a budget's trainings are, which of them are finished, and which no longer match what the budget says now.

The workflow plans with it: nothing here imports torch or snakemake.
"""

import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from marginmix import datasets
from marginmix.config import (
    EMBEDDING_METHOD,
    Config,
    Run,
    dataset_entry,
    differing,
    embedding_entry,
    embedding_recipe,
    recipe_of,
    runs,
)
from marginmix.errors import UserError
from marginmix.files import read_json
from marginmix.identity import NUMERICS_VERSION, recipe_hash
from marginmix.recipe import Recipe

REPORTS = "results/data"
"""Where `marginmix prepare` describes each dataset."""


@dataclass(frozen=True)
class Training:
    """One call of `marginmix train`. `folder` is where its results go, `entry` what the budget says of its dataset."""

    folder: str
    budget: str
    dataset: str
    labels: int
    seed: int
    name: str
    method: str
    recipe: Recipe
    entry: Mapping[str, Any]

    @property
    def split(self) -> str:
        return f"results/splits/{self.dataset}/{self.labels}/{self.seed}.json"

    @property
    def expected(self) -> dict[str, str | int]:
        """The part of the identity that the budget decides."""
        recipe = recipe_hash(self.recipe, self.method, self.entry["image_size"])
        return {"recipe": recipe, "numerics": NUMERICS_VERSION}

    def arguments(self, config: Config) -> str:
        """The command line after `marginmix train`, without --out."""
        size = self.entry["image_size"]
        words = [
            *("--budget", self.budget, "--name", self.name, "--method", self.method),
            *("--split", self.split),
            *(() if size is None else ("--image-size", size)),
            *("--device", config["device"], "--threads", config["threads"]),
            *("--checkpoints", self.folder.replace("results", "checkpoints", 1)),
        ]
        settings = [f"{name}={_as_yaml(value)}" for name, value in differing(self.recipe).items()]
        told = shlex.join(map(str, [*words, *(["--set", *settings] if settings else [])]))
        return f"{dataset_arguments(config, self.dataset, self.entry)} {told}"


def dataset_arguments(config: Config, dataset: str, entry: Mapping[str, Any]) -> str:
    """The words of a command line that say which dataset and where."""
    words = ["--dataset", dataset, "--data-root", config["data_root"], "--cache", config["cache"]]
    for name in ("root", "family"):
        words += [f"--{name}", entry[name]] if entry[name] is not None else []
    return shlex.join([*words, *([] if entry["verify_counts"] else ["--no-verify-counts"])])


def trainings(config: Config) -> dict[str, Training]:
    """Every run of the budget, by its folder."""
    return {run.path: _training(config, run) for run in runs(config)}


def embedding_trainings(config: Config) -> dict[str, Training]:
    """The trainings of the embedding figures, by folder; one a dataset."""
    found = {}
    for dataset in config.get("embeddings", {}).get("datasets", {}):
        folder, entry = f"results/embeddings/{config['budget']}/{dataset}", embedding_entry(config, dataset)
        recipe, seed = embedding_recipe(config, dataset), min(config["seeds"])
        found[folder] = Training(
            folder, config["budget"], dataset, entry["labels"], seed, "embedding", EMBEDDING_METHOD, recipe, entry
        )
    return found


def absent(config: Config, wanted: Iterable[Training]) -> dict[str, str]:
    """dataset -> how to get it, for those of the `wanted` trainings that are not there and cannot be downloaded."""
    found = {}
    for dataset, entry in {training.dataset: training.entry for training in wanted}.items():
        row = datasets.get(dataset, entry["family"])
        if not datasets.available(row, entry["root"], config["data_root"]):
            found[dataset] = datasets.how_to_get(row, entry["root"], config["data_root"])
    return found


def committed(*folders: str) -> set[str]:
    """The paths below `folders` that git tracks; none outside a git repository."""
    call = ["git", "ls-files", "-z", "--", *folders]
    try:
        listed = subprocess.run(call, capture_output=True, text=True)
    except FileNotFoundError:
        return set()
    return set(listed.stdout.split("\0")) if listed.returncode == 0 else set()


def stale_because(training: Training) -> str | None:
    """Why the finished training is not what the budget asks for now: the parts of its identity that differ; or None.

    Split and data count where they are known here: a manifest or data report that is absent says nothing against a run.
    """
    try:
        found = read_json(Path(training.folder, "result.json"))["identity"]
    except (UserError, KeyError, TypeError):
        return "its result.json cannot be read"
    split = _part(training.split, "hash")
    data = _part(f"{REPORTS}/{training.dataset}.json", "data_hash")
    expected = {**training.expected, "split": split, "data": data}
    differ = [part for part, value in expected.items() if value is not None and found.get(part) != value]
    return f"its {' and '.join(differ)} changed" if differ else None


@cache
def _part(path: str, key: str) -> str | None:
    return read_json(path)[key] if Path(path).exists() else None


def _training(config: Config, run: Run) -> Training:
    method, entry = config["methods"][run.method]["method"], dataset_entry(config, run.dataset)
    recipe = recipe_of(config, run)
    return Training(run.path, run.budget, run.dataset, run.labels, run.seed, run.method, method, recipe, entry)


def _as_yaml(value: Any) -> str:
    """`value` as the command line reads it back (PyYAML takes 1e-06 for a text, 1.0e-06 for a number)."""
    value = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
