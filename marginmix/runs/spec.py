"""The spec of a run: everything that decides its bits, what is observed on the way, and how and where to compute it.

`spec.json` is the one way from a config to a training: `marginmix train spec.json --out DIR`. The identity is the hash
of its part `bits`. Observation is what is only looked at: asking for more of it never makes a finished run stale.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marginmix.errors import UserError, suggest
from marginmix.files import hash_of, read_json
from marginmix.runs.key import RunKey
from marginmix.runs.recipe import FIELDS, Recipe
from marginmix.runs.setting import checked

NUMERICS_VERSION = 1
"""Raised by one when three steps of any method or a default of `Recipe` change: results of another version are stale.

A test forces it. A new setting whose default is what was done before needs none: specs hold what differs from the
defaults.
"""

OBSERVATION = ("evaluations", "score_window", "snapshots", "diagnosed", "samples", "shares_examined")
"""The settings that only look: weights and predictions are the same whatever they are."""


@dataclass(frozen=True)
class Bits:
    """What decides every bit of a trained network. `data` is the hash of the decoded images and labels."""

    dataset: str
    family: str | None
    image_size: int | None
    data: str | None
    labels: int
    seed: int
    method_class: str
    settings: Mapping[str, Any]
    numerics: int = NUMERICS_VERSION

    @property
    def identity(self) -> str:
        return hash_of(dataclasses.asdict(self))

    @property
    def recipe_only(self) -> str:
        """The identity but for the data, which are not known everywhere."""
        return hash_of({**dataclasses.asdict(self), "data": None})


@dataclass(frozen=True)
class Machine:
    """How and where to compute: none of it decides more than the last bits, and provenance records it."""

    device: str = "auto"
    threads: int = 1
    execution: str = "auto"
    exact: bool = True
    data_root: str = "data"
    cache: str = ".cache"
    root: str | None = None
    verify_counts: bool = True


@dataclass(frozen=True)
class Spec:
    """One run, ready to be trained. `experiment` and `method` are the names that tables print."""

    experiment: str
    method: str
    bits: Bits
    observation: Mapping[str, Any]
    machine: Machine

    @property
    def identity(self) -> str:
        return self.bits.identity

    @property
    def key(self) -> RunKey:
        return RunKey(self.experiment, self.bits.dataset, self.bits.labels, self.method, self.bits.seed)

    @property
    def recipe(self) -> Recipe:
        """All settings; a `UserError` on one that is unknown or not allowed."""
        return recipe_from({**self.bits.settings, **self.observation}, f"spec of {self.method}")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def bits_settings(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide bits and are not the defaults."""
    return {name: value for name, value in recipe.changes.items() if name not in OBSERVATION}


def observation_of(recipe: Recipe) -> dict[str, Any]:
    """What a recipe asks to be looked at."""
    found = {name: getattr(recipe, name) for name in OBSERVATION}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def recipe_from(settings: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from settings as a spec holds them: those that differ from the defaults, no profile beneath."""
    for name in settings:
        if name not in FIELDS:
            raise UserError(f"{where}: unknown setting {name!r}; {suggest(name, FIELDS)}")
    return Recipe(**{name: checked(FIELDS[name], value, where) for name, value in settings.items()})


def spec_from(content: Any, where: str) -> Spec:
    """The spec that a JSON file holds; a `UserError` that starts with `where` on a key or type that cannot be."""
    parts = _fields_of(Spec, content, where)
    bits = Bits(**_fields_of(Bits, parts["bits"], f"{where}: bits"))
    machine = Machine(**_fields_of(Machine, parts["machine"], f"{where}: machine"))
    if bits.numerics != NUMERICS_VERSION:
        raise UserError(
            f"{where}: expected numerics version {NUMERICS_VERSION}, found {bits.numerics}; this version of the "
            "program computes other bits: check out the one that the spec was made with, or plan the run anew"
        )
    recipe = recipe_from({**bits.settings, **parts["observation"]}, where)
    misplaced = {name: "observation" for name in bits.settings if name in OBSERVATION}
    misplaced |= {name: "bits: settings" for name in parts["observation"] if name not in OBSERVATION}
    for name, place in misplaced.items():
        raise UserError(f"{where}: {name} belongs in {place}; move it there")
    # 10 and 10.0, and a default that is spelled out, are the same setting and have the same identity.
    bits = dataclasses.replace(bits, settings=bits_settings(recipe))
    return Spec(parts["experiment"], parts["method"], bits, observation_of(recipe), machine)


def read_spec(path: Path | str) -> Spec:
    """The spec in a file; a missing, broken or impossible one is a `UserError`."""
    return spec_from(read_json(path), str(path))


def _fields_of(kind: type, content: Any, where: str) -> dict[str, Any]:
    """The keys of `content` as the fields of the dataclass `kind`, their types checked."""
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected an object, found {content!r}; let Snakemake or `marginmix spec` write it")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in content:
        if name not in fields:
            raise UserError(f"{where}: unknown key {name!r}; {suggest(str(name), fields)}")
    for name, field in fields.items():
        if name in content:
            if not _fits(content[name], field.type):
                kind_name = getattr(field.type, "__name__", str(field.type))
                raise UserError(f"{where}: {name} must be of type {kind_name}, found {content[name]!r}")
        elif field.default is dataclasses.MISSING:
            raise UserError(f"{where}: the key {name!r} is missing; expected are {', '.join(fields)}")
    return dict(content)


def _fits(value: Any, annotation: Any) -> bool:
    if dataclasses.is_dataclass(annotation) or getattr(annotation, "__origin__", None) is Mapping:
        return isinstance(value, Mapping)
    return type(value) in getattr(annotation, "__args__", (annotation,))  # a bool is no int here
