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
    embedding_entry,
    embedding_recipe,
    recipe_of,
    runs,
)
from marginmix.errors import UserError
from marginmix.files import read_json
from marginmix.identity import NUMERICS_VERSION, recipe_hash
from marginmix.recipe import Recipe, make_recipe
from marginmix.training.job import DataSource

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
            *("--execution", config.get("execution", "auto"), *(() if config.get("exact", True) else ("--inexact",))),
            *("--checkpoints", self.folder.replace("results", "checkpoints", 1)),
        ]
        # Of a profile only its settings are told: they are among what differs.
        plain = {"profile": "plain"}
        settings = plain | self.recipe.differing(make_recipe(plain, method=self.method))
        told = shlex.join(
            [*map(str, words), "--set", *(f"{name}={_as_yaml(value)}" for name, value in settings.items())]
        )
        return f"{dataset_arguments(source_of(self, config))} {told}"


def source_of(training: Training, config: Config) -> DataSource:
    """Where a training's images come from."""
    entry, root = training.entry, training.entry["root"]
    return DataSource(
        training.dataset,
        Path(config["data_root"]),
        Path(config["cache"]),
        None if root is None else Path(root),
        entry["family"],
        entry["image_size"],
        entry["verify_counts"],
    )


def dataset_arguments(source: DataSource) -> str:
    """The words of a command line that say which dataset and where."""
    words = ["--dataset", source.dataset, "--data-root", source.data_root, "--cache", source.cache]
    words += [] if source.root is None else ["--root", source.root]
    words += [] if source.family is None else ["--family", source.family]
    return shlex.join(map(str, [*words, *([] if source.verify_counts else ["--no-verify-counts"])]))


def data_hash(source: DataSource) -> str | None:
    """Hash of the data as they lie there now, decoded unless cached; None where they are absent or cannot be read."""
    row = datasets.get(source.dataset, source.family)
    if not row.embedded and datasets.locate(row, source.root, source.data_root) is None:
        return None
    try:
        return source.prepare().data_hash
    except UserError:
        return None


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


def stale_because(training: Training, data: str | None) -> str | None:
    """Why the finished training is not what the budget asks for now: the parts of its identity that differ; or None.

    `data` is the hash of the data as they are now. Data (None) or a manifest that are absent say nothing against a run.
    """
    try:
        found = read_json(Path(training.folder, "result.json"))["identity"]
    except (UserError, KeyError, TypeError):
        return "result.json cannot be read"
    expected = {**training.expected, "split": _hash_of_split(training.split), "data": data}
    differ = [part for part, value in expected.items() if value is not None and found.get(part) != value]
    return f"{' and '.join(differ)} changed" if differ else None


@cache
def _hash_of_split(path: str) -> str | None:
    return read_json(path)["hash"] if Path(path).exists() else None


def _training(config: Config, run: Run) -> Training:
    method, entry = config["methods"][run.method]["method"], dataset_entry(config, run.dataset)
    recipe = recipe_of(config, run)
    return Training(run.path, run.budget, run.dataset, run.labels, run.seed, run.method, method, recipe, entry)


def _as_yaml(value: Any) -> str:
    """`value` as the command line reads it back (PyYAML takes 1e-06 for a text, 1.0e-06 for a number)."""
    value = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
