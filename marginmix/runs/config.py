"""Experiments: one complete file each, checked before planning; the runs that it asks for, and their settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from marginmix import datasets
from marginmix.errors import UserError, suggest
from marginmix.runs.key import RunKey
from marginmix.runs.methods import facts_of
from marginmix.runs.recipe import Recipe, fields_of, make_recipe

Config = dict[str, Any]

EMBEDDING = "embedding"
EMBEDDING_CLASS = "marginmix.methods.margin_supervised:MarginSupervised"
"""Name and class of the method of the embedding figures."""

OLD_WORDS = {"budget": "experiment", "missing_data": "missing"}
"""Old keys -> the present ones."""

OLD_STUDY = {
    "starts": "give each variant of: <start>, or generate variants with vary: {<start>: {switches: […]}}",
    "unjudged": "set unjudged: <text> in the variant itself",
}
"""Old keys of `study` -> what to write instead."""

_ENTRY = {"root": None, "image_size": None, "verify_counts": True, "recipe": {}}


def load(workflow: Path | str, experiment: str, overrides: Mapping[str, Any] | None = None) -> Config:
    """The experiment `workflow`/config/<experiment>.yaml with `overrides` merged in (mappings key by key), checked.

    Snakemake passes nested values of its command line as text, so this reads those in `overrides` as YAML scalars.
    Raises `UserError` on the first thing that is wrong: an unknown experiment, key, dataset or method, a wrong type.
    """
    from marginmix.runs.checks import check  # which builds on what is below

    folder, given = Path(workflow, "config"), _typed(overrides or {})
    _refuse_old_words(given, "--config")
    path = folder / f"{experiment}.yaml"
    if not path.is_file():
        known = [other.stem for other in folder.glob("*.yaml")]
        raise UserError(f"no experiment {experiment!r} in {os.path.relpath(folder)}; {suggest(str(experiment), known)}")
    where, written = os.path.relpath(path), read_yaml(path)
    if not isinstance(written, Mapping):
        raise UserError(f"{where}: must be a mapping of keys such as experiment and seeds, found {written!r}")
    _refuse_old_words(written, where)
    config = merged(written, given)
    config = check(config, read_yaml(Path(workflow, "schemas", "config.schema.yaml")), where)
    if config["experiment"] != path.stem:
        raise UserError(
            f"{where}: experiment must equal the file's name without .yaml, {path.stem!r}, found "
            f"{config['experiment']!r}"
        )
    return config


def experiments(workflow: Path | str) -> list[str]:
    """The names of all experiments that have a file, sorted."""
    return sorted(path.stem for path in Path(workflow, "config").glob("*.yaml"))


def _refuse_old_words(content: Mapping[str, Any], where: str) -> None:
    for old, new in OLD_WORDS.items():
        if old in content:
            raise UserError(f"{where}: the key {old!r} is now called {new!r}; write {new}: {content[old]}")
    methods, study = (content[key] if isinstance(content.get(key), Mapping) else {} for key in ("methods", "study"))
    for name, method in methods.items():
        if isinstance(method, Mapping) and "method" in method:
            raise UserError(f"{where}: methods.{name}.method is now called method_class; rename the key")
    for old, new in OLD_STUDY.items():
        if old in study:
            raise UserError(f"{where}: study.{old} no longer exists; {new}")


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Config:
    """`below` with `above` over it; where both hold a mapping, key by key, as Snakemake's `--config` does."""
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def runs(config: Config) -> list[RunKey]:
    """Every run that the experiment asks for, without its embedding runs, whether its data are here or not."""
    return [
        RunKey(config["experiment"], dataset, labels, method, seed)
        for dataset, entry in config["datasets"].items()
        for labels in entry["labels"]
        for method in entry.get("methods", config["methods"])
        for seed in seeds_of(config, dataset, labels)
        if labels in config["methods"][method].get("labels", [labels])
        and seed in config["methods"][method].get("seeds", [seed])
    ]


def method_classes(*configs: Config) -> list[str]:
    """The import paths of all methods of the experiments, and of their embedding runs."""
    paths = [method["method_class"] for config in configs for method in config["methods"].values()]
    return list(dict.fromkeys([*paths, EMBEDDING_CLASS]))


def method_titles(config: Config) -> dict[str, str]:
    """Method -> the name to print: the `title` of its entry; else its class's title for the first entry of that class,
    and the entry's own name for a variant and for a further entry of the class."""
    titles = {EMBEDDING: facts_of(EMBEDDING_CLASS).title}
    taken = set()
    for name, method in config["methods"].items():
        path = method["method_class"]
        own = "of" not in method and path not in taken
        titles[name] = method.get("title") or (facts_of(path).title if own else name)
        taken |= {path} if own else set()
    return titles


def seeds_of(config: Mapping[str, Any], dataset: str, labels: int) -> list[int]:
    """The seeds of a dataset at a label count: its own, for all counts or for this one, else the experiment's."""
    own = config["datasets"][dataset].get("seeds", config["seeds"])
    return own.get(labels, config["seeds"]) if isinstance(own, Mapping) else own


def dataset_entry(config: Config, dataset: str) -> Config:
    """A dataset's entry in the experiment, with defaults. `options` differ from the registry's row, and name the family
    where the name is not a row's. Raises `UserError` on wrong options."""
    entry = config["datasets"].get(dataset, {})
    given = {key: entry[key] for key in ("family", *datasets.OPTIONS) if key in entry}
    datasets.refuse_old_name(dataset, given, datasets.ROWS)
    return {**_ENTRY, **entry, "options": dict(datasets.get(dataset, **given).changed)}


def recipe_of(config: Config, run: RunKey) -> Recipe:
    """Settings of a run: the method's defaults, over them the experiment's, the dataset's, and the method's entry's.

    The experiment's and the dataset's settings serve all methods: each method takes the settings that it has."""
    entry, method = config["datasets"][run.dataset], config["methods"][run.method]
    kind = facts_of(method["method_class"]).settings
    shared = {**config["recipe"], **entry.get("recipe", {})}
    common = {name: value for name, value in shared.items() if name in ("profile", *fields_of(kind))}
    return make_recipe({**common, **method.get("recipe", {})}, f"settings of {run.method} on {run.dataset}", kind)


def embedding_entry(config: Config, dataset: str) -> Config:
    """The entry of a dataset's embedding run, over the dataset's own entry; `labels` is one count."""
    below, entry = dataset_entry(config, dataset), config["embeddings"]["datasets"][dataset]
    labels = entry.get("labels", min(below.get("labels", [None])))
    return {**below, **entry, "labels": labels, "recipe": entry.get("recipe", {})}


def embedding_recipe(config: Config, dataset: str) -> Recipe:
    """Settings of an embedding run: those of `embeddings`, over them its dataset's; the experiment's do not apply."""
    settings = {**config["embeddings"]["recipe"], **embedding_entry(config, dataset)["recipe"]}
    return make_recipe(settings, f"settings of the embedding of {dataset}", facts_of(EMBEDDING_CLASS).settings)


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
