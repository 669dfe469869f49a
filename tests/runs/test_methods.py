"""What is told of a method to who does without torch: all of its settings, as they are."""

import json

from marginmix.runs import methods
from marginmix.runs.methods import facts_of, learn, tell
from marginmix.runs.recipe import fields_of, make_recipe

PATH = "marginmix.methods.marginmix:MarginMix"


def test_what_is_told_is_learned_the_same_again(monkeypatch):
    facts, told = facts_of(PATH), json.loads(json.dumps(tell([PATH, PATH])))
    monkeypatch.setattr(methods, "_KNOWN", {})
    monkeypatch.setattr(methods, "resolve_method", None)  # nothing is imported
    learn(told)
    found = facts_of(PATH)
    assert found.title == facts.title == "MarginMix"
    assert make_recipe({}, kind=found.settings).to_json() == make_recipe({}, kind=facts.settings).to_json()
    mine, theirs = fields_of(found.settings), fields_of(facts.settings)
    assert list(mine) == list(theirs)
    assert all(mine[name].default == theirs[name].default for name in mine)
    assert all(mine[name].metadata["doc"] == theirs[name].metadata["doc"] for name in mine)
