"""Whoever changes what three steps of any method compute must raise NUMERICS_VERSION: old results are stale then."""

import json

import pytest

from marginmix.runs.spec import NUMERICS_VERSION
from tests.toy_training import METHODS
from tests.training.numerics import CASES, RECORD, defaults, record, three_steps

RECORDED = json.loads(RECORD.read_text())
ADVICE = "raise NUMERICS_VERSION in marginmix/runs/spec.py by one, then run: python -m tests.training.numerics"
ADD = "it is new: run python -m tests.training.numerics, which adds it and leaves the rest as it is"


def test_the_record_is_of_this_version():
    assert RECORDED["version"] == NUMERICS_VERSION, ADVICE


@pytest.mark.parametrize("case", CASES)
def test_three_steps_are_as_recorded(case):
    """In float64, so that it holds on any processor."""
    assert case in RECORDED["cases"], ADD
    assert three_steps(case) == pytest.approx(RECORDED["cases"][case], rel=1e-9), ADVICE


@pytest.mark.parametrize("name", METHODS)
def test_defaults_are_as_recorded(name):
    """A new setting is welcome without a new version, if its default is what was done before."""
    assert name in RECORDED["defaults"], ADD
    assert RECORDED["defaults"][name].items() <= defaults(name).items(), ADVICE


def test_a_new_method_leaves_the_record_of_the_others_as_it_is(monkeypatch):
    without = {"version": NUMERICS_VERSION, "defaults": {}, "cases": {"mixmatch": [0.0]}}
    monkeypatch.setattr("tests.training.numerics.CASES", {"mixmatch": CASES["mixmatch"], "mixup": CASES["mixup"]})
    added = record(without)["cases"]
    assert added["mixmatch"] == [0.0] and added["mixup"] == pytest.approx(RECORDED["cases"]["mixup"], rel=1e-9)
