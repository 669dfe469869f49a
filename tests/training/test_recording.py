"""A step is recorded as a CUDA graph and replayed, or its true reason said. The graphs are fakes."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.mixmatch import MixMatch
from marginmix.errors import UserError
from marginmix.training import execution
from marginmix.training.execution import Execution, Recorded
from tests.toy_training import METHODS, toy_trainer

pytest_plugins = "tests.fake_cuda"
RECORDED = Execution(compiled=False, captured=True)


def test_a_recorded_function_is_called_then_recorded_once_then_replayed(graphs):
    calls = []
    recorded = Recorded(lambda: calls.append(graphs.recording))
    for _ in range(10):
        recorded()
    assert calls == [False] * execution.WARM_UP + [True]
    assert graphs.replays == 10 - execution.WARM_UP
    assert recorded.captured
    assert graphs.streams == 1, "one for all plain calls, or each would keep memory of its own"


NOT_PERMITTED = "CUDA error: operation not permitted when stream is capturing"


def asking(graphs, calls):
    """A function that asks the host, as CUDA refuses it while it records: the end of the recording fails too."""

    def function():
        if graphs.recording:
            graphs.end_error = RuntimeError("CUDA error: operation failed due to a previous error during capture")
            raise RuntimeError(f"{NOT_PERMITTED}\nmore")
        calls.append(1)

    return function


def test_what_cannot_be_recorded_is_called_and_its_true_reason_said(graphs, capsys):
    calls = []
    recorded = Recorded(asking(graphs, calls), may_fail=True)
    for _ in range(10):
        recorded()
    assert len(calls) == 10 and not recorded.captured and graphs.replays == 0
    assert capsys.readouterr().err == (
        f"this step cannot be recorded as a CUDA graph ({NOT_PERMITTED}); training eagerly\n"
    )


def test_a_graph_that_was_asked_for_and_cannot_be_recorded_is_an_error(graphs):
    recorded = Recorded(asking(graphs, []))
    for _ in range(execution.WARM_UP):
        recorded()
    with pytest.raises(UserError, match=f"a graph was asked for, but this step cannot be recorded.*{NOT_PERMITTED}"):
        recorded()


def test_an_error_at_the_end_of_recording_alone_is_the_reason(graphs, capsys):
    graphs.end_error = RuntimeError("CUDA error: unjoined work")
    recorded = Recorded(lambda: None, may_fail=True)
    for _ in range(4):
        recorded()
    assert "(CUDA error: unjoined work); training eagerly" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        UserError("losses: expected the terms as in the first step"),
    ],
)
def test_other_errors_stay_what_they_are(graphs, error):
    def function():
        if graphs.recording:
            graphs.end_error = RuntimeError("CUDA error: operation failed due to a previous error during capture")
            raise error

    recorded = Recorded(function, may_fail=True)
    for _ in range(execution.WARM_UP):
        recorded()
    with pytest.raises(type(error), match=str(error)):
        recorded()


class Replacing(MixMatch):
    """Each of these methods trains rightly step by step, and would not if a step were replayed."""

    def __init__(self, recipe, task):
        super().__init__(recipe, task)
        self.register_buffer("seen", torch.zeros(3, dtype=torch.float64))

    def prepare(self, seen, labels, step):
        self.seen = 0.9 * self.seen + labels.sum(0)


class Counting(MixMatch):
    calls = 0

    def prepare(self, seen, labels, step):
        self.calls += 1


class Listing(MixMatch):
    def __init__(self, recipe, task):
        super().__init__(recipe, task)
        self.steps = {"all": []}

    def prepare(self, seen, labels, step):
        self.steps["all"].append(len(labels))


class Rolling(MixMatch):
    def prepare(self, seen, labels, step):
        random.random(), np.random.rand(), torch.rand(1)


BAD = {
    Replacing: "Replacing.seen",
    Counting: "Counting.calls",
    Listing: "Listing.steps",
    Rolling: "random, numpy.random, PyTorch's random numbers of the CPU",
}


@pytest.mark.parametrize("method", BAD)
def test_a_method_that_a_replay_would_not_repeat_is_refused(method, graphs):
    trainer = toy_trainer(f"{__name__}:{method.__name__}", how=RECORDED)
    trainer.start()
    for _ in range(execution.WARM_UP):
        trainer.step()
    with pytest.raises(UserError, match=rf"\(it changes {BAD[method]} other than in place\); change the method"):
        trainer.step()


def test_where_the_graph_was_our_choice_such_a_method_trains_as_without(graphs, capsys):
    """Recording runs it once more on the host. That is undone."""
    holder = SimpleNamespace(seen=torch.zeros(2), calls=0, list=[])

    def function():
        holder.seen = 0.5 * holder.seen + 1
        holder.calls += 1
        holder.list.append(random.random())

    random.seed(0)
    recorded = Recorded(function, lambda: [holder], may_fail=True)
    for _ in range(6):
        recorded()
    random.seed(0)
    assert holder.list == [random.random() for _ in range(6)] and holder.calls == 6
    assert holder.seen.tolist() == [2 - 2**-5] * 2
    names = "SimpleNamespace.seen, SimpleNamespace.calls, SimpleNamespace.list, random"
    assert capsys.readouterr().err.count(f"(it changes {names} other than in place); training eagerly") == 1


OTHERS = ("baselines.fixmatch:FixMatch", "baselines.mean_teacher:MeanTeacher", "baselines.class_prior:AlignedMixMatch")


@pytest.mark.parametrize("name", [*METHODS, *OTHERS])
def test_shipped_methods_are_recorded_even_after_an_evaluation(name, graphs):
    """The fake computes what it records. So it sees where tensors lie, as on a GPU."""
    trainer = toy_trainer(name, how=RECORDED)
    trainer.start()
    for step in range(6):
        if step == execution.WARM_UP:
            trainer.evaluate()
        trainer.step()
    assert trainer.execution == RECORDED and graphs.replays == 3
