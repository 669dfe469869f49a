"""Checks of an experiment's file: first its shape, by the schema, then whether its parts fit each other."""

from collections.abc import Mapping
from typing import Any

import jsonschema

from marginmix import datasets
from marginmix.errors import UserError, suggest
from marginmix.runs.config import (
    EMBEDDING,
    Config,
    dataset_entry,
    embedding_entry,
    embedding_recipe,
    recipe_of,
    runs,
    seeds_of,
)
from marginmix.runs.methods import facts_of
from marginmix.runs.recipe import OLD_SETTINGS, fields_of
from marginmix.runs.variants import expanded


def check(config: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> Config:
    """The experiment with its variants among its methods. Raises `UserError`, which starts with `where`, on the first
    fault in `config`."""
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=lambda error: [str(key) for key in error.absolute_path])
    if errors:
        raise UserError(f"{where}: {_explain(errors[0])}")
    try:
        complete = expanded(config)
        _check_meaning(complete)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return complete


def _explain(error: jsonschema.ValidationError) -> str:
    """One schema error in words: where, expected, found."""
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error.absolute_path).lstrip(".")
    prefix = f"{place}: " if place else ""
    schema, found = error.schema, error.instance
    if error.validator == "additionalProperties":
        key = next(key for key in found if key not in schema["properties"])
        return f"{prefix}unknown key {key!r}; {suggest(str(key), schema['properties'])}"
    if error.validator == "required":
        key = next(key for key in schema["required"] if key not in found)
        wanted = schema["properties"][key].get("description", "see the other experiments")
        return f"{prefix}the key {key!r} is missing: {wanted}"
    return f"{prefix}must be {schema.get('description', error.message)}, found {found!r}"


def _check_meaning(config: Mapping[str, Any]) -> None:
    methods, known = config["methods"], config["datasets"]
    for name, method in methods.items():
        facts_of(method["method_class"], f"methods.{name}.method_class")
        if name == EMBEDDING:
            raise UserError(f"methods.{name}: the runs of the embedding figures have this name; choose another")
    for dataset in known:
        _check_labels(dataset_entry(config, dataset), dataset)
    named = [(f"datasets.{dataset}.methods", entry.get("methods", ())) for dataset, entry in known.items()]
    named += [(f"claims[{n}].methods", claim["methods"]) for n, claim in enumerate(config.get("claims", ()))]
    wanted = [(f"claims[{n}].dataset", [claim["dataset"]]) for n, claim in enumerate(config.get("claims", ()))]
    if "study" in config and not any("of" in method for method in methods.values()):
        raise UserError("study: expected variants, found none; add them with vary, or as methods with of: <start>")
    if dial := config.get("difficulty"):
        named.append(("difficulty", [*dial["methods"], dial["ceiling"]]))
        _check_dial(config)
    if rule := config.get("checks", {}).get("must_beat"):
        named.append(("checks.must_beat", [rule["baseline"], *rule["methods"]]))
        wanted.append(("checks.must_beat.datasets", rule.get("datasets", ())))
    for allowed, places in ((methods, named), (known, wanted)):
        for place, names in places:
            for name in names:
                if name not in allowed:
                    raise UserError(f"{place}: {name!r} is not in this experiment; {suggest(name, allowed)}")
    for n, claim in enumerate(config.get("claims", ())):
        counts = known[claim["dataset"]]["labels"]
        if not set(found := claim.get("labels", counts)) <= set(counts):
            raise UserError(f"claims[{n}].labels: expected label counts of {claim['dataset']}, {counts}, found {found}")
    _check_shared(config)
    for run in runs(config):
        recipe_of(config, run)
    _check_choices(config)
    for dataset in config.get("embeddings", {}).get("datasets", {}):
        entry = embedding_entry(config, dataset)
        if entry["labels"] is None:
            raise UserError(f"embeddings.datasets.{dataset}: the key 'labels' is missing; set its label count")
        embedding_recipe(config, dataset)


def _check_shared(config: Mapping[str, Any]) -> None:
    """At least one method has each setting that is given for all methods."""
    classes = {method["method_class"] for method in config["methods"].values()}
    known = {"profile"}.union(*(fields_of(facts_of(path).settings) for path in classes))
    places = {"recipe": config["recipe"]} | {
        f"datasets.{name}.recipe": entry.get("recipe", {}) for name, entry in config["datasets"].items()
    }
    for place, settings in places.items():
        for name in settings:
            if name in OLD_SETTINGS:
                raise UserError(f"{place}: the setting {name!r} is now called {OLD_SETTINGS[name]}; change it")
            if name not in known:
                raise UserError(f"{place}: no method here has the setting {name!r}; {suggest(name, known)}")


def _check_dial(config: Mapping[str, Any]) -> None:
    """The datasets of an experiment with `difficulty`: drawn faces, one label count for all."""
    counts = [tuple(entry["labels"]) for entry in config["datasets"].values()]
    if len(set(counts)) > 1 or len(counts[0]) > 1:
        raise UserError(f"datasets: expected one label count, the same for every ambiguity, found {counts}")
    for dataset in config["datasets"]:
        if datasets.get(dataset, **dataset_entry(config, dataset)["options"]).family != "faces":
            raise UserError(
                f"datasets.{dataset}: expected drawn faces, since the key difficulty needs them; set family: faces"
            )


def _check_choices(config: Mapping[str, Any]) -> None:
    """A method's own seeds and label counts exist in the experiment, and a dataset's seeds name its own label
    counts."""
    methods, known = config["methods"], config["datasets"]
    for dataset, entry in known.items():
        own = entry.get("seeds", ())
        if isinstance(own, Mapping) and not set(own) <= set(entry["labels"]):
            raise UserError(
                f"datasets.{dataset}.seeds: expected label counts among {entry['labels']}, found {list(own)}"
            )
        for name in entry.get("methods", methods):
            counts = set(entry["labels"]) & set(methods[name].get("labels", entry["labels"]))
            seeds = sorted({seed for labels in counts for seed in seeds_of(config, dataset, labels)})
            found = methods[name].get("seeds", seeds) if counts else []
            if not set(found) <= set(seeds):
                raise UserError(f"methods.{name}.seeds: expected seeds of {dataset}, {seeds}, found {found}")
    counts = sorted({labels for entry in known.values() for labels in entry["labels"]})
    for name, method in methods.items():
        found = method.get("labels", counts)
        if not set(found) <= set(counts):
            raise UserError(f"methods.{name}.labels: expected label counts of the datasets, {counts}, found {found}")


def _check_labels(entry: Config, dataset: str) -> None:
    """Label counts that the registry already rules out; what the spill rule leaves is known when the split is drawn."""
    row = datasets.get(dataset, **entry["options"])
    least = len(row.classes or ())
    most = max((parts["train"] for parts in row.counts.values()), default=float("inf"))
    for labels in entry["labels"]:
        if labels < least or (labels > most and entry["verify_counts"]):
            raise UserError(
                f"datasets.{dataset}.labels: expected {least} (one per class) to {most:,} (all training images), "
                f"found {labels}"
            )
