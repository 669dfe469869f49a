"""What an experiment's file of before said is refused in one line, which says what it is called now."""

import pytest

from marginmix.cli import main
from marginmix.errors import UserError
from marginmix.runs.config import load
from marginmix.runs.methods import MOVED
from tests.runs.experiment import SOME, make_workflow

METHOD = 'method_class: "baselines.supervised:Supervised"'
IN_A_FILE = [
    ("experiment: some", "budget: some", "the key 'budget' is now called 'experiment'; write experiment: some"),
    ("missing: skip", "missing_data: skip", "the key 'missing_data' is now called 'missing'; write missing: skip"),
    (METHOD, METHOD.replace("method_class", "method"),
     "methods.supervised.method is now called method_class; rename the key"),
    ("baselines.supervised:Supervised", "marginmix.method:MarginMix",
     "methods.supervised.method_class: marginmix.method:MarginMix has moved to marginmix.methods.marginmix:MarginMix; "
     "change the path"),
    ("baselines.supervised:Supervised", "marginmix.embedding:MarginSupervised",
     "methods.supervised.method_class: marginmix.embedding:MarginSupervised has moved to "
     "marginmix.methods.margin_supervised:MarginSupervised; change the path"),
    ("temperature: 0.75", "centroid_network: ema",
     "recipe: the setting 'centroid_network' is now called teacher (online stays, ema is now average); change it"),
    ("temperature: 0.25", "centroid_network: ema",
     "settings of sharp on digits: the setting 'centroid_network' is now called teacher (online stays, ema is now "
     "average); change it"),
]  # fmt: skip


@pytest.mark.parametrize("now, before, line", IN_A_FILE, ids=[before[-20:] for _, before, _ in IN_A_FILE])
def test_in_a_file(tmp_path, now, before, line):
    assert SOME.count(now) == 1
    make_workflow(tmp_path, SOME.replace(now, before))
    with pytest.raises(UserError) as refused:
        load(tmp_path, "some")
    assert str(refused.value).endswith(f"config/some.yaml: {line}") and "\n" not in str(refused.value)


@pytest.mark.parametrize("given, line", [
    ({"budget": "quick"}, "--config: the key 'budget' is now called 'experiment'; write experiment: quick"),
    ({"missing_data": "fail"}, "--config: the key 'missing_data' is now called 'missing'; write missing: fail"),
    ({"methods": {"m": {"method": "a:B"}}}, "--config: methods.m.method is now called method_class; rename the key"),
])  # fmt: skip
def test_on_the_command_line(tmp_path, given, line):
    make_workflow(tmp_path)
    with pytest.raises(UserError) as refused:
        load(tmp_path, "some", given)
    assert str(refused.value) == line


def test_of_an_experiment_that_is_not_there_either(tmp_path):
    """`--config budget=quick` names no experiment: the old word is told first."""
    with pytest.raises(UserError, match="^--config: the key 'budget' is now called 'experiment'"):
        load(make_workflow(tmp_path), "nothing", {"budget": "quick"})


def test_new_paths_are_there(tmp_path):
    for path in MOVED.values():
        make_workflow(tmp_path, SOME.replace("baselines.supervised:Supervised", path))
        assert load(tmp_path, "some")["methods"]["supervised"]["method_class"] == path


def test_pairs_on_the_command_line_have_a_name_and_a_value(tmp_path, capsys):
    call = ["publish", "some", "--workflow", str(make_workflow(tmp_path)), "--set"]
    assert main([*call, "rebuild"]) == 1
    assert capsys.readouterr().err == "error: --set: expected name=value, found 'rebuild'\n"
    assert main([*call, "budget=some"]) == 1
    assert "the key 'budget' is now called 'experiment'" in capsys.readouterr().err
