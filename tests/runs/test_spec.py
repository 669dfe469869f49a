"""The spec of a run: what its identity depends on and what not, and what cannot be one."""

import dataclasses
import json
from dataclasses import replace

import pytest

from marginmix.errors import UserError
from marginmix.runs import spec as module
from marginmix.runs.key import RunKey
from marginmix.runs.methods import facts_of
from marginmix.runs.recipe import Recipe, fields_of, make_recipe
from marginmix.runs.spec import (
    NUMERICS_VERSION,
    OBSERVATION,
    Bits,
    Machine,
    Spec,
    bits_settings,
    observation_of,
    read_spec,
    spec_from,
)

CLASS = "baselines.mixmatch:MixMatch"
SETTINGS = facts_of(CLASS).settings
FIELDS = fields_of(SETTINGS)
BITS = Bits("digits", {}, None, "0123456789abcdef", 20, 3, CLASS, {"lambda_u": 10.0, "steps": 400})


def spec_of(recipe: Recipe, **changes: object) -> Spec:
    bits = replace(BITS, settings=bits_settings(recipe), **changes)
    return Spec("some", "mixmatch", bits, observation_of(recipe), Machine())


def through_json(spec: Spec) -> Spec:
    return spec_from(json.loads(json.dumps(spec.to_json())), "it")


SPEC = spec_of(make_recipe({"lambda_u": 10, "steps": 400, "evaluations": 40, "snapshots": [0.5, 1]}, kind=SETTINGS))


def another(name: str) -> object:
    """An allowed value of a setting that is not its default."""
    field, default = FIELDS[name], FIELDS[name].default
    if field.metadata["choices"]:
        return next(value for value in field.metadata["choices"] if value != default)
    special = {"network": "wrn-10-1", "snapshots": (0.5,), "diagnosed": 64, "steps": 2048, "unlabelled_ratio": 7}
    if name in special:
        return special[name]
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default - 1 if default > 0 else default + 1
    return default * 1.25 if default > 1 else default / 2 + 0.2


def test_a_spec_is_the_same_after_json(tmp_path):
    assert through_json(SPEC) == SPEC and through_json(SPEC).identity == SPEC.identity
    assert SPEC.key == RunKey("some", "digits", 20, "mixmatch", 3)
    (tmp_path / "spec.json").write_text(json.dumps(SPEC.to_json(), indent=3))
    assert read_spec(tmp_path / "spec.json") == SPEC


def test_the_recipe_is_the_same_after_json():
    # no cosine beside decay_last
    others = {name: another(name) for name in FIELDS if name not in (*OBSERVATION, "decay_last")}
    recipe = make_recipe(others | {"profile": "google"}, kind=SETTINGS)
    assert through_json(spec_of(recipe)).recipe == recipe
    assert SPEC.recipe.snapshots == (0.5, 1.0) and SPEC.recipe.steps == 400


def test_the_identity_is_the_recorded_one():
    """For ever: a folder of results is named by it. Another value here makes every finished run stale."""
    assert (BITS.identity, BITS.recipe_only) == ("e4119c600cf99bc5", "d970b99a80b91e95")
    assert replace(BITS, data="f" * 16).recipe_only == BITS.recipe_only != BITS.identity


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_changes_the_identity_unless_it_only_observes(name):
    value = another(name)
    changed = through_json(spec_of(replace(SETTINGS(), **{name: value})))
    assert getattr(changed.recipe, name) == value != getattr(SETTINGS(), name)
    assert (changed.identity == spec_of(SETTINGS()).identity) == (name in OBSERVATION)


def test_what_observes_is_known():
    assert OBSERVATION == ("evaluations", "score_window", "snapshots", "diagnosed", "samples", "shares_examined")


OTHER = {"dataset": "faces", "options": {"flip": True}, "image_size": 16, "data": "f" * 16, "labels": 30, "seed": 4,
         "method_class": "baselines.mixup:MixUp", "settings": {}, "numerics": NUMERICS_VERSION + 1}  # fmt: skip


def test_each_of_the_bits_changes_the_identity():
    assert OTHER.keys() == {field.name for field in dataclasses.fields(Bits)}
    found = {BITS.identity, *(replace(BITS, **{name: value}).identity for name, value in OTHER.items())}
    assert len(found) == 1 + len(OTHER)
    recipes = {BITS.recipe_only, *(replace(BITS, **{name: value}).recipe_only for name, value in OTHER.items())}
    assert len(recipes) == len(OTHER), "all but the data"


def test_where_and_how_it_is_computed_is_not_in_the_identity():
    other = Machine("cuda", 7, "graph", False, "elsewhere", "cache", "/images", False)
    for field in dataclasses.fields(Machine):
        assert getattr(other, field.name) != getattr(Machine(), field.name)
        machine = replace(Machine(), **{field.name: getattr(other, field.name)})
        assert through_json(replace(SPEC, machine=machine)).identity == SPEC.identity
    assert replace(SPEC, experiment="another", method="name").identity == SPEC.identity


def test_a_spec_of_another_version_is_refused(monkeypatch):
    content = SPEC.to_json()
    monkeypatch.setattr(module, "NUMERICS_VERSION", NUMERICS_VERSION + 1)
    with pytest.raises(
        UserError, match=f"it: expected numerics version {NUMERICS_VERSION + 1}, found 1, whose bits this version"
    ):
        spec_from(content, "it")
    content["bits"]["numerics"] += 1
    assert spec_from(content, "it").identity != SPEC.identity


@pytest.mark.parametrize("settings", [{"lambda_u": 10, "steps": 400}, {"steps": 400, "lambda_u": 10.0, "alpha": 0.75}])
def test_ten_and_10_0_are_the_same_setting_and_so_is_a_default_that_is_spelled_out(settings):
    assert make_recipe({"lambda_u": 10}, kind=SETTINGS) == make_recipe({"lambda_u": 10.0}, kind=SETTINGS)
    content = replace(SPEC, bits=replace(BITS, settings=settings)).to_json()
    assert spec_from(content, "it").normalised("it").identity == BITS.identity


def test_options_are_kept_by_what_differs_from_the_registry():
    hard = replace(SPEC, bits=replace(BITS, dataset="hard", options={"family": "faces", "ambiguity": 1.0}))
    assert through_json(hard) == hard and hard.bits.row.title == "drawn faces, ambiguity 1"
    content = hard.to_json()
    content["bits"]["options"] |= {"ambiguity": 1, "label_draw": "balanced", "flip": True}
    assert spec_from(content, "it").identity == hard.identity
    others = [{"flip": False}, {"label_draw": "natural"}, {"duplicates": "drop"}, {"validation": 0.2}]
    identities = {replace(hard.bits, options={**hard.bits.options, **more}).identity for more in others}
    assert len(identities | {hard.identity}) == 1 + len(others)


def edited(**changes: object) -> dict:
    """The spec as JSON with parts changed: a__b is the key b of the part a; None deletes."""
    content = json.loads(json.dumps(SPEC.to_json()))
    for path, value in changes.items():
        *above, last = path.split("__")
        place = content
        for name in above:
            place = place[name]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return content


REFUSED = [
    ([], "it: expected an object, found []; write it with Snakemake or `marginmix spec`"),
    (edited(bits=None), "it: the key 'bits' is missing; expected the keys experiment, method, bits,"),
    (edited(bits__labels=None), "it: bits: the key 'labels' is missing; expected the keys dataset, options,"),
    (edited(mehtod="m"), "it: unknown key 'mehtod'; did you mean 'method'?"),
    (edited(bits__sede=1), "it: bits: unknown key 'sede'; did you mean 'seed'?"),
    (edited(machine__treads=1), "it: machine: unknown key 'treads'; did you mean 'threads'?"),
    (edited(bits__options={"flop": True}), "it: bits: dataset 'digits': unknown option 'flop'; did you mean 'flip'?"),
    (edited(bits__options={"flip": 2}), "it: bits: dataset 'digits': flip must be true or false, found 2"),
    (edited(bits__options={"family": 3}), "it: bits: unknown dataset '3'"),
    (edited(bits__dataset="digit"), "it: bits: unknown dataset 'digit'; did you mean 'digits'?"),
    (edited(bits__labels="many"), "it: bits: labels must be of type int, found 'many'"),
    (edited(bits__labels=True), "it: bits: labels must be of type int, found True"),
    (edited(bits__seed=1.0), "it: bits: seed must be of type int, found 1.0"),
    (edited(bits__image_size="16"), "it: bits: image_size must be of type int | None, found '16'"),
    (edited(bits__settings=[1]), "it: bits: settings must be of type Mapping, found [1]"),
    (edited(bits=3), "it: bits must be of type Bits, found 3"),
    (edited(observation=3), "it: observation must be of type Mapping, found 3"),
    (edited(machine__exact="no"), "it: machine: exact must be of type bool, found 'no'"),
    (edited(experiment=7), "it: experiment must be of type str, found 7"),
    (edited(bits__settings__stesp=5), "it: unknown setting 'stesp'; did you mean 'steps'?"),
    (edited(bits__settings__steps=2.5), "it: steps must be of type int, found 2.5"),
    (edited(bits__settings__unlabelled_loss="square"), "it: unlabelled_loss must be one of squared, cross-entropy,"),
    (edited(bits__settings__margin="hinge"), "it: unknown setting 'margin'; "),
    (edited(bits__method_class="baselines.mixmatch:Mix"),
     "it: bits: method_class: baselines.mixmatch has no method 'Mix'"),
    (edited(bits__settings__profile="google"), "it: unknown setting 'profile'; "),
    (edited(bits__settings__samples=5), "it: samples belongs in observation; move it there"),
    (edited(observation__steps=500), "it: steps belongs in bits: settings; move it there"),
    (edited(observation__sampels=5), "it: unknown setting 'sampels'; did you mean 'samples'?"),
    (edited(observation__snapshots=[2]), "it: snapshots must lie in (0, 1], found (2.0,)"),
    (edited(observation__evaluations=401), "recipe: expected score_window <= evaluations <= steps"),
]  # fmt: skip


@pytest.mark.parametrize("content, line", REFUSED, ids=[line[:50] for _, line in REFUSED])
def test_what_cannot_be_a_spec_is_told_in_one_line(content, line):
    with pytest.raises(UserError) as refused:
        spec_from(content, "it").normalised("it")
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)


def test_a_spec_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot read .*spec.json: No such file or directory"):
        read_spec(tmp_path / "spec.json")
    (tmp_path / "spec.json").write_text("{")
    with pytest.raises(UserError, match="spec.json is not valid JSON"):
        read_spec(tmp_path / "spec.json")
