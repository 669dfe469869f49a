"""The options of a dataset: fields of its entry in an experiment's file.

A dataset's registry row names its options and their defaults. Only this module defines and checks the allowed values.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from marginmix.errors import UserError, suggest


@dataclass(frozen=True)
class Option:
    """One option of datasets.

    `allowed` completes the sentence "must be …". `checked` returns a value in the type that specs use, or None if the
    value is not allowed. `told` returns the text for titles of a value that is not the default. `decoded` says whether
    the option changes images or labels.
    """

    doc: str
    allowed: str
    checked: Callable[[Any], Any]
    told: Callable[[Any], str]
    decoded: bool = False


def _one_of(*allowed: Any) -> Callable[[Any], Any]:
    return lambda value: next((one for one in allowed if type(one) is type(value) and one == value), None)


def _share(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and 0 <= value <= 1 else None


def _count_or_share(value: Any) -> int | float | None:
    if type(value) is int:
        return value if value >= 1 else None
    return value if type(value) is float and 0 < value < 1 else None


OPTIONS: dict[str, Option] = {
    "vote_rule": Option(
        "how ten votes decide which images are kept, and their labels (Barsoum et al. 2016)",
        "majority, argmax-unique or argmax-first",
        _one_of("majority", "argmax-unique", "argmax-first"),
        lambda rule: f"{rule} votes",
        decoded=True,
    ),
    "ambiguity": Option(
        "how far drawn faces slide towards another class",
        "a number from 0 to 1",
        _share,
        lambda share: f"ambiguity {share:g}",
        decoded=True,
    ),
    "label_draw": Option(
        "balanced: the same number of labels per class; natural: in proportion to the training images, at least one "
        "each",
        "balanced or natural",
        _one_of("balanced", "natural"),
        lambda draw: f"{draw} label draws",
    ),
    "duplicates": Option(
        "drop: leave out training images that are copies of a validation or test image",
        "keep or drop",
        _one_of("keep", "drop"),
        lambda what: "without copies" if what == "drop" else "with copies",
    ),
    "flip": Option(
        "whether augmentation mirrors images",
        "true or false",
        _one_of(True, False),
        lambda flip: "mirrored" if flip else "not mirrored",
    ),
    "validation": Option(
        "validation images to draw from the training images: a number, balanced over classes, or a share of each class",
        "a whole number from 1 on, or a share between 0 and 1",
        _count_or_share,
        lambda value: f"validation {value:g}",
    ),
}
COMMON = ("label_draw", "duplicates", "flip", "validation")
"""The options that a dataset has unless its row names others."""

_FACES = re.compile(r"faces-(0(?:\.\d+)?|1(?:\.0+)?)")
_NATURAL = "-natural"


def checked_options(name: str, given: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
    """The options `given` for the dataset `name`, checked; `allowed` are the options that it has. A value of None
    counts as not given.

    Raises `UserError` on any other option, or on a value that is not allowed.
    """
    allowed, found = tuple(allowed), {}
    for key, value in given.items():
        if value is None:
            continue
        if key not in OPTIONS:
            raise UserError(f"dataset {name!r}: unknown option {key!r}; {suggest(key, OPTIONS)}")
        if key not in allowed:
            raise UserError(f"dataset {name!r}: has no option {key!r}, only {', '.join(allowed)}; remove it")
        found[key] = OPTIONS[key].checked(value)
        if found[key] is None:
            raise UserError(f"dataset {name!r}: {key} must be {OPTIONS[key].allowed}, found {value!r}")
    return found


def option_of(text: str) -> tuple[str, Any]:
    """The option and its value in a command-line word KEY=VALUE; see `option_words`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--option: expected KEY=VALUE such as label_draw=natural, found {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def option_words(options: Mapping[str, Any]) -> list[str]:
    """The command-line words for these options, and for `family` if it is among them."""
    words = []
    for name, value in options.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words += ["--family", text] if name == "family" else ["--option", f"{name}={text}"]
    return words


def refuse_old_name(name: str, given: Mapping[str, Any], rows: Iterable[str]) -> None:
    """Raises `UserError` if a name contains an option, as old names did, and `given` lacks that option."""
    stem, said = name.removesuffix(_NATURAL), {}
    if stem in ("ferplus-argmax-unique", "ferplus-argmax-first"):
        said = {"family": "ferplus", "vote_rule": stem.removeprefix("ferplus-")}
    elif face := _FACES.fullmatch(stem):
        said = {"family": "faces", "ambiguity": face[1]}
    elif stem != name and stem in rows:
        said = {"family": stem}
    said |= {"label_draw": "natural"} if stem != name else {}
    if given.get("family", said.get("family")) != said.get("family"):  # for another family the stem means nothing
        said = {key: value for key, value in said.items() if key == "label_draw"}
    if not (said.get("family") or given.get("family")):
        return  # no dataset has this name
    missing = [key for key in said if given.get(key) is None]
    if missing:
        fields = {**{key: value for key, value in given.items() if key == "family" and value}, **said}
        spelled = ", ".join(f"{key}: {value}" for key, value in fields.items())
        raise UserError(f"dataset {name!r}: names no longer contain options; write {name}: {{{spelled}}}")
