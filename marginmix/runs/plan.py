"""The runs of an experiment: which are finished, which this machine cannot make, and why.

The workflow plans with it. Planning lists files and reads small ones. It decodes, downloads and writes nothing.
"""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from marginmix import datasets
from marginmix.errors import UserError
from marginmix.files import read_json
from marginmix.runs import paths
from marginmix.runs.config import (
    EMBEDDING,
    EMBEDDING_CLASS,
    Config,
    dataset_entry,
    embedding_entry,
    embedding_recipe,
    recipe_of,
    runs,
)
from marginmix.runs.gpus import gpu_here
from marginmix.runs.key import RunKey
from marginmix.runs.recipe import Recipe
from marginmix.runs.spec import Bits, Machine, Spec, bits_settings, observation_of

NAMED = 10
"""A line names at most this many unfinished runs; beyond, it names their datasets."""


@dataclass(frozen=True)
class Planned:
    """One run of an experiment. `entry` is its dataset's entry in the experiment's file."""

    key: RunKey
    method_class: str
    recipe: Recipe
    entry: Mapping[str, Any]

    def bits(self, data: str | None) -> Bits:
        """Everything that decides its bits, given the hash of its data."""
        key, entry = self.key, self.entry
        return Bits(
            key.dataset, entry["options"], entry["image_size"], data, key.labels, key.seed, self.method_class,
            bits_settings(self.recipe),
        )  # fmt: skip

    @cached_property
    def recipe_only(self) -> str:
        return self.bits(None).recipe_only

    def folder(self, data: str) -> str:
        return paths.run_folder(self.key, self.bits(data).identity)


class Plan:
    """The runs of an experiment on this machine.

    `published` is the folder of published evidence: a run whose identity is there is finished.
    """

    def __init__(self, config: Config, published: str = paths.PUBLISHED):
        self.config, self.experiment = config, config["experiment"]
        self.runs = _planned_runs(config)
        self._entries = {run.key.dataset: run.entry for run in reversed(self.runs.values())}
        self._published = _published_recipes(published)
        self._keys: dict[str, str | None] = {}
        self._data: dict[str, str] = {}
        self._reckoned: tuple[tuple, dict[RunKey, str], list[Planned]] | None = None

    # Data

    def row(self, dataset: str) -> datasets.Dataset:
        return datasets.get(dataset, **self._entries[dataset]["options"])

    def entry(self, dataset: str) -> Mapping[str, Any]:
        """What the experiment says of the dataset."""
        return self._entries[dataset]

    def report_key(self, dataset: str) -> str | None:
        """See `datasets.report_key`. Computed once, so that a running download does not change the plan."""
        if dataset not in self._keys:
            self._keys[dataset] = datasets.report_key(
                self.row(dataset), self._entries[dataset]["root"], self.config["data_root"]
            )
        return self._keys[dataset]

    def report(self, dataset: str) -> str | None:
        """Path of the description of the decoded dataset; None where it is absent and cannot be downloaded."""
        key = self.report_key(dataset)
        return None if key is None else paths.report(self.config["cache"], dataset, key)

    def data(self, dataset: str) -> str | None:
        """Hash of the local data; None where they are not decoded yet, or absent."""
        report = self.report(dataset)
        if dataset not in self._data and report and os.path.exists(report):
            self._data[dataset] = read_json(report)["data_hash"]
        return self._data.get(dataset)

    # Runs

    def spec(self, key: RunKey, data: str) -> Spec:
        """All of a run, for its spec.json."""
        run, config = self.runs[key], self.config
        machine = Machine(
            config["device"], config["threads"], config.get("execution", "auto"), config.get("exact", True),
            config["data_root"], config["cache"], run.entry["root"], run.entry["verify_counts"],
        )  # fmt: skip
        return Spec(key.experiment, key.method, run.bits(data), observation_of(run.recipe), machine)

    def spec_text(self, key: RunKey, folder: str) -> str:
        """The content of spec.json for the run's `folder`. Where the data are gone: its present content."""
        if data := self.data(key.dataset):
            return json.dumps(self.spec(key, data).to_json(), indent=1, sort_keys=True)
        return Path(folder, paths.SPEC).read_text().rstrip("\n")

    def published(self, run: Planned) -> str | None:
        """The identity of the published run that equals this one, if there is one. Absent data do not speak against it;
        local data that are not decoded yet may be others."""
        known, data = self._published.get(run.recipe_only, {}), self.data(run.key.dataset)
        if data or (self.undecoded(run.key.dataset) and self.config.get("only") != "finished"):
            return known.get(data)
        return next(iter(known.values()), None)

    def undecoded(self, dataset: str) -> bool:
        """Whether its images are here but not decoded, so that their hash is unknown."""
        return self.data(dataset) is None and self.report_key(dataset) not in (None, datasets.DOWNLOAD)

    def local(self, run: Planned) -> str | None:
        """The folder of the run where it is finished here."""
        if data := self.data(run.key.dataset):
            folder = run.folder(data)
            return folder if os.path.exists(f"{folder}/{paths.RESULT}") else None
        if self.undecoded(run.key.dataset):
            return None
        broken = None
        found = Path(os.path.dirname(run.folder("any"))).glob(f"*/{paths.RESULT}")
        for result in sorted(found, key=os.path.getmtime, reverse=True):  # so that methods agree on their data
            try:
                if Bits(**read_json(result)["spec"]["bits"]).recipe_only == run.recipe_only:
                    return str(result.parent)
            except (UserError, LookupError, TypeError):
                broken = broken or str(result.parent)  # whoever reads it says what is wrong
        return broken

    def finished(self, run: Planned) -> bool:
        if self.config.get("rebuild") and self.report(run.key.dataset):
            return False
        return bool(self.local(run) or self.published(run))

    @property
    def left_out(self) -> dict[RunKey, str]:
        """The unfinished runs that this machine cannot make -> why, and how to mend it."""
        return self._by_what_is_known()[0]

    @property
    def to_make(self) -> list[Planned]:
        """The runs that the tables wait for: finished here or still to make, neither published nor left out."""
        return self._by_what_is_known()[1]

    def _by_what_is_known(self) -> tuple[dict[RunKey, str], list[Planned]]:
        """`left_out` and `to_make`, computed again only after a dataset was decoded."""
        known = tuple(self.data(dataset) for dataset in dict.fromkeys(key.dataset for key in self.runs))
        if self._reckoned is None or self._reckoned[0] != known:
            left_out = {key: why for key, run in self.runs.items() if (why := self._why_left_out(run))}
            kept = [run for key, run in self.runs.items() if key not in left_out]
            to_make = [run for run in kept if self.local(run) or not self.finished(run)]
            self._reckoned = known, left_out, to_make
        return self._reckoned[1:]

    def _why_left_out(self, run: Planned) -> str | None:
        if self.finished(run):
            return None
        if self.report(run.key.dataset) is None:
            return datasets.how_to_get(self.row(run.key.dataset), run.entry["root"], self.config["data_root"])
        decides = self.undecoded(run.key.dataset) and run.recipe_only in self._published  # is it this published run?
        if self._no_gpu and (self.config.get("rebuild") or not decides):
            return (
                f"experiment {self.experiment} needs a GPU (device: cuda), found none; run it on a machine with one, "
                "or try --config experiment=quick, which takes minutes on a CPU"
            )
        if self.config.get("only") == "finished":
            return (
                "not finished: it failed, was stopped or has not been started; see logs/train, and run Snakemake again"
            )
        return None

    @cached_property
    def _no_gpu(self) -> bool:
        """Cluster profiles say `gpus: remote`: their jobs run elsewhere."""
        return self.config["device"] == "cuda" and self.config.get("gpus", "local") == "local" and not gpu_here()

    def refuse_lack(self) -> None:
        """With `missing: fail` raise a `UserError` where anything is left out."""
        if self.config["missing"] == "fail" and self.left_out:
            reasons = dict.fromkeys(self.left_out.values())
            raise UserError(
                f"{len(self.left_out)} of {len(self.runs)} runs cannot be made here (missing: fail): "
                f"{'. '.join(reasons)}"
            )

    @property
    def anything_to_show(self) -> bool:
        """Whether any run is finished, published or can be made here."""
        return len(self.left_out) < len(self.runs)

    def dataset_arguments(self, dataset: str) -> list[str]:
        """The words of a command line that say which dataset and where."""
        entry, config = self._entries[dataset], self.config
        words = ["--dataset", dataset, "--data-root", config["data_root"], "--cache", config["cache"]]
        words += [] if entry["root"] is None else ["--root", entry["root"]]
        words += datasets.option_words(entry["options"])
        return [*words, *([] if entry["verify_counts"] else ["--no-verify-counts"])]

    def summary(self) -> list[str]:
        """What is done and what remains, then a line for each reason why something is left out."""
        published = sum(1 for run in self.runs.values() if not self.local(run) and self.published(run))
        local = sum(1 for run in self.runs.values() if self.local(run))
        left = len(self.left_out)
        rest = len(self.runs) - (0 if self.config.get("rebuild") else published + local) - left
        lines = [
            f"experiment {self.experiment}: {len(self.runs)} runs, {local} finished here, {published} published, "
            f"{rest} to train, {left} left out"
        ]
        waiting = dict.fromkeys(
            key.dataset
            for key, run in self.runs.items()
            if self.undecoded(key.dataset)
            and (run.recipe_only in self._published or os.path.isdir(os.path.dirname(run.folder("any"))))
        )
        if waiting:
            lines.append(f"{', '.join(waiting)}: not decoded yet; finished runs on it are found once it is")
        return [*lines, *self.reasons()]

    def warnings(self) -> list[str]:
        """A line for each method that sharpens its class prior so far that the prior feeds itself."""
        beyond = {key.method: ratio for key, run in self.runs.items() if (ratio := _feedback(run.recipe)) > 1}
        return [
            f"warning: {method}: prior_exponent / membership_temperature is {ratio:g}; from 1 on guesses can run away "
            f"to the large classes in long runs with few labels ({paths.STUDIES}/runaway.md)"
            for method, ratio in beyond.items()
        ]

    def reasons(self) -> list[str]:
        """A line for each reason why runs are left out: how many, of which datasets, why, and how to mend it."""
        by_reason: dict[str, list[RunKey]] = {}
        for key, why in self.left_out.items():
            by_reason.setdefault(why, []).append(key)
        return [
            f"left out: {len(keys)} runs ({', '.join(self._names(keys))}): {why}" for why, keys in by_reason.items()
        ]

    def _names(self, keys: list[RunKey]) -> list[str]:
        """Their names where they are few, else their datasets."""
        if self.config.get("only") == "finished" and len(keys) <= NAMED:
            return [f"{key.dataset}/{key.labels}/{key.method}/{key.seed}" for key in keys]
        return list(dict.fromkeys(key.dataset for key in keys))


def _feedback(recipe: Recipe) -> float:
    """rho / T of a class prior that follows predictions or guesses; 0 where there is none."""
    if getattr(recipe, "prior_source", None) not in ("head", "guesses"):
        return 0.0
    temperature = getattr(recipe, "membership_temperature", None)
    return recipe.prior_exponent / temperature if temperature else 0.0


def published_experiments(folder: str = paths.PUBLISHED) -> dict[str, set[str]]:
    """Each experiment with published runs -> the datasets of its published embedding runs."""
    found: dict[str, set[str]] = {}
    for row in _published_rows(folder):
        planes = found.setdefault(row["experiment"], set())
        if row["method"] == EMBEDDING:
            planes.add(row["dataset"])
    return found


def _planned_runs(config: Config) -> dict[RunKey, Planned]:
    """Every run of the experiment, those of the embedding figures last."""
    found = {}
    entries = {dataset: dataset_entry(config, dataset) for dataset in config["datasets"]}
    for key in runs(config):
        method_class = config["methods"][key.method]["method_class"]
        found[key] = Planned(key, method_class, recipe_of(config, key), entries[key.dataset])
    for dataset in config.get("embeddings", {}).get("datasets", {}):
        entry = embedding_entry(config, dataset)
        key = RunKey(config["experiment"], dataset, entry["labels"], EMBEDDING, min(config["seeds"]))
        found[key] = Planned(key, EMBEDDING_CLASS, embedding_recipe(config, dataset), entry)
    return found


def _published_recipes(folder: str) -> dict[str, dict[str, str]]:
    """hash of the recipe -> {hash of the data: identity} of every published run."""
    found: dict[str, dict[str, str]] = {}
    for row in _published_rows(folder):
        found.setdefault(row["recipe"], {})[row["data"]] = row["identity"]
    return found


@cache
def _published_rows(folder: str) -> list[dict[str, str]]:
    table, wanted = Path(folder, paths.RUNS_CSV), {"experiment", "dataset", "method", "recipe", "data", "identity"}
    if not table.exists():
        return []
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {table} ({error}); restore it from git") from error
    if rows and not wanted <= rows[0].keys():
        raise UserError(f"{table}: expected the columns {', '.join(sorted(wanted))}; restore it from git")
    return rows
