"""Trainings of a budget: their command lines, and when a finished one no longer counts."""

import json
import shlex
from pathlib import Path

import pytest

from marginmix import plan
from marginmix.cli import _parser, _settings
from marginmix.config import load
from marginmix.identity import recipe_hash, run_identity
from marginmix.recipe import make_recipe

WORKFLOW = Path(__file__).parents[1] / "workflow"


@pytest.fixture
def config():
    return load(WORKFLOW / "config", "reduced", WORKFLOW / "schemas" / "config.schema.yaml")


def test_the_command_line_says_all_that_the_identity_holds(config):
    settings = {"distance_floor": 1e-6, "margin": "none", "decay_last": 0.25, "lambda_u": 5e-05, "rampup": 0.5,
                "membership_temperature": 1.0}  # fmt: skip
    config["methods"]["marginmix"]["recipe"] = settings
    config["datasets"]["ferplus"] |= {"root": "my data/fer", "verify_counts": False}
    trainings = {**plan.trainings(config), **plan.embedding_trainings(config)}
    for training in trainings.values():
        words = ["train", *shlex.split(training.arguments(config)), "--out", training.folder]
        options = _parser().parse_args(words)
        recipe = make_recipe(_settings(options.set), method=options.method)
        assert recipe == training.recipe
        assert recipe_hash(recipe, options.method, options.image_size) == training.expected["recipe"]
        assert (options.dataset, options.name, str(options.split)) == (training.dataset, training.name, training.split)
        assert (options.root == Path("my data/fer"), options.verify_counts) == (
            (True, False) if training.dataset == "ferplus" else (False, True)
        )


@pytest.fixture
def training(config, tmp_path, monkeypatch):
    """A finished training whose split is there too."""
    monkeypatch.chdir(tmp_path)
    plan._hash_of_split.cache_clear()
    training = next(iter(plan.trainings(config).values()))
    identity = run_identity(training.expected["recipe"], "split", "data")
    for path, content in (
        (f"{training.folder}/result.json", {"identity": identity}),
        (training.split, {"hash": "split"}),
    ):
        Path(path).parent.mkdir(parents=True)
        Path(path).write_text(json.dumps(content))
    return training


def test_a_matching_result_counts(training):
    assert plan.stale_because(training, "data") is None
    assert plan.stale_because(training, None) is None  # data that are not there say nothing
    Path(training.split).unlink()
    assert plan.stale_because(training, "data") is None


def test_what_differs_is_named(training, config, monkeypatch):
    assert plan.stale_because(training, "other") == "data changed"
    Path(training.split).write_text('{"hash": "other"}')
    plan._hash_of_split.cache_clear()
    assert plan.stale_because(training, "other") == "split and data changed"
    config["datasets"][training.dataset]["image_size"] = 12
    Path(training.split).unlink()
    plan._hash_of_split.cache_clear()
    assert plan.stale_because(plan.trainings(config)[training.folder], "data") == "recipe changed"
    monkeypatch.setattr(plan, "NUMERICS_VERSION", 10**6)
    assert plan.stale_because(training, "data") == "numerics changed"
    Path(training.folder, "result.json").write_text("{")
    assert plan.stale_because(training, "data") == "result.json cannot be read"


def test_absent_datasets_are_those_that_cannot_be_downloaded(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = plan.trainings(config).values()
    assert list(plan.absent(config, wanted)) == ["ferplus"]
    (tmp_path / "data" / "FER2013Train").mkdir(parents=True)
    assert plan.absent(config, wanted) == {}


def test_committed_files_outside_of_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert plan.committed("results") == set()
