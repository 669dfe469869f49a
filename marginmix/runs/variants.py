"""Variants of a method: those that say `of: <start>` and what differs, and those that the key `vary` generates."""

import re
from collections.abc import Mapping
from typing import Any

from marginmix.errors import UserError, suggest

OWN = ("name", "seeds", "labels", "method_class", "unjudged")
"""The keys of a switch that are not settings."""
LONGEST = 200
"""Characters of a name: it becomes a folder, and file systems allow 255 bytes."""

Methods = dict[str, dict[str, Any]]


def expanded(config: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment with every variant among its methods and without `vary`. A variant has everything that its start
    has; its own settings replace the start's one by one."""
    methods: Methods = {name: dict(method) for name, method in config["methods"].items()}
    for start, group in config.get("vary", {}).items():
        for n, switch in enumerate(group["switches"]):
            name, method = _generated(start, group, switch, f"vary.{start}.switches[{n}]")
            if name in methods:
                raise UserError(f"vary.{start}.switches[{n}]: the name {name!r} is taken; set the key name")
            methods[name] = method
    found: Methods = {}
    for name in methods:
        _resolve(name, methods, found, ())
    return {key: value for key, value in config.items() if key != "vary"} | {"methods": {k: found[k] for k in methods}}


def variant_name(start: str, changes: Mapping[str, Any]) -> str:
    """A name that can be a folder: "marginmix+margin=hinge+margin_width=1"."""
    return "+".join([start, *(f"{key}={_spelled(value)}" for key, value in changes.items())])


def _generated(
    start: str, group: Mapping[str, Any], switch: Mapping[str, Any], where: str
) -> tuple[str, dict[str, Any]]:
    settings = {key: value for key, value in switch.items() if key not in OWN}
    changes = {"class": switch["method_class"].partition(":")[2]} if "method_class" in switch else {}
    name = switch.get("name", variant_name(start, {**changes, **settings}))
    if name == start:
        raise UserError(f"{where}: expected a setting or a method_class that differs from {start}, found {switch}")
    if len(name) > LONGEST:
        raise UserError(f"{where}: expected a name of at most {LONGEST} characters, found {name}; set the key name")
    above = {key: group[key] for key in ("seeds", "labels") if key in group}
    own = {key: switch[key] for key in OWN if key in switch and key != "name"}
    return name, {"of": start, **above, **own, "recipe": settings}


def _resolve(name: str, methods: Methods, found: Methods, below: tuple[str, ...]) -> dict[str, Any]:
    if name in found:
        return found[name]
    method = methods[name]
    if start := method.get("of"):
        if start not in methods:
            raise UserError(f"methods.{name}.of: {start!r} is not in this experiment; {suggest(start, methods)}")
        if start in (*below, name):
            raise UserError(f"methods.{name}.of: {start!r} is a variant of itself, directly or not; name another start")
        begun = dict(_resolve(start, methods, found, (*below, name)))
        for key in ("unjudged", "title"):  # a variant is not what it is of
            begun.pop(key, None)
        method = {**begun, **method, "recipe": {**begun.get("recipe", {}), **method.get("recipe", {})}}
    elif "method_class" not in method:
        raise UserError(f"methods.{name}: the key 'method_class' is missing: an import path, package.module:Class")
    found[name] = method
    return method


def _spelled(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "-".join(map(_spelled, value))
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)
