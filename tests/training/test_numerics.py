"""Whoever changes what three steps of any method compute must raise NUMERICS_VERSION: old results are stale then."""

import json

import pytest

from marginmix.identity import NUMERICS_VERSION, recipe_hash, run_identity
from marginmix.recipe import FIELDS, make_recipe
from tests.toy_training import METHODS
from tests.training.numerics import CASES, RECORD, three_steps

RECORDED = json.loads(RECORD.read_text())
ADVICE = "raise NUMERICS_VERSION in marginmix/identity.py by one, then run: python -m tests.training.numerics"


def test_the_record_is_of_this_version():
    assert RECORDED["version"] == NUMERICS_VERSION, ADVICE
    assert RECORDED["cases"].keys() == CASES.keys(), ADVICE


@pytest.mark.parametrize("case", CASES)
def test_three_steps_are_as_recorded(case):
    """In float64, so that it holds on any processor."""
    assert three_steps(case) == pytest.approx(RECORDED["cases"][case], rel=1e-9), ADVICE


def test_defaults_are_as_recorded():
    """A new setting is welcome without a new version, if its default is what was done before."""
    for name, value in RECORDED["defaults"].items():
        default = FIELDS[name].default
        assert (list(default) if isinstance(default, tuple) else default) == value, f"default of {name}: {ADVICE}"


def test_recipe_hash_is_of_what_differs_from_the_defaults():
    path = METHODS["mixmatch"]
    plain = recipe_hash(make_recipe({}), path, None)
    assert recipe_hash(make_recipe({"lambda_u": 75}), path, None) == plain
    others = [
        recipe_hash(make_recipe({"lambda_u": 20}), path, None),
        recipe_hash(make_recipe({"profile": "google"}), path, None),
        recipe_hash(make_recipe({}), METHODS["marginmix"], None),
        recipe_hash(make_recipe({}), path, 24),
    ]
    assert len({plain, *others}) == 5


def test_identity_depends_on_each_of_its_parts():
    identities = [run_identity(*parts)["run"] for parts in ("abc", "xbc", "axc", "abx", "abc")]
    assert len(set(identities)) == 4
    assert identities[0] == identities[4]
