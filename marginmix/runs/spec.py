"""The spec of a run: everything that decides its bits, what to observe, and how and where to compute it.

`spec.json` is the one way from a config to a training: `marginmix train spec.json --out DIR`. The identity is the hash
of its part `bits`. Observation only looks: asking for more of it never makes a finished run stale.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marginmix import datasets
from marginmix.errors import UserError, suggest
from marginmix.files import hash_of, read_json
from marginmix.runs.key import RunKey
from marginmix.runs.methods import facts_of
from marginmix.runs.recipe import Recipe, checked_settings

NUMERICS_VERSION = 1
"""Raise it by one when three steps of a method, or a default, change: results of another version are stale.

A test forces it. A new method needs no new version. Nor does a new setting whose default changes nothing, since specs
hold what differs from the method's defaults.
"""

OBSERVATION = ("evaluations", "score_window", "snapshots", "diagnosed", "samples", "shares_examined")
"""The settings that only look: they change neither weights nor predictions."""


@dataclass(frozen=True)
class Bits:
    """Everything that decides the bits of a trained network. `data` is the hash of the decoded images and labels.
    `options` are the dataset's options that differ from its row of the registry, with `family` where the name is not a
    row's."""

    dataset: str
    options: Mapping[str, Any]
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
    def row(self) -> datasets.Dataset:
        """The dataset with its options; a `UserError` where it does not exist."""
        return datasets.get(self.dataset, **self.options)

    @property
    def recipe_only(self) -> str:
        """The identity without the data, which a machine may lack."""
        return hash_of({**dataclasses.asdict(self), "data": None})


@dataclass(frozen=True)
class Machine:
    """How and where to compute. This affects the last bits at most, and provenance records it."""

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
        """All settings, of the method's own class; a `UserError` on one that is unknown or not allowed."""
        return self._recipe(f"spec of {self.method}")

    def _recipe(self, where: str) -> Recipe:
        kind, settings = facts_of(self.bits.method_class, f"{where}: bits: method_class").settings, self.bits.settings
        recipe = kind(**checked_settings({**settings, **self.observation}, where, kind))
        misplaced = {name: "observation" for name in settings if name in OBSERVATION}
        misplaced |= {name: "bits: settings" for name in self.observation if name not in OBSERVATION}
        for name, place in misplaced.items():
            raise UserError(f"{where}: {name} belongs in {place}; move it there")
        return recipe

    def normalised(self, where: str) -> "Spec":
        """The same run in one spelling: 10 and 10.0, or a default written out, give one identity. Raises `UserError`,
        which starts with `where`, on an unknown setting or a value that is not allowed."""
        recipe = self._recipe(where)
        bits = dataclasses.replace(self.bits, settings=bits_settings(recipe))
        return dataclasses.replace(self, bits=bits, observation=observation_of(recipe))

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def bits_settings(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide bits and differ from the defaults."""
    return {name: value for name, value in recipe.changes.items() if name not in OBSERVATION}


def observation_of(recipe: Recipe) -> dict[str, Any]:
    """What a recipe asks to observe."""
    found = {name: getattr(recipe, name) for name in OBSERVATION}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def spec_from(content: Any, where: str) -> Spec:
    """The spec in a JSON file. Raises `UserError`, which starts with `where`, on a wrong key or type.

    The method owns the settings, so `Spec.recipe` checks them."""
    parts = _fields_of(Spec, content, where)
    bits = Bits(**_fields_of(Bits, parts["bits"], f"{where}: bits"))
    machine = Machine(**_fields_of(Machine, parts["machine"], f"{where}: machine"))
    if bits.numerics != NUMERICS_VERSION:
        raise UserError(
            f"{where}: expected numerics version {NUMERICS_VERSION}, found {bits.numerics}, whose bits this version of "
            "the program does not compute; check out the version that made the spec, or write a new spec"
        )
    try:
        options = dict(bits.row.changed)
    except (UserError, TypeError) as error:
        raise UserError(f"{where}: bits: {error}") from error
    bits = dataclasses.replace(bits, options=options)
    return Spec(parts["experiment"], parts["method"], bits, parts["observation"], machine)


def read_spec(path: Path | str) -> Spec:
    """The spec in a file; a missing, broken or impossible one is a `UserError`."""
    return spec_from(read_json(path), str(path))


def _fields_of(kind: type, content: Any, where: str) -> dict[str, Any]:
    """The keys of `content` as the fields of the dataclass `kind`, their types checked."""
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected an object, found {content!r}; write it with Snakemake or `marginmix spec`")
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
            raise UserError(f"{where}: the key {name!r} is missing; expected the keys {', '.join(fields)}")
    return dict(content)


def _fits(value: Any, annotation: Any) -> bool:
    if dataclasses.is_dataclass(annotation) or getattr(annotation, "__origin__", None) is Mapping:
        return isinstance(value, Mapping)
    return type(value) in getattr(annotation, "__args__", (annotation,))  # a bool is no int here
