"""One step of MixMatch and of Margin-Mix against the papers written out plainly in float64, batch by batch."""

import copy

import pytest
import torch

from benchmarks.plain import PlainMarginMix, PlainMixMatch
from marginmix.views.augment import weak_views
from tests.toy_training import METHODS, apart, toy_data, toy_trainer


def plain_views(trainer, draws):
    """The three weakly augmented batches x, u1, u2 and the one-hot labels of x."""
    data = trainer.data
    x, u = data.labelled[draws.labelled], data.unlabelled[draws.unlabelled]
    batches = []
    for i, indices in enumerate((x, u, u)):
        part = slice(6 * i, 6 * i + 6)
        views = weak_views(data.images, indices, draws.offsets[part], draws.flips[part], data.shift)
        batches.append(data.scaling(views))
    return batches, torch.eye(3, dtype=torch.float64)[data.targets[x]]


def plain_loop(trainer):
    """The yardstick of the benchmarks, from the trainer's own start."""
    recipe, method, network = trainer.recipe, trainer.method, copy.deepcopy(trainer.network)
    if not hasattr(method, "centroids"):
        return PlainMixMatch(recipe, network)
    start = (method.centroids.numerator, method.centroids.denominator, method.prior.shares)
    return PlainMarginMix(recipe, network, 60, *(tensor.clone() for tensor in start))


@pytest.mark.parametrize(("name", "settings"), [
    ("mixmatch", {}), ("marginmix", {"margin": "triplet", "membership_temperature": 1.0}),
])  # fmt: skip
def test_five_steps_are_the_plain_formulas(name, settings):
    """1e-10 relative in every loss, and in the weights and averages after Adam, EMA and weight decay."""
    trainer = toy_trainer(name, **settings)
    trainer.start()
    plain = plain_loop(trainer)
    for step in range(5):
        draws = trainer.drawer.step(step)
        batches, labels = plain_views(trainer, draws)
        losses = plain.step(*batches, labels, draws.lam[0].item(), draws.partners)
        trainer.step()
        row = trainer.sums.means_and_reset()
        for term, value in losses.items():
            assert row[f"loss_{term}"] == pytest.approx(value, rel=1e-10, abs=1e-14), (step, term)
        for fast, slow in ((trainer.network, plain.network), (trainer.average.module, plain.average)):
            assert apart(fast.state_dict(), slow.state_dict()) <= 1e-10


@pytest.mark.parametrize("settings", [
    {"profile": "google"}, {"label_what": "mixtures"}, {"teacher": "average"}, {"centroid_start": "zero"},
    {"centroid_normalise": True}, {"prior_source": "guesses"}, {"prior_source": "labelled"}, {"prior_exponent": 0.0},
    {"margin": "hinge", "margin_on": "all"}, {"margin": "softmax"}, {"margin": "none"}, {"embedding": "flattened"},
    {"unlabelled_loss": "cross-entropy"}, {"augmentations": 1}, {"augmentations": 3}, {"labelled_pool": "all"},
    {"centroid_rise": 0.0}, {"decay_last": 0.5}, {"precision": "bf16"}, {"network": "alexnet-2d"},
])  # fmt: skip
def test_every_switch_of_margin_mix_trains(settings):
    dtype = torch.float32 if "precision" in settings else torch.float64
    trainer = toy_trainer("marginmix", toy_data(dtype), **settings)
    trainer.start()
    trainer.step()
    trainer.step()
    row = trainer.evaluate()
    assert 0 <= row["accuracy"] <= 100
    assert row["loss"] > 0


def test_methods_on_one_cell_start_from_the_same_network_and_see_the_same_draws():
    trainers = [toy_trainer(name) for name in METHODS]
    first = trainers[0]
    for other in trainers[1:]:
        assert torch.equal(first.network.stem.weight, other.network.stem.weight)
        assert torch.equal(first.drawer.step(3).partners, other.drawer.step(3).partners)
    elsewhere = toy_trainer("mixmatch", cell="toy/15/1")
    assert not torch.equal(first.network.stem.weight, elsewhere.network.stem.weight)
