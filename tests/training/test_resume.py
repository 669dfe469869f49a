"""A run that is killed, at whatever moment, ends in the same bits as one that is not."""

import io
import multiprocessing
import os
import signal

import pytest
import torch

from marginmix.errors import UserError
from marginmix.runs.recipe import PROFILES
from marginmix.training import checkpoints
from tests.toy_training import METHODS, toy_data, toy_trainer
from tests.training.cases import GOOGLE, IN_TABLES, MARGIN_MIX, MIXMATCH, in_repository

FORK = multiprocessing.get_context("fork")  # a new interpreter would import torch each time
RECIPE = {"steps": 24, "evaluations": 8, "precision": "fp32", "snapshots": [0.25, 1.0], "decay_last": 0.3}


def make(name, **settings):
    return toy_trainer(name, toy_data(torch.float32), **{**RECIPE, **settings})


def run_until_killed(name, folder, stop_after):
    def report(trainer):
        if trainer.completed >= stop_after:
            os.kill(os.getpid(), signal.SIGKILL)

    make(name).run(folder, "id", report, every_s=0)


def flat(value, path="") -> dict:
    """Every leaf of a nested state by its path."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in flat(inner, f"{path}/{key}").items()}
    if isinstance(value, list):
        return {k: v for i, inner in enumerate(value) for k, v in flat(inner, f"{path}/{i}").items()}
    return {path: value}


def assert_same_bits(one, other):
    one, other = (flat({k: v for k, v in trainer.state().items() if k != "seconds"}) for trainer in (one, other))
    assert one.keys() == other.keys()
    for path, value in one.items():
        same = torch.equal(value, other[path]) if isinstance(value, torch.Tensor) else repr(value) == repr(other[path])
        assert same, path


@pytest.mark.parametrize("name", METHODS)
def test_killed_runs_end_in_the_same_bits(name, tmp_path):
    """SIGKILL three times, each a few steps after a checkpoint of the run before."""
    torch.set_num_threads(1)
    straight = make(name)
    straight.run(tmp_path / "straight", "id", lambda _: None)
    for stop_after in (5, 11, 19):
        killed = FORK.Process(target=run_until_killed, args=(name, tmp_path / "killed", stop_after))
        killed.start()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
    resumed = make(name)
    seen = []
    resumed.run(tmp_path / "killed", "id", lambda trainer: seen.append(trainer.completed))
    assert seen[0] > 6, "it began again instead of resuming"
    assert_same_bits(straight, resumed)


@pytest.mark.parametrize(("name", "settings"), [
    *((path, {"profile": "pytorch", **PROFILES["pytorch"]}) for path in in_repository()),
    *((path, {"profile": "google", **GOOGLE}) for path in IN_TABLES),
    *(("marginmix", settings) for settings in MARGIN_MIX), *(("mixmatch", settings) for settings in MIXMATCH),
], ids=str)  # fmt: skip
def test_whatever_its_settings_a_run_goes_on_from_its_state(name, settings):
    """A stop in the middle of an interval between two evaluations."""
    settings = {"steps": 6, "evaluations": 2, "score_window": 1, "snapshots": [], "decay_last": 0.3} | settings
    straight, stopped, resumed = (make(name, **settings) for _ in range(3))
    for trainer, first, last in ((straight, 0, 6), (stopped, 0, 4), (resumed, 4, 6)):
        if first:
            buffer = io.BytesIO()
            torch.save(stopped.state(), buffer)
            trainer.load_state(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))
        else:
            trainer.start()
        for step in range(first, last):
            trainer.step()
            if step in (2, 5):
                trainer.history.append(trainer.evaluate())
    assert_same_bits(straight, resumed)


def test_killed_between_the_two_renames_of_a_save(tmp_path):
    """The newest checkpoint has become the older one, and no newer one is there yet."""
    trainer = make("mixmatch")
    checkpoints.save(tmp_path, trainer.state(), "id")
    (tmp_path / checkpoints.NEWEST).rename(tmp_path / checkpoints.OLDER)
    assert checkpoints.load(tmp_path, "id")["completed"] == 0


def test_a_run_resumed_elsewhere_says_so(tmp_path):
    trainer = make("mixmatch")
    state = trainer.state()
    state["provenance"] = [{**state["provenance"][0], "device": "cuda", "name": "a GPU", "threads": 4}]
    trainer.load_state(state)
    assert [here["device"] for here in trainer.provenance] == ["cuda", "cpu"]
    assert make("mixmatch").provenance == trainer.provenance[1:]


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    trainer = make("mixmatch")
    checkpoints.save(tmp_path, trainer.state(), "one")
    with pytest.raises(UserError, match="belongs to another recipe, split or data: expected run two, found one"):
        make("mixmatch").run(tmp_path, "two", lambda _: None)
    assert checkpoints.load(tmp_path, "one") is not None, "the other run's checkpoint must survive"


def test_checkpoints_hold_no_pickled_objects(tmp_path):
    trainer = make("marginmix")
    trainer.run(tmp_path, "id", lambda _: None, every_s=0)
    payload = (tmp_path / checkpoints.NEWEST).read_bytes()[checkpoints.HEADER_LENGTH :]
    torch.load(io.BytesIO(payload), weights_only=True)


def test_a_diverged_run_stops_and_says_so(tmp_path):
    trainer = make("supervised", learning_rate=1e30)
    trainer.run(tmp_path, "id", lambda _: None)
    assert trainer.diverged
    assert trainer.completed < 24


def test_checkpoints_come_at_most_so_often(tmp_path):
    make("supervised").run(tmp_path, "id", lambda _: None, every_s=3600)
    assert not (tmp_path / checkpoints.NEWEST).exists()
