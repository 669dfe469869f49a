"""Any allowed setting of any method survives the way from a config to a spec, to a file and back."""

import dataclasses
import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marginmix.errors import UserError
from marginmix.runs.methods import facts_of
from marginmix.runs.recipe import fields_of, make_recipe
from marginmix.runs.spec import OBSERVATION, Bits, Machine, Spec, bits_settings, observation_of, spec_from
from tests.toy_training import METHODS

PATHS = (*METHODS.values(), "baselines.fixmatch:FixMatch", "baselines.mean_teacher:MeanTeacher",
         "baselines.class_prior:AlignedMixMatch")  # fmt: skip
NETWORKS = ("wrn-10-1", "wrn-16-2", "wrn-28-2-large", "alexnet-2d")


def allowed(field: dataclasses.Field) -> st.SearchStrategy:
    """Values that a setting allows, floats also written as whole numbers."""
    kind, choices, within = type(field.default), field.metadata["choices"], field.metadata["within"]
    if field.name == "network":
        return st.sampled_from(NETWORKS)
    if choices:
        return st.sampled_from(choices)
    if kind is bool:
        return st.booleans()
    low, high = (float(end) for end in within[1:-1].split(","))
    inside = {"exclude_min": within[0] == "(", "exclude_max": within[-1] == ")"}
    if kind is int:
        return st.integers(int(low), 10_000 if math.isinf(high) else int(high))
    if math.isinf(high):
        high, inside["exclude_max"] = 1e6, False
    number = st.floats(low, high, allow_nan=False, allow_subnormal=False, **inside)
    return st.lists(number, max_size=3) if kind is tuple else number


@st.composite
def recipes(draw) -> tuple[str, dict]:
    """The import path of a method, and some of its settings with allowed values."""
    path = draw(st.sampled_from(PATHS))
    fields = fields_of(facts_of(path).settings)
    names = draw(st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=6))
    return path, {name: draw(allowed(fields[name])) for name in names}


def spec_of(path, settings):
    try:
        recipe = make_recipe(settings, "test", facts_of(path).settings)
    except UserError as error:  # settings that are allowed one by one, but not together
        assert "recipe: " in str(error) and "\n" not in str(error)
        assume(False)
    bits = Bits("ferplus", {}, 24, "da7a" * 4, 320, 0, path, bits_settings(recipe))
    return recipe, Spec("some", "m", bits, observation_of(recipe), Machine())


@given(recipes())
def test_a_spec_survives_its_file(case):
    recipe, spec = spec_of(*case)
    again = spec_from(json.loads(json.dumps(spec.to_json(), sort_keys=True)), "spec")
    assert again.recipe == recipe and again.identity == spec.identity
    assert again.normalised("spec").identity == spec.identity


@given(recipes(), st.randoms())
def test_the_identity_depends_on_no_order_and_no_spelling(case, random):
    path, settings = case
    _, spec = spec_of(path, settings)
    names = list(settings)
    random.shuffle(names)
    other = {name: int(value) if isinstance(value := settings[name], float) and value == int(value) else value
             for name in names}  # fmt: skip
    assert spec_of(path, other)[1].identity == spec.identity
    written_out = {**dataclasses.asdict(spec_of(path, settings)[0])}
    assert spec_of(path, {**written_out, "profile": "plain"})[1].identity == spec.identity


@given(recipes(), st.sampled_from(OBSERVATION), st.data())
def test_the_identity_takes_in_every_setting_but_those_that_only_look(case, look, data):
    path, settings = case
    fields = fields_of(facts_of(path).settings)
    recipe, spec = spec_of(path, settings)
    value = data.draw(allowed(fields[look]))
    assert spec_of(path, {**settings, look: value})[1].identity == spec.identity
    name = data.draw(st.sampled_from(sorted(set(fields) - set(OBSERVATION))))
    value = data.draw(allowed(fields[name]))
    changed, other = spec_of(path, {**settings, name: value})
    assert (other.identity == spec.identity) == (getattr(changed, name) == getattr(recipe, name))


WRONG = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2),
                  st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))  # fmt: skip


@given(st.sampled_from(PATHS), st.data(), WRONG)
def test_any_value_is_taken_or_refused_in_one_line_that_names_the_setting(path, data, value):
    fields = fields_of(facts_of(path).settings)
    name = data.draw(st.sampled_from([*sorted(fields), "stpes"]))
    try:
        recipe = make_recipe({name: value}, "here", facts_of(path).settings)
    except UserError as error:
        assert "\n" not in str(error) and (name in str(error) or name == "network")
    else:
        assert type(getattr(recipe, name)) is type(fields[name].default)


@pytest.mark.parametrize("path", PATHS)
def test_every_default_is_allowed(path):
    kind = facts_of(path).settings
    assert make_recipe({**dataclasses.asdict(kind()), "profile": "plain"}, "here", kind) == kind()
