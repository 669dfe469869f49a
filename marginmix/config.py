"""Budgets: one complete file each, checked before anything is planned; what runs it asks for, with which settings."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from marginmix import datasets
from marginmix.errors import UserError, suggest
from marginmix.import_paths import check_import_path
from marginmix.recipe import Recipe, make_recipe

Config = dict[str, Any]

EMBEDDING_METHOD = "marginmix.embedding:MarginSupervised"
"""What the embedding figures are trained with."""

_ENTRY = {"root": None, "family": None, "image_size": None, "verify_counts": True, "recipe": {}}


@dataclass(frozen=True)
class Run:
    """One method on one cell, under one budget."""

    budget: str
    dataset: str
    labels: int
    method: str
    seed: int

    @property
    def path(self) -> str:
        """Its folder, relative to the repository."""
        return f"results/runs/{self.budget}/{self.dataset}/{self.labels}/{self.method}/{self.seed}"


def load(folder: Path | str, budget: str, schema: Path | str, overrides: Mapping[str, Any] | None = None) -> Config:
    """The budget `folder`/<budget>.yaml with `overrides` merged in (mappings key by key), checked.

    Snakemake gives nested values of its command line as texts, so those in `overrides` are read as YAML scalars.
    Raises `UserError` on the first thing that is wrong: an unknown budget, key, dataset or method, a wrong type.
    """
    path = Path(folder) / f"{budget}.yaml"
    if not path.is_file():
        known = [other.stem for other in path.parent.glob("*.yaml")]
        raise UserError(f"no budget {budget!r} in {os.path.relpath(folder)}; {suggest(str(budget), known)}")
    where, written = os.path.relpath(path), read_yaml(path)
    if not isinstance(written, Mapping):
        raise UserError(f"{where}: must be a mapping of keys such as budget and seeds, found {written!r}")
    config = merged(written, _typed(overrides or {}))
    check(config, read_yaml(Path(schema)), where)
    if config["budget"] != path.stem:
        raise UserError(f"{where}: budget must equal the file's stem, {path.stem!r}, found {config['budget']!r}")
    return config


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Config:
    """`below` with `above` over it; where both hold a mapping, key by key, as Snakemake's `--config` does."""
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def check(config: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    """Raise a `UserError` that starts with `where` on the first thing in `config` that cannot be."""
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=lambda error: [str(key) for key in error.absolute_path])
    if errors:
        raise UserError(f"{where}: {_explain(errors[0])}")
    try:
        _check_meaning(config)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def runs(config: Config) -> list[Run]:
    """Every run that the budget asks for, whether its data are there or not."""
    return [
        Run(config["budget"], dataset, labels, method, seed)
        for dataset, entry in config["datasets"].items()
        for labels in entry["labels"]
        for method in entry.get("methods", config["methods"])
        for seed in seeds_of(config, dataset, labels)
        if labels in config["methods"][method].get("labels", [labels])
        and seed in config["methods"][method].get("seeds", [seed])
    ]


def seeds_of(config: Mapping[str, Any], dataset: str, labels: int) -> list[int]:
    """The seeds of a dataset at a label count: its own, for all counts or for this one, else the budget's."""
    own = config["datasets"][dataset].get("seeds", config["seeds"])
    return own.get(labels, config["seeds"]) if isinstance(own, Mapping) else own


def dataset_entry(config: Config, dataset: str) -> Config:
    """What the budget says of a dataset, defaults filled in."""
    return {**_ENTRY, **config["datasets"].get(dataset, {})}


def recipe_of(config: Config, run: Run) -> Recipe:
    """Settings of a run: the method's own defaults, over them the budget's, the dataset's and those that the budget has
    for the method."""
    entry, method = dataset_entry(config, run.dataset), config["methods"][run.method]
    settings = {**config["recipe"], **entry["recipe"], **method.get("recipe", {})}
    return make_recipe(settings, f"settings of {run.method} on {run.dataset}", method["method"])


def embedding_entry(config: Config, dataset: str) -> Config:
    """What the budget says of a dataset's embedding run, over what it says of the dataset; `labels` is one count."""
    below, entry = dataset_entry(config, dataset), config["embeddings"]["datasets"][dataset]
    labels = entry.get("labels", min(below.get("labels", [None])))
    return {**below, **entry, "labels": labels, "recipe": entry.get("recipe", {})}


def embedding_recipe(config: Config, dataset: str) -> Recipe:
    """Settings of an embedding run: those of `embeddings`, over them its dataset's; the budget's do not apply."""
    settings = {**config["embeddings"]["recipe"], **embedding_entry(config, dataset)["recipe"]}
    return make_recipe(settings, f"settings of the embedding of {dataset}", EMBEDDING_METHOD)


def starts_of(name: str, starts: Sequence[str]) -> list[str]:
    """The starts whose variant, by its name, `name` is: the longest that fits; of a start itself the next one, too."""
    fitting = sorted((start for start in starts if name == start or name.startswith(f"{start}-")), key=len)
    return fitting[-2:] if name in starts else fitting[-1:]


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, read safely; a missing or broken one is a `UserError`."""
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from error


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        # Seeds by label count have numbers for keys.
        return {int(key) if str(key).isdigit() else key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return read if isinstance(read, bool | int | float | None) else value


def _explain(error: jsonschema.ValidationError) -> str:
    """One schema error as: where, what is expected, what was found."""
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error.absolute_path).lstrip(".")
    prefix = f"{place}: " if place else ""
    schema, found = error.schema, error.instance
    if error.validator == "additionalProperties":
        key = next(key for key in found if key not in schema["properties"])
        return f"{prefix}unknown key {key!r}; {suggest(str(key), schema['properties'])}"
    if error.validator == "required":
        key = next(key for key in schema["required"] if key not in found)
        wanted = schema["properties"][key].get("description", "see the other budgets")
        return f"{prefix}the key {key!r} is missing: {wanted}"
    return f"{prefix}must be {schema.get('description', error.message)}, found {found!r}"


def _check_meaning(config: Mapping[str, Any]) -> None:
    methods, known = config["methods"], config["datasets"]
    for name, method in methods.items():
        check_import_path(method["method"], f"methods.{name}.method")
    for dataset in known:
        _check_labels(dataset_entry(config, dataset), dataset)
    named = [(f"datasets.{dataset}.methods", entry.get("methods", ())) for dataset, entry in known.items()]
    named += [(f"claims[{n}].methods", claim["methods"]) for n, claim in enumerate(config.get("claims", ()))]
    wanted = [(f"claims[{n}].dataset", [claim["dataset"]]) for n, claim in enumerate(config.get("claims", ()))]
    study, dial = config.get("study", {}), config.get("difficulty")
    starts = study.get("starts", ())
    named += [("study.starts", starts), ("study.unjudged", study.get("unjudged", ()))]
    if dial:
        named.append(("difficulty", [*dial["methods"], dial["ceiling"]]))
        _check_dial(config)
    if rule := config.get("checks", {}).get("must_beat"):
        named.append(("checks.must_beat", [rule["baseline"], *rule["methods"]]))
        wanted.append(("checks.must_beat.datasets", rule.get("datasets", ())))
    for allowed, places in ((methods, named), (known, wanted)):
        for place, names in places:
            for name in names:
                if name not in allowed:
                    raise UserError(f"{place}: {name!r} is not in this budget; {suggest(name, allowed)}")
    for n, claim in enumerate(config.get("claims", ())):
        counts = known[claim["dataset"]]["labels"]
        if not set(found := claim.get("labels", counts)) <= set(counts):
            raise UserError(f"claims[{n}].labels: expected some of {claim['dataset']}'s {counts}, found {found}")
    for name in methods if starts else ():
        if not starts_of(name, starts):
            raise UserError(f"methods: the name {name!r} begins with none of study.starts ({', '.join(starts)})")
    for run in runs(config):
        recipe_of(config, run)
    _check_choices(config)
    for dataset in config.get("embeddings", {}).get("datasets", {}):
        entry = embedding_entry(config, dataset)
        datasets.get(dataset, entry["family"])
        if entry["labels"] is None:
            raise UserError(f"embeddings.datasets.{dataset}: the key 'labels' is missing: label count of its split")
        embedding_recipe(config, dataset)


def _check_dial(config: Mapping[str, Any]) -> None:
    """The datasets of a budget with `difficulty`: drawn faces, one label count for all."""
    counts = [tuple(entry["labels"]) for entry in config["datasets"].values()]
    if len(set(counts)) > 1 or len(counts[0]) > 1:
        raise UserError(f"datasets: expected one label count, the same for all settings of the dial, found {counts}")
    for dataset in config["datasets"]:
        if datasets.get(dataset, dataset_entry(config, dataset)["family"]).family != "faces":
            raise UserError(f"datasets.{dataset}: expected faces-A, A the ambiguity, as the key difficulty asks for")


def _check_choices(config: Mapping[str, Any]) -> None:
    """A method's own seeds and label counts are some of those that there are, and a dataset's seeds of its counts."""
    methods, known = config["methods"], config["datasets"]
    for dataset, entry in known.items():
        own = entry.get("seeds", ())
        if isinstance(own, Mapping) and not set(own) <= set(entry["labels"]):
            raise UserError(f"datasets.{dataset}.seeds: expected label counts of {entry['labels']}, found {list(own)}")
        for name in entry.get("methods", methods):
            counts = set(entry["labels"]) & set(methods[name].get("labels", entry["labels"]))
            seeds = sorted({seed for labels in counts for seed in seeds_of(config, dataset, labels)})
            found = methods[name].get("seeds", seeds) if counts else []
            if not set(found) <= set(seeds):
                raise UserError(f"methods.{name}.seeds: expected some of {dataset}'s {seeds}, found {found}")
    counts = sorted({labels for entry in known.values() for labels in entry["labels"]})
    for name, method in methods.items():
        found = method.get("labels", counts)
        if not set(found) <= set(counts):
            raise UserError(f"methods.{name}.labels: expected some of the datasets' {counts}, found {found}")


def _check_labels(entry: Config, dataset: str) -> None:
    """Label counts that the registry already rules out; what the spill rule leaves is known when the split is drawn."""
    row = datasets.get(dataset, entry["family"])
    least = len(row.classes or ())
    most = max((parts["train"] for parts in row.counts.values()), default=float("inf"))
    for labels in entry["labels"]:
        if labels < least or (labels > most and entry["verify_counts"]):
            raise UserError(
                f"datasets.{dataset}.labels: expected {least} (one a class) to {most:,} (its training images), "
                f"found {labels}"
            )
