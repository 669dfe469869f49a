"""The record of a finished run, result.json: sealed when it is written, checked whenever it is read.

The check recomputes the identity from the spec, scores and optimism from the learning curve, and the last accuracy from
the confusion matrix. So neither an edit nor a broken disk puts a false number into a table.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marginmix.errors import UserError
from marginmix.files import hash_of, read_json
from marginmix.runs.collapse import collapsed_at
from marginmix.runs.paths import OUTPUTS, RESULT
from marginmix.runs.scores import PER_IMAGE_METRICS, at_chance, reported, score_rules
from marginmix.runs.spec import Bits, Spec, spec_from

TOLERANCE = 1e-3
"""In percent: curves are written with six significant digits."""

TYPES = {
    "recipe": dict, "source": str, "split": str, "overlap": dict, "classes": list, "scores": dict, "separability": list,
    "provenance": list, "evaluated": int, "diverged": bool, "exact": bool,
}  # fmt: skip


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with a digest over all of it."""
    return {**content, "digest": hash_of(content)}


def finished_already(spec: Spec, out: Path) -> dict[str, Any] | None:
    """The result of `spec` in the folder `out`; None where one of the run's files is missing. The result of another run
    is a `UserError`."""
    if not (out / RESULT).exists():
        return None
    result = read_json(out / RESULT)
    found = result.get("identity") if isinstance(result, dict) else None
    if found != spec.identity:
        raise UserError(
            f"{out / RESULT}: expected run {spec.identity}, found run {found}; choose another --out, or move this "
            "folder"
        )
    return result if all((out / name).exists() for name in OUTPUTS) else None


def check_record(record: Any, curve: Sequence[Mapping[str, float]]) -> Spec:
    """The spec of a record (the content of result.json) with the learning curve `curve`, one row for each evaluation.

    Raises `UserError`, without naming the file, on anything missing, impossible or contradictory.
    """
    try:
        spec = _checked_spec(record)
        _check_types(record)
        _check_recipe(record, spec)
        _check_numbers(record)
        _check_scores(record, curve)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, ArithmeticError) as error:
        raise UserError(f"a key is missing or of the wrong type ({error!r})") from error
    return spec


def _checked_spec(record: Mapping[str, Any]) -> Spec:
    content = {name: value for name, value in record.items() if name != "digest"}
    if record["digest"] != hash_of(content):
        raise UserError("its digest does not match its content, so it was changed after it was written")
    spec = spec_from(record["spec"], "spec")
    if record["identity"] != spec.identity:
        raise UserError(f"expected identity {spec.identity}, as its spec says, found {record['identity']}")
    return spec


def _check_recipe(record: Mapping[str, Any], spec: Spec) -> None:
    """The record has every setting, for readers that do not import the method. They must agree with the spec."""
    recipe = record["recipe"]
    for name, value in {**spec.bits.settings, **spec.observation}.items():
        if recipe.get(name) != value:
            raise UserError(f"recipe: {name}: expected {value!r}, as its spec says, found {recipe.get(name)!r}")
    for name in ("steps", "evaluations", "score_window"):
        if type(recipe[name]) is not int or recipe[name] < 1:
            raise UserError(f"recipe: {name}: expected a whole number from 1 on, found {recipe[name]!r}")


def _check_types(record: Mapping[str, Any]) -> None:
    for name, kind in TYPES.items():
        if type(record[name]) is not kind:
            raise UserError(f"{name}: expected a {kind.__name__}, found {record[name]!r}")
    parts = record["provenance"]
    if not parts or not all({"device", "name"} <= set(part) for part in parts):
        raise UserError(f"provenance: expected entries with device and name, found {parts!r}")
    if not isinstance(record.get("published", {}), dict):
        raise UserError(f"published: expected a dict, found {record['published']!r}")


def _check_numbers(record: Mapping[str, Any]) -> None:
    classes, confusion = record["classes"], record["confusion"]
    values = [record[name] for name in PER_IMAGE_METRICS] + list(record["scores"].values())
    for value in values:
        if value is not None and not (math.isfinite(value) and 0 <= value <= 100):
            raise UserError(f"expected accuracies from 0 to 100, found {value}")
    if not (math.isfinite(record["wall_seconds"]) and record["wall_seconds"] >= 0):
        raise UserError(f"expected wall_seconds from 0 on, found {record['wall_seconds']}")
    square = len(confusion) == len(classes) and all(len(row) == len(classes) for row in confusion)
    if not square or any(type(count) is not int or count < 0 for row in confusion for count in row):
        raise UserError(f"expected a confusion matrix of {len(classes)} x {len(classes)} counts")
    if not any(map(any, confusion)):
        raise UserError("expected a confusion matrix of the test images, found one without images")


def _check_scores(record: Mapping[str, Any], curve: Sequence[Mapping[str, float]]) -> None:
    if len(curve) != record["evaluated"] or not curve:
        raise UserError(f"expected a learning curve of {record['evaluated']} evaluations, found {len(curve)}")
    recipe, steps = record["recipe"], [row["step"] for row in curve]
    last, evaluations = recipe["steps"], recipe["evaluations"]
    planned = [round((i + 1) * last / evaluations) for i in range(evaluations)]
    alarm = collapsed_at(curve, last)
    if record.get("collapsed", alarm) != alarm:
        raise UserError(f"collapsed: expected {alarm}, as its learning curve gives, found {record['collapsed']}")
    whole = len(steps) == len(planned) or (steps[-1] == alarm and recipe["stop_on_collapse"])
    if steps != planned[: len(steps)] or not (whole or record["diverged"]):
        raise UserError(
            f"expected a learning curve of {evaluations} evaluations up to step {last}, found {len(steps)} evaluations "
            f"up to step {steps[-1]:.0f}"
        )
    expected, rules = scores(record, curve, recipe["score_window"])
    expected |= {"optimism": rules["best"] - rules["mean"], **{f"score {rule}": rules[rule] for rule in rules}}
    said = record | {f"score {rule}": value for rule, value in record["scores"].items()}
    for name, value in expected.items():
        told = said[name]
        if (value is None) != (told is None) or (value is not None and not abs(value - told) <= TOLERANCE):
            raise UserError(f"{name}: expected {_text(value)}, as its learning curve gives, found {_text(told)}")
    counts = record["confusion"]
    right, images = sum(row[i] for i, row in enumerate(counts)), sum(map(sum, counts))
    if not abs(100 * right / images - curve[-1]["accuracy"]) <= TOLERANCE:
        raise UserError(
            f"expected a last accuracy of {100 * right / images:.2f}, as its confusion matrix gives, found "
            f"{curve[-1]['accuracy']:.2f}"
        )


def scores(
    record: Mapping[str, Any], curve: Sequence[Mapping[str, float]], window: int
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """Reported accuracies and the score rules over the last `window` evaluations; chance for a run that diverged."""
    if record["diverged"]:
        rules, accuracies = at_chance(len(record["classes"]))
        return accuracies, rules
    return reported(curve, window), score_rules(curve, window)


def recipe_hash(record: Mapping[str, Any]) -> str:
    """The identity without the data (see `Bits.recipe_only`)."""
    return Bits(**record["spec"]["bits"]).recipe_only


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
