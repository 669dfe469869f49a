"""The facts of a method by its import path: its title and its settings.

Planning imports the method, and with it torch. Tables and figures do not: the workflow passes the facts on to them.
"""

import dataclasses
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from marginmix.errors import UserError, suggest
from marginmix.runs.recipe import Recipe

MOVED = {
    "marginmix.method:MarginMix": "marginmix.methods.marginmix:MarginMix",
    "marginmix.embedding:MarginSupervised": "marginmix.methods.margin_supervised:MarginSupervised",
}
"""Old import paths -> the present ones."""


@dataclass(frozen=True)
class MethodFacts:
    """`title` is for tables and figures; `settings` is the class of its recipes."""

    title: str
    settings: type[Recipe]


_KNOWN: dict[str, MethodFacts] = {}


def facts_of(path: str, where: str = "method_class") -> MethodFacts:
    """Title and settings of the method at the import path `package.module:Class`, imported once.

    Raises `UserError`, which starts with `where`, if there is no such `Method`.
    """
    if path not in _KNOWN:
        found = resolve_method(path, where)
        _KNOWN[path] = MethodFacts(found.title or found.__name__, found.Settings)
    return _KNOWN[path]


def resolve_method(path: str, where: str = "method_class") -> type:
    """The `Method` at the import path `package.module:Class`; else a `UserError`."""
    if path in MOVED:
        raise UserError(f"{where}: {path} has moved to {MOVED[path]}; change the path")
    module_name, colon, class_name = path.partition(":")
    if not (module_name and colon and class_name):
        raise UserError(f"{where}: expected package.module:Class, found {path!r}")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        raise UserError(f"{where}: cannot import {module_name} ({error}); {_beside(module_name)}") from error
    found = getattr(module, class_name, None)
    if not _is_method(found):
        known = [name for name, value in vars(module).items() if _is_method(value)]
        raise UserError(f"{where}: {module_name} has no method {class_name!r}; {suggest(class_name, known)}")
    return found


def _beside(module_name: str) -> str:
    """The end of a message: the module with the nearest name in the same package, if that package exists."""
    package = sys.modules.get(module_name.rpartition(".")[0])
    siblings = [found.name for found in pkgutil.iter_modules(getattr(package, "__path__", []))]
    known = [f"{package.__name__}.{sibling}" for sibling in siblings]
    return suggest(module_name, known) if known else "write package.module:Class"


def _is_method(found: Any) -> bool:
    """Whether it is a subclass of `marginmix.methods.base.Method`. Checks for what only such a class has, since this
    module must not import torch."""
    return (
        isinstance(found, type) and isinstance(getattr(found, "Settings", None), type) and hasattr(found, "self_label")
    )


def tell(paths: Iterable[str]) -> dict[str, Any]:
    """The facts of the methods `paths`, in JSON types."""
    told = {}
    for path in dict.fromkeys(paths):
        facts = facts_of(path)
        fields = [
            {"name": field.name, "default": field.default, **field.metadata}
            for field in dataclasses.fields(facts.settings)
        ]
        told[path] = {"title": facts.title, "settings": fields}
    return told


def learn(told: Mapping[str, Any]) -> None:
    """Take over the facts from `tell`. `facts_of` then does not import these methods."""
    for path, facts in told.items():
        _KNOWN.setdefault(path, MethodFacts(facts["title"], _settings_class(facts["settings"])))


def _settings_class(told: Iterable[Mapping[str, Any]]) -> type[Recipe]:
    fields = []
    for field in told:
        default = tuple(field["default"]) if isinstance(field["default"], list | tuple) else field["default"]
        metadata = {name: field[name] for name in ("doc", "choices", "within")}
        fields.append((field["name"], type(default), dataclasses.field(default=default, metadata=metadata)))
    return dataclasses.make_dataclass("Settings", fields, bases=(Recipe,), frozen=True)
