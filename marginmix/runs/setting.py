"""One hyperparameter: its default, its text, its allowed values."""

import dataclasses
from typing import Any

from marginmix.errors import UserError


def setting(default: Any, doc: str, *choices: Any, within: str = "") -> Any:
    """A dataclass field of the type of `default`: one of `choices`, or a number `within` an interval such as "(0, 1]".
    Where `default` is a tuple, each of its numbers lies within."""
    return dataclasses.field(default=default, metadata={"doc": doc, "choices": choices, "within": within})


def inherited(kind: type, name: str, default: Any) -> Any:
    """The setting `name` of the dataclass `kind`, with another default."""
    field = next(field for field in dataclasses.fields(kind) if field.name == name)
    return dataclasses.field(default=default, metadata=field.metadata)


def checked(field: dataclasses.Field, value: Any, where: str) -> Any:
    """`value` in the field's type; a `UserError`, which starts with `where`, on another type or a forbidden value."""
    kind, name = type(field.default), field.name
    if kind is tuple and isinstance(value, list | tuple):
        value = tuple(_number(share) for share in value)
    elif kind is float:
        value = _number(value)
    numbers = value if isinstance(value, tuple) else (value,)
    if type(value) is not kind or (kind is tuple and not all(type(number) is float for number in numbers)):
        raise UserError(f"{where}: {name} must be of type {_TYPES[kind]}, found {value!r}")
    choices, within = field.metadata["choices"], field.metadata["within"]
    if choices and value not in choices:
        raise UserError(f"{where}: {name} must be one of {', '.join(choices)}, found {value!r}")
    if within and not all(_lies_in(number, within) for number in numbers):
        raise UserError(f"{where}: {name} must lie in {within}, found {value!r}")
    return value


_TYPES = {int: "int", float: "float", str: "str", bool: "bool", tuple: "list of numbers"}


def _number(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _lies_in(value: float, interval: str) -> bool:
    low, high = map(float, interval[1:-1].split(","))
    above = value > low if interval[0] == "(" else value >= low
    return above and (value < high if interval[-1] == ")" else value <= high)
