"""The options of a dataset: fields of its entry in an experiment's file, beside its name.

Which of them a dataset has, and their defaults, its row of the registry says. What each may be is said, and checked,
here alone.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from marginmix.errors import UserError, suggest


@dataclass(frozen=True)
class Option:
    """`allowed` completes "must be …". `checked` gives a value in the one type that it has in a spec, None where it is
    not allowed. `told` is what a title says of a value that is not the default. `decoded`: images or labels differ."""

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
        "which images the ten votes keep, and their labels (Barsoum et al. 2016)",
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
        "balanced: each class gives as many labels; natural: as its share of the training images is, at least one",
        "balanced or natural",
        _one_of("balanced", "natural"),
        lambda draw: f"{draw} label draws",
    ),
    "duplicates": Option(
        "drop: training images that are copies of a validation or test image are not trained on",
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
        "the validation images, drawn from the training images: so many, balanced, or that share of each class",
        "a whole number from 1 on, or a share between 0 and 1",
        _count_or_share,
        lambda value: f"validation {value:g}",
    ),
}
COMMON = ("label_draw", "duplicates", "flip", "validation")
"""The options of a dataset whose row says no others."""

_FACES = re.compile(r"faces-(0(?:\.\d+)?|1(?:\.0+)?)")
_NATURAL = "-natural"


def checked_options(name: str, given: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
    """The options `given` for the dataset `name`, which has those `allowed`; a `UserError` on another or a wrong
    value. None is an option that is not given."""
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
    """The option that a word of a command line, KEY=VALUE, says; see `option_words`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--option: expected KEY=VALUE such as label_draw=natural, found {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def option_words(options: Mapping[str, Any]) -> list[str]:
    """Words of a command line that say these options, and the family."""
    words = []
    for name, value in options.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words += ["--family", text] if name == "family" else ["--option", f"{name}={text}"]
    return words


def refuse_old_name(name: str, given: Mapping[str, Any], rows: Iterable[str]) -> None:
    """A `UserError` where a name says an option, as names did before they were fields, and `given` does not say it."""
    stem, said = name.removesuffix(_NATURAL), {}
    if stem in ("ferplus-argmax-unique", "ferplus-argmax-first"):
        said = {"family": "ferplus", "vote_rule": stem.removeprefix("ferplus-")}
    elif face := _FACES.fullmatch(stem):
        said = {"family": "faces", "ambiguity": face[1]}
    elif stem != name and stem in rows:
        said = {"family": stem}
    said |= {"label_draw": "natural"} if stem != name else {}
    if given.get("family", said.get("family")) != said.get("family"):  # another family's: the stem says nothing
        said = {key: value for key, value in said.items() if key == "label_draw"}
    if not (said.get("family") or given.get("family")):
        return  # nobody's dataset
    missing = [key for key in said if given.get(key) is None]
    if missing:
        fields = {**{key: value for key, value in given.items() if key == "family" and value}, **said}
        spelled = ", ".join(f"{key}: {value}" for key, value in fields.items())
        raise UserError(f"dataset {name!r}: a name says no option any more; write {name}: {{{spelled}}}")
