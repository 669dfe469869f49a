"""FixMatch and Mean Teacher against plain formulas; strong views come from the draws, and runs resume to the bit."""

import copy
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F

from marginmix.methods.mixing import interleave_order
from marginmix.networks import batch_parts
from marginmix.training.trainer import Trainer
from marginmix.views.strong import StrongDraws, draw_strong, strong_views
from tests.toy_training import toy_trainer
from tests.training.test_execution import elsewhere  # noqa: F401 - a fixture

SETTINGS = {
    "baselines.fixmatch:FixMatch": {
        "unlabelled_loss": "cross-entropy", "lambda_u": 1.0, "rampup": 0.0, "augmentations": 1,
        "confidence_threshold": 0.405,
    },
    "baselines.mean_teacher:MeanTeacher": {"teacher": "average", "lambda_u": 5.0, "rampup": 0.5},
}  # fmt: skip
FIXMATCH, MEAN_TEACHER = SETTINGS


def trainer(path: str, cell: str = "toy/15/0", data=None, **settings) -> Trainer:
    return toy_trainer(path, data, cell, **SETTINGS[path], **settings)


def losses(here: Trainer) -> dict[str, torch.Tensor]:
    """The terms of the next step."""
    images, labels, _ = here.views(here.drawer.step(here.completed))
    terms, _ = here.compute(
        here.method, here.network.train(), here.looking, images, labels, here.drawer.step(here.completed),
        here.clock.to(here.dtype),
    )  # fmt: skip
    return terms


def plain_outputs(network, labelled: torch.Tensor, others: torch.Tensor) -> list[torch.Tensor]:
    """Logits of both, batch-normalised in interleaved batches as every method's are."""
    images, size = torch.cat([labelled, others]), len(labelled)
    order, parts = interleave_order(size, len(images) // size), len(images) // size
    with batch_parts(network, parts, parts):
        logits = network(images[order])[0]
    return list(logits[order].split([size, len(others)]))


@pytest.mark.parametrize("ratio", [1, 7])
def test_fixmatch_by_hand(ratio):
    """Cross-entropy on the labelled, and on the strong views of those images whose weak view has a sure guess; its mean
    is over all of them, sure or not."""
    here = trainer(FIXMATCH, unlabelled_ratio=ratio)
    for _ in range(2):
        here.step()
    network, found = copy.deepcopy(here.network).train(), losses(trainer_at(here))
    weak, labels, _ = here.views(here.drawer.step(2))
    labelled, unlabelled, strong = weak.split([6, 6 * ratio, 6 * ratio])
    with torch.no_grad(), batch_parts(network, ratio, ratio):
        confidence, guesses = network(unlabelled)[0].softmax(1).max(1)
    sure = confidence >= SETTINGS[FIXMATCH]["confidence_threshold"]
    assert 0 < sure.sum() < len(sure), f"the threshold shows nothing: {confidence}"
    first, second = plain_outputs(network, labelled, strong)
    assert found["labelled"].item() == pytest.approx(F.cross_entropy(first, labels.argmax(1)).item(), abs=1e-12)
    each = F.cross_entropy(second, guesses, reduction="none")
    expected = each[sure].sum() / (6 * ratio)
    assert found["unlabelled"].item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("ratio", [1, 7])
def test_mean_teacher_by_hand(ratio):
    """Squared error of the student on the second view from the averaged network's prediction on the first."""
    here = trainer(MEAN_TEACHER, unlabelled_ratio=ratio)
    for _ in range(2):
        here.step()
    network, teacher, found = copy.deepcopy(here.network).train(), copy.deepcopy(here.average.module).train(), None
    found = losses(trainer_at(here))
    views, labels, _ = here.views(here.drawer.step(2))
    labelled, first, second = views.split([6, 6 * ratio, 6 * ratio])
    with torch.no_grad(), batch_parts(teacher, ratio, 0):
        target = teacher(first)[0].softmax(1)
    logits, student = plain_outputs(network, labelled, second)
    assert found["labelled"].item() == pytest.approx(F.cross_entropy(logits, labels.argmax(1)).item(), abs=1e-12)
    weight = 5.0 * min(1.0, 2 / (0.5 * 6))  # λ_u, ramped up over half of six steps
    expected = weight * (student.softmax(1) - target).square().mean()
    assert found["unlabelled"].item() == pytest.approx(expected.item(), abs=1e-12)


def trainer_at(here: Trainer) -> Trainer:
    """A copy of a trainer's state, so that looking changes nothing."""
    path = FIXMATCH if here.method.strong else MEAN_TEACHER
    other = trainer(path, unlabelled_ratio=here.recipe.unlabelled_ratio)
    other.load_state(copy.deepcopy(here.state()))
    return other


def test_the_last_views_are_the_strong_ones_of_the_first_weak_ones():
    here = trainer(FIXMATCH)
    draws = here.drawer.step(4)
    assert torch.equal(draws.strong, draw_strong("toy/15/0/strong/4", 6).packed())
    shown = here.data.scaling.pictures(here.views(draws)[0])
    labelled, weak, strong = shown.split(6)
    assert torch.equal(strong, strong_views(weak, StrongDraws.unpacked(draws.strong)))
    assert not torch.equal(strong, weak)


def test_who_wants_no_strong_views_draws_none():
    assert trainer(MEAN_TEACHER).drawer.step(0).strong.shape == (0, 8)


def test_draws_survive_the_way_to_the_device():
    drawn = draw_strong("somewhere", 5)
    back = StrongDraws.unpacked(drawn.packed())
    for name in StrongDraws.__dataclass_fields__:
        one, other = getattr(drawn, name), getattr(back, name)
        assert one.dtype == other.dtype and torch.equal(one, other)


@pytest.mark.parametrize("path", SETTINGS)
def test_a_run_resumes_to_the_bit(path, tmp_path):
    whole, first = trainer(path), trainer(path)
    whole.run(tmp_path / "whole", "id", lambda _: None, every_s=0)
    first.start()
    for _ in range(3):
        first.step()
    second = trainer(path)
    second.load_state(copy.deepcopy(first.state()))
    second.run(tmp_path / "second", "id", lambda _: None, every_s=0)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name


@pytest.mark.parametrize("path", SETTINGS)
def test_a_step_asks_nothing_of_the_host(path, elsewhere, monkeypatch):  # noqa: F811
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    here = trainer(path, "x/1/0", elsewhere, precision="fp32")
    here.optimiser.step = lambda: None
    here.start()
    here.one_step()
    assert here.clock.is_meta
