"""Whoever changes what three steps of any method compute must raise NUMERICS_VERSION: old results are stale then."""

import json

import pytest

from marginmix.runs.recipe import FIELDS
from marginmix.runs.spec import NUMERICS_VERSION
from tests.training.numerics import CASES, RECORD, three_steps

RECORDED = json.loads(RECORD.read_text())
ADVICE = "raise NUMERICS_VERSION in marginmix/runs/spec.py by one, then run: python -m tests.training.numerics"


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
