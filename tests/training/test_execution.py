"""One step, eager, compiled and as a GPU would record it: the same training, and never a question to the host."""

import copy
from contextlib import nullcontext

import pytest
import torch

from marginmix.errors import UserError
from marginmix.runs.methods import resolve_method
from marginmix.runs.recipe import fields_of
from marginmix.training import devices, execution
from marginmix.training.draw_supply import DrawSupply
from marginmix.training.execution import EAGER, Execution
from marginmix.training.in_place import Kept
from tests.toy_training import METHODS, apart, on_device, toy_data, toy_trainer

COMPILED = Execution(compiled=True, captured=False)
RECORDED = Execution(compiled=False, captured=True)


def five_steps(name, how=EAGER, **settings):
    """Losses of five steps, and the weights, averages and state of the method after them."""
    dtype = torch.float64 if settings.get("precision") == "fp64" else torch.float32
    trainer = toy_trainer(name, toy_data(dtype), how=how, **settings)
    trainer.start()
    rows = []
    for _ in range(5):
        trainer.step()
        rows.append(trainer.sums.means_and_reset())
    return rows, [copy.deepcopy(m.state_dict()) for m in (trainer.network, trainer.average.module, trainer.method)]


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        ("aot_eager", "marginmix"),
        pytest.param("aot_eager", "mixmatch", marks=pytest.mark.slow),
        pytest.param("inductor", "marginmix", marks=pytest.mark.slow),
        pytest.param("inductor", "mixmatch", marks=pytest.mark.slow),
    ],
)
def test_compiled_steps_are_the_eager_ones(backend, name, monkeypatch):
    """fp32, 1e-5 relative in every loss and weight. Tracing and gradients are those of either backend; Inductor also
    writes and compiles C++."""
    used = []

    def compile_with(function, **options):
        used.append(options)
        return compiled(function, backend=backend, **options)

    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", compile_with)
    (rows, states), (expected_rows, expected_states) = (
        five_steps(name, how, precision="fp32") for how in (COMPILED, EAGER)
    )
    assert used == [{"dynamic": False}], "one of the two trainings is compiled"
    for row, expected in zip(rows, expected_rows, strict=True):
        assert row == pytest.approx(expected, rel=1e-5)
    for state, expected in zip(states, expected_states, strict=True):
        assert apart(state, expected) <= 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("name", ["mixmatch", "marginmix"])
def test_recorded_steps_are_the_eager_ones(name):
    devices.prepare(torch.device("cuda", 0), 1, exact=True)
    results = []
    for how in (EAGER, RECORDED):
        data = on_device(toy_data(torch.float32), "cuda:0")
        trainer = toy_trainer(name, data, how=how, precision="fp32")
        trainer.start()
        for _ in range(5):
            trainer.step()
        assert trainer.execution == how
        results.append((trainer.sums.means_and_reset(), trainer.network.state_dict()))
    (row, state), (expected_row, expected) = results
    assert row == pytest.approx(expected_row, rel=1e-5)
    assert apart(state, expected) <= 1e-5


@pytest.fixture
def elsewhere(monkeypatch):
    """Toy data on a device whose tensors have a shape and no content (and no mixed precision)."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    return on_device(toy_data(torch.float32), "meta")


@pytest.mark.parametrize("settings", [{}, {"profile": "google"}, {"teacher": "average"}, {"label_what": "mixtures"}])
@pytest.mark.parametrize("name", METHODS)
def test_a_step_stays_on_its_device(name, settings, elsewhere):
    """Where tensors have no content, whatever asks for a number on the host raises, and so does what mixes devices.
    And a third step changes nothing other than tensors in place. What passes here can be recorded as a CUDA graph."""
    if not settings.keys() <= {"profile", *fields_of(resolve_method(METHODS[name]).Settings)}:
        pytest.skip(f"{name} has no such setting")
    trainer = toy_trainer(name, elsewhere, precision="fp32", **settings)
    trainer.optimiser.step = lambda: None  # PyTorch's fused kernel for GPUs, which this device has not
    trainer.start()
    for _ in range(2):
        trainer.one_step()
    kept = Kept(trainer.holders())
    trainer.one_step()
    assert kept.changed() == []
    assert trainer.clock.is_meta


def test_the_check_above_finds_a_question_to_the_host(elsewhere, monkeypatch):
    trainer = toy_trainer("mixmatch", elsewhere, precision="fp32")
    ramped = trainer.method.unlabelled_weight
    monkeypatch.setattr(trainer.method, "unlabelled_weight", lambda step: float(ramped(step)))
    with pytest.raises(RuntimeError, match="meta"):
        trainer.one_step()


def test_modes():
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert execution.choose("auto", cpu).name == "eager"
    assert execution.choose("auto", gpu).name == "graph"
    assert [execution.choose(mode, gpu).may_fail for mode in execution.MODES] == [True, False, False, False, False]
    assert not execution.choose("auto", cpu).may_fail
    assert [execution.choose(mode, gpu).name for mode in execution.MODES[1:]] == list(execution.MODES[1:])
    with pytest.raises(UserError, match="graph records CUDA graphs, but the device is cpu"):
        execution.choose("graph", cpu)
    with pytest.raises(UserError, match="expected one of auto, eager"):
        execution.choose("fast", cpu)


def test_draws_in_blocks_are_the_draws_of_each_step():
    drawer = toy_trainer("mixmatch").drawer
    supply = DrawSupply(drawer, torch.device("cpu"), block=4)
    for step in (0, 3, 4, 11, 2):
        supply.refill(step)
        for taken, drawn in zip(supply.take(torch.tensor(step)).tensors(), drawer.step(step).tensors(), strict=True):
            assert torch.equal(taken, drawn)
