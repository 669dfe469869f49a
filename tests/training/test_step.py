"""One step of MixMatch and of Margin-Mix against the papers written out plainly in float64, batch by batch."""

import copy

import pytest
import torch
import torch.nn.functional as F

from marginmix.augment import weak_views
from marginmix.mixing import interleave_order
from marginmix.training.running import resolve_method
from marginmix.training.trainer import Trainer
from tests.toy_training import METHODS, small_recipe, toy_data


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


def plain_mixed_outputs(network, batches, targets, draws):
    """MixUp of all with all, then three interleaved forwards as in the published loops."""
    lam = draws.lam[0].item()
    images, labels = torch.cat(batches), torch.cat(targets)
    mixed = lam * images + (1 - lam) * images[draws.partners]
    labels = lam * labels + (1 - lam) * labels[draws.partners]
    order = interleave_order(6, 3)
    logits, embeddings = zip(*[network(part) for part in mixed[order].split(6)], strict=True)
    return torch.cat(logits)[order], torch.cat(embeddings)[order], labels


def plain_margin_mix(trainer, network, draws, step):
    recipe, method = trainer.recipe, trainer.method
    batches, labels = plain_views(trainer, draws)
    with torch.no_grad():
        logits, embeddings = zip(*[network(batch) for batch in batches], strict=True)
        unit = [e / e.norm(dim=1, keepdim=True) for e in embeddings]
        numerator, denominator = method.centroids.numerator.clone(), method.centroids.denominator.clone()
        prior = method.prior.clone()

        def membership(e, c):
            scores = torch.stack([(e - c_k).square().sum(1) for c_k in c], 1) ** (-1 / (recipe.fuzzifier - 1)) * prior
            return scores / scores.sum(1, keepdim=True)

        weight = min(1, step * 6 / 60)
        u = membership(torch.cat(unit[1:]), numerator / denominator[:, None])
        w = torch.cat([labels, weight * u**recipe.fuzzifier])
        numerator = 0.99 * numerator + 0.01 * w.T @ torch.cat(unit)
        denominator = 0.99 * denominator + 0.01 * w.sum(0)
        centroids = numerator / denominator[:, None]
        guess = (membership(unit[1], centroids) + membership(unit[2], centroids)) / 2
    logits, embeddings, mixed = plain_mixed_outputs(network, batches, [labels, guess, guess], draws)
    y, e = mixed[:6], embeddings[:6]
    d = torch.stack([(e / e.norm(dim=1, keepdim=True) - c).square().sum(1) for c in centroids], 1)
    margin = 0
    for j in range(3):
        margin = margin + ((1 - y[:, j]) / 2 * (0.3 + (y * d).sum(1) - d[:, j]).clamp_min(0)).mean()
    return {**plain_mixmatch_losses(logits, mixed, recipe, step), "margin": margin}


def plain_mixmatch(trainer, network, draws, step):
    batches, labels = plain_views(trainer, draws)
    with torch.no_grad():
        p = sum(F.softmax(network(batch)[0], 1) for batch in batches[1:]) / 2
        guess = p**2 / (p**2).sum(1, keepdim=True)
    logits, _, mixed = plain_mixed_outputs(network, batches, [labels, guess, guess], draws)
    return plain_mixmatch_losses(logits, mixed, trainer.recipe, step)


def plain_mixmatch_losses(logits, mixed, recipe, step):
    labelled = -(mixed[:6] * F.log_softmax(logits[:6], 1)).sum(1).mean()
    unlabelled = ((F.softmax(logits[6:], 1) - mixed[6:]) ** 2).mean()
    return {"labelled": labelled, "unlabelled": recipe.lambda_u * step / recipe.steps * unlabelled}


@pytest.mark.parametrize(("name", "plain"), [("mixmatch", plain_mixmatch), ("marginmix", plain_margin_mix)])
def test_five_steps_are_the_plain_formulas(name, plain):
    """Losses to 1e-10 relative, and Adam, EMA and weight decay applied to all weights and buffers alike."""
    trainer = Trainer(small_recipe(), resolve_method(METHODS[name]), toy_data(), "toy/15/0")
    trainer.start()
    network = copy.deepcopy(trainer.network).train()
    average = copy.deepcopy(trainer.average.module).state_dict()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.002, foreach=False)
    for step in range(5):
        losses = plain(trainer, network, trainer.drawer.step(step), step)
        optimiser.zero_grad()
        sum(losses.values()).backward()
        optimiser.step()
        with torch.no_grad():
            for key, tensor in network.state_dict().items():
                if tensor.is_floating_point():
                    average[key].mul_(0.9).add_(tensor, alpha=0.1)
                    tensor.mul_(1 - 0.02 * 0.002)
        trainer.step()
        row = trainer.sums.means_and_reset()
        for term, value in losses.items():
            assert row[f"loss_{term}"] == pytest.approx(value.item(), rel=1e-10, abs=1e-14), (step, term)
        for key, tensor in trainer.network.state_dict().items():
            torch.testing.assert_close(tensor, network.state_dict()[key], rtol=1e-8, atol=1e-10)
        for key, tensor in trainer.average.module.state_dict().items():
            torch.testing.assert_close(tensor, average[key], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("settings", [
    {"profile": "google"}, {"label_what": "mixtures"}, {"centroid_network": "ema"}, {"centroid_start": "zero"},
    {"centroid_normalise": True}, {"prior_source": "guesses"}, {"prior_source": "labelled"}, {"prior_exponent": 0.0},
    {"margin": "hinge", "margin_on": "all"}, {"margin": "softmax"}, {"margin": "none"}, {"embedding": "flattened"},
    {"unlabelled_loss": "cross-entropy"}, {"augmentations": 1}, {"augmentations": 3}, {"labelled_pool": "all"},
    {"centroid_rise": 0.0}, {"decay_last": 0.5}, {"precision": "bf16"}, {"network": "alexnet-2d"},
])  # fmt: skip
def test_every_switch_of_margin_mix_trains(settings):
    recipe = small_recipe(**settings)
    dtype = torch.float64 if recipe.precision == "fp64" else torch.float32
    trainer = Trainer(recipe, resolve_method(METHODS["marginmix"]), toy_data(dtype), "toy/15/0")
    trainer.start()
    trainer.step()
    trainer.step()
    row = trainer.evaluate()
    assert 0 <= row["accuracy"] <= 100
    assert row["loss"] > 0


def test_methods_on_one_cell_start_from_the_same_network_and_see_the_same_draws():
    trainers = [Trainer(small_recipe(), resolve_method(path), toy_data(), "toy/15/0") for path in METHODS.values()]
    first = trainers[0]
    for other in trainers[1:]:
        assert torch.equal(first.network.stem.weight, other.network.stem.weight)
        assert torch.equal(first.drawer.step(3).partners, other.drawer.step(3).partners)
    elsewhere = Trainer(small_recipe(), resolve_method(METHODS["mixmatch"]), toy_data(), "toy/15/1")
    assert not torch.equal(first.network.stem.weight, elsewhere.network.stem.weight)
