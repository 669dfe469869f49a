"""Whoever changes what three steps of any method compute must raise NUMERICS_VERSION: old results are stale then."""

import json

import pytest

from marginmix.identity import NUMERICS_VERSION, run_identity
from tests.toy_training import METHODS
from tests.training.numerics import RECORD, three_steps

RECORDED = json.loads(RECORD.read_text())
ADVICE = "raise NUMERICS_VERSION in marginmix/identity.py by one, then run: python -m tests.training.numerics"


def test_the_record_is_of_this_version():
    assert RECORDED["version"] == NUMERICS_VERSION, ADVICE
    assert RECORDED["methods"].keys() == METHODS.keys(), ADVICE


@pytest.mark.parametrize("name", METHODS)
def test_three_steps_are_as_recorded(name):
    """In float64, so that it holds on any processor."""
    assert three_steps(name) == pytest.approx(RECORDED["methods"][name], rel=1e-9), ADVICE


def test_identity_depends_on_each_of_its_parts():
    identities = [run_identity(*parts)["run"] for parts in ("abc", "xbc", "axc", "abx", "abc")]
    assert len(set(identities)) == 4
    assert identities[0] == identities[4]
