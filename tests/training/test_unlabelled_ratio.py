"""More unlabelled images a step than labelled ones: every method trains, resumes, and is the plain formulas."""

import copy
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from baselines.mixmatch import MixMatch
from benchmarks.plain import PlainMarginMix, PlainMixMatch
from marginmix.analysis.samples import contact_sheet
from marginmix.errors import UserError
from marginmix.training.trainer import Trainer
from tests.toy_training import METHODS, apart, small_recipe, toy_data, toy_trainer
from tests.training.test_execution import elsewhere  # noqa: F401 - a fixture
from tests.training.test_strong_methods import SETTINGS

RATIO, SIZE = 3, 6
SOFT = {"margin": "triplet", "membership_temperature": 1.0}  # which the plain loop is written for
SGD = {"optimiser": "sgd", "schedule": "cosine", "learning_rate": 0.03, "weight_decay": 0.0005}
OTHERS = {"aligned": "baselines.class_prior:AlignedMixMatch", **{path: path for path in SETTINGS}}
PATHS = {**METHODS, **OTHERS}


def trainer(name: str, data=None, **settings) -> Trainer:
    path = PATHS[name]
    return toy_trainer(path, data, **{"unlabelled_ratio": RATIO, **SETTINGS.get(path, {}), **settings})


class InParts(nn.Module):
    """A network that sees batches of one size, one after the other."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images):
        outputs = [self.network(part) for part in images.split(SIZE)]
        return tuple(torch.cat(tensors) for tensors in zip(*outputs, strict=True))


def plain_loop(here: Trainer) -> PlainMixMatch:
    network = InParts(copy.deepcopy(here.network))
    if not hasattr(here.method, "centroids"):
        return PlainMixMatch(here.recipe, network)
    start = (here.method.centroids.numerator, here.method.centroids.denominator, here.method.prior.shares)
    return PlainMarginMix(here.recipe, network, 60, *(tensor.clone() for tensor in start))


@pytest.mark.parametrize("name", ["mixmatch", "marginmix"])
def test_four_steps_are_the_plain_formulas(name):
    """1e-10 relative, as for equal batches; MixUp goes over all B + 2 µB views, batches of B are interleaved."""
    here = trainer(name, **(SOFT if name == "marginmix" else {}))
    here.start()
    plain = plain_loop(here)
    for step in range(4):
        draws = here.drawer.step(step)
        images, labels, shown = here.views(draws)
        assert len(images) == SIZE * (1 + 2 * RATIO) and len(shown) == SIZE * RATIO
        x, u1, u2 = images.split([SIZE, RATIO * SIZE, RATIO * SIZE])
        terms = plain.step(x, u1, u2, labels, draws.lam[0].item(), draws.partners)
        here.step()
        row = here.sums.means_and_reset()
        for term, value in terms.items():
            assert row[f"loss_{term}"] == pytest.approx(value, rel=1e-10, abs=1e-14), (step, term)
        for fast, slow in ((here.network, plain.network), (here.average.module, plain.average)):
            assert apart(fast.state_dict(), slow.network.state_dict()) <= 1e-10


@pytest.mark.parametrize("name", PATHS)
def test_a_run_resumes_to_the_bit(name, tmp_path):
    settings = {**SGD, "steps": 5, "evaluations": 2, "precision": "fp32"}
    data = toy_data(torch.float32)
    whole, first, second = (trainer(name, data, **settings) for _ in range(3))
    whole.run(tmp_path / "whole", "id", lambda _: None)
    first.start()
    for _ in range(3):
        first.step()
    torch.save(first.state(), tmp_path / "state.pt")
    second.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    second.run(tmp_path / "second", "id", lambda _: None)
    assert second.completed == 5
    for part in ("network", "average", "method"):
        theirs = second.state()[part]
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in whole.state()[part].items()), part
    assert all(map(torch.equal, whole.optimiser.velocities, second.optimiser.velocities))
    assert any(velocity.any() for velocity in whole.optimiser.velocities)


@pytest.mark.parametrize("name", PATHS)
def test_a_step_asks_nothing_of_the_host(name, elsewhere, monkeypatch):  # noqa: F811
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    here = trainer(name, elsewhere, precision="fp32", **SGD)
    here.start()
    for _ in range(2):
        here.one_step()
    assert here.clock.is_meta


@pytest.mark.parametrize("name", [name for name in PATHS if name not in ("supervised", "embedding")])
def test_every_guess_is_counted_and_looking_changes_nothing(name):
    here = trainer(name, evaluations=6, diagnosed=12)
    here.start()
    here.step()
    before = copy.deepcopy(here.state())
    sums = before["sums"]
    assert sums["sums"][1 + len(sums["terms"])] == RATIO * SIZE, "the number of guessed labels"
    sheet = contact_sheet(here, 4)
    row = here.evaluate()
    assert row["guess_imbalance"] >= 0
    images = here.data.scaling.pictures(here.views(here.drawer.step(1))[0])
    last = SIZE + (here.recipe.augmentations - 1) * RATIO * SIZE
    assert (sheet[f"view_{here.recipe.augmentations}"] == images[last : last + 4].numpy()).all()
    for part in ("network", "average", "method"):
        assert all(torch.equal(tensor, here.state()[part][key]) for key, tensor in before[part].items()), part


def test_guesses_of_a_wrong_shape_are_refused():
    class OneBatch(MixMatch):
        def self_label(self, seen, step):
            return super().self_label(seen, step)[: self.recipe.batch_size]

    here = Trainer(small_recipe("mixmatch", unlabelled_ratio=RATIO), OneBatch, toy_data(), "toy/15/0")
    expected = r"OneBatch.self_label: expected shape \(18, 3\), found \(6, 3\)"
    with pytest.raises(UserError, match=expected):
        here.step()
    Trainer(small_recipe("mixmatch"), OneBatch, toy_data(), "toy/15/0").step()
