"""Variants by hand: what they take from their start, what they are called, and which runs they make."""

import re

import pytest

from marginmix.errors import UserError
from marginmix.runs.config import runs
from marginmix.runs.variants import LONGEST, expanded, variant_name
from tests.runs.experiment import SOME, loaded

STARTS = {
    "soft": {"method_class": "a.b:Soft", "seeds": [0, 1], "recipe": {"alpha": 0.5, "steps": 10}},
    "hard": {"of": "soft", "recipe": {"alpha": 2.0}, "unjudged": "too short"},
}


def methods_of(**vary):
    return expanded({"methods": STARTS, "vary": vary})["methods"]


def test_a_variant_has_all_that_its_start_has_and_its_own_over_it():
    hard = methods_of()["hard"]
    assert hard == {"method_class": "a.b:Soft", "seeds": [0, 1], "recipe": {"alpha": 2.0, "steps": 10}, "of": "soft",
                    "unjudged": "too short"}  # fmt: skip
    chain = {**STARTS, "harder": {"of": "hard", "seeds": [1], "recipe": {"steps": 20}}}
    harder = expanded({"methods": dict(reversed(chain.items()))})["methods"]["harder"]
    assert harder["recipe"] == {"alpha": 2.0, "steps": 20} and harder["seeds"] == [1] and "unjudged" not in harder


def test_switches_become_methods_named_by_what_differs():
    group = {"labels": [20], "switches": [
        {"margin": "hinge", "margin_width": 1.0},
        {"centroid_normalise": True, "seeds": [0], "labels": [50]},
        {"method_class": "a.b:Other", "unjudged": "why"},
        {"steps": 1048576, "name": "long"},
    ]}  # fmt: skip
    found = methods_of(hard=group)
    assert list(found) == ["soft", "hard", "hard+margin=hinge+margin_width=1", "hard+centroid_normalise=true",
                           "hard+class=Other", "long"]  # fmt: skip
    first = found["hard+margin=hinge+margin_width=1"]
    assert first["recipe"] == {"alpha": 2.0, "steps": 10, "margin": "hinge", "margin_width": 1.0}
    assert (first["of"], first["seeds"], first["labels"], first["method_class"]) == ("hard", [0, 1], [20], "a.b:Soft")
    second = found["hard+centroid_normalise=true"]
    assert (second["seeds"], second["labels"]) == ([0], [50])
    assert found["hard+class=Other"]["method_class"] == "a.b:Other" and found["hard+class=Other"]["unjudged"] == "why"
    assert found["long"]["of"] == "hard" and found["long"]["recipe"]["steps"] == 1048576


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"steps": 1048576}, "x+steps=1048576"),
        ({"rampup": 0.015625}, "x+rampup=0.015625"),
        ({"distance_floor": 1e-6, "flip": False}, "x+distance_floor=1e-06+flip=false"),
        ({"snapshots": [0.5, 1]}, "x+snapshots=0.5-1"),
        ({"margin": "a/b c;"}, "x+margin=a-b-c-"),
    ],
)
def test_a_name_can_be_a_folder(changes, name):
    assert variant_name("x", changes) == name
    assert re.fullmatch(r"[A-Za-z0-9][\w.+=-]*", name), "what the workflow allows a method's wildcard"


def test_variants_make_runs_of_their_own(tmp_path):
    text = SOME + "vary: {sharp: {labels: [20], switches: [{alpha: 0.5}, {alpha: 2, seeds: [1]}]}}\n"
    config = loaded(tmp_path, text)
    assert "vary" not in config
    found = [(run.dataset, run.labels, run.method, run.seed) for run in runs(config) if "+" in run.method]
    assert found == [("digits", 20, "sharp+alpha=0.5", 0), ("digits", 20, "sharp+alpha=0.5", 1),
                     ("digits", 20, "sharp+alpha=2", 1)]  # fmt: skip


def test_a_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(Exception, match=f"expected a name of at most {LONGEST} characters"):
        methods_of(soft={"switches": [{"name" * 50: 1}]})


@pytest.mark.parametrize(("switches", "told"), [
    ([{"alpha": 1}, {"alpha": 1}], r"vary.soft.switches\[1\]: the name 'soft\+alpha=1' is taken"),
    ([{"alpha": 1, "name": "hard"}], r"vary.soft.switches\[0\]: the name 'hard' is taken"),
    ([{"alpha": 1, "name": "soft"}], r"vary.soft.switches\[0\]: expected a setting or a method_class that differs"),
    ([{"seeds": [1]}], r"vary.soft.switches\[0\]: expected a setting or a method_class that differs from soft"),
])  # fmt: skip
def test_a_switch_needs_a_name_of_its_own(switches, told):
    with pytest.raises(UserError, match=told):
        methods_of(soft={"switches": switches})
