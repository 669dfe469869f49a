"""Steps of the settings that are shipped, and of every switch, against formulas written out plainly, view by view.

No function of a method, of the step, of the average or of weight decay is called here; only the network and the draws.
"""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from marginmix.methods.base import Outputs
from marginmix.methods.mixing import interleave_order
from tests.toy_training import apart, toy_trainer
from tests.training.cases import GOOGLE, MARGIN_MIX, MIXMATCH

SIZE, POOL = 6, 60


class Plain:
    """A trainer's network, average, Adam and, with centroids, their state; after `trainer.start()`."""

    def __init__(self, trainer):
        self.recipe, self.network, self.done = trainer.recipe, copy.deepcopy(trainer.network).train(), 0
        self.average = copy.deepcopy(trainer.network).train()
        self.optimiser = torch.optim.Adam(self.network.parameters(), foreach=False)
        self.margin = hasattr(self.recipe, "fuzzifier")
        counts = trainer.data.targets[trainer.data.labelled].bincount(minlength=3).double()
        if self.margin:
            self.begin(trainer, counts)

    def begin(self, trainer, counts):
        data, recipe = trainer.data, self.recipe
        with torch.no_grad():
            embeddings = self.network.eval()(data.scaling(data.images[data.labelled]))[1]
        self.network.train()
        unit = embeddings / embeddings.norm(dim=1, keepdim=True)
        sums = [unit[data.targets[data.labelled] == label].sum(0) for label in range(3)]
        share = SIZE / len(unit) if recipe.centroid_start == "labelled" else 0
        self.numerator, self.denominator = torch.stack(sums) * share, counts * share
        self.prior = (counts + 1) / (counts + 1).sum() if recipe.prior_source == "labelled" else torch.ones(3) / 3
        self.prior = self.prior.double()

    def step(self, images, targets, draws) -> dict[str, float]:
        """Weak views [(1 + K) B, ...], the labelled first, and the classes [B] of these."""
        recipe, one_hot = self.recipe, torch.eye(3, dtype=torch.float64)[targets]
        x, *views = images.split(SIZE)
        with torch.no_grad():
            guess = self.guess(x, views, one_hot)
        lam, partners = draws.lam.double(), draws.partners
        labels = torch.cat([one_hot, *[guess] * len(views)])
        images = lam.view(-1, 1, 1, 1) * images + (1 - lam.view(-1, 1, 1, 1)) * images[partners]
        labels = lam * labels + (1 - lam) * labels[partners]
        order, outputs = interleave_order(SIZE, len(images) // SIZE), []
        for i, part in enumerate(images[order].split(SIZE)):
            outputs.append(self.forward(self.network, part, i == 0 or recipe.batch_norm_updates == "every"))
        logits, embeddings = (torch.cat(tensors)[order] for tensors in zip(*outputs, strict=True))
        terms = self.terms(logits, embeddings, labels)
        rate = recipe.learning_rate
        if recipe.decay_last:
            rate *= min(1, (recipe.steps - self.done) / (recipe.decay_last * recipe.steps))
        self.optimiser.param_groups[0]["lr"] = rate
        self.optimiser.zero_grad()
        sum(terms.values()).backward()
        self.optimiser.step()
        self.follow(rate)
        self.done += 1
        return {name: term.item() for name, term in terms.items()}

    def forward(self, network, images, tracked):
        before = {name: buffer.clone() for name, buffer in network.named_buffers()}
        found = network(images)
        if not tracked:
            for name, buffer in network.named_buffers():
                buffer.data.copy_(before[name])
        return found

    def guess(self, x, views, one_hot):
        recipe = self.recipe
        looking = self.network if recipe.teacher == "online" else self.average
        tracked = recipe.batch_norm_updates == "every" and recipe.teacher == "online"
        if not self.margin:
            p = sum(self.forward(looking, view, tracked)[0].softmax(1) for view in views) / len(views)
            p = p ** (1 / recipe.temperature)
            return p / p.sum(1, keepdim=True)
        outputs = [self.forward(looking, view, tracked) for view in (x, *views)]
        unit = [e / e.norm(dim=1, keepdim=True) for _, e in outputs]
        rise = min(1, self.done * SIZE / POOL / recipe.centroid_rise) if recipe.centroid_rise else 1
        weights = [one_hot, *(rise * self.memberships(e) ** recipe.fuzzifier for e in unit[1:])]
        m = recipe.centroid_momentum
        self.numerator = m * self.numerator + (1 - m) * sum(w.T @ e for w, e in zip(weights, unit, strict=True))
        self.denominator = m * self.denominator + (1 - m) * sum(w.sum(0) for w in weights)
        guess = sum(self.memberships(e) for e in unit[1:]) / len(views)
        head = sum(logits.softmax(1).mean(0) for logits, _ in outputs[1:]) / len(views)
        if recipe.prior_source in ("head", "guesses") and self.done < recipe.prior_hold * recipe.steps:
            seen = head if recipe.prior_source == "head" else guess.mean(0)
            self.prior = recipe.prior_momentum * self.prior + (1 - recipe.prior_momentum) * seen
        return guess

    def distances(self, unit):
        centroids = torch.where(self.denominator > 0, self.numerator.T / self.denominator, 0).T
        if self.recipe.centroid_normalise:
            centroids = centroids / centroids.norm(dim=1, keepdim=True)
        return (unit[:, None] - centroids).square().sum(2)

    def memberships(self, unit):
        recipe = self.recipe
        u = self.prior**recipe.prior_exponent * self.distances(unit) ** (-1 / (recipe.fuzzifier - 1))
        u = u ** (1 / recipe.membership_temperature)
        return u / u.sum(1, keepdim=True)

    def terms(self, logits, embeddings, y):
        recipe, p = self.recipe, logits.softmax(1)
        unit = embeddings / embeddings.norm(dim=1, keepdim=True)
        if self.margin and recipe.label_what == "mixtures":
            y = torch.cat([y[:SIZE], self.memberships(unit[SIZE:]).detach()])
        weight = recipe.lambda_u * (min(1, self.done / (recipe.rampup * recipe.steps)) if recipe.rampup else 1)
        entropies = -(y * p.log()).sum(1)
        squares = ((p[SIZE:] - y[SIZE:]) ** 2).mean()
        unlabelled = squares if recipe.unlabelled_loss == "squared" else entropies[SIZE:].mean()
        terms = {"labelled": entropies[:SIZE].mean(), "unlabelled": weight * unlabelled}
        if self.margin:
            part = slice(SIZE if recipe.margin_on == "labelled" else None)
            each = [self.margin_of(d, soft) for d, soft in zip(self.distances(unit[part]), y[part], strict=True)]
            terms["margin"] = recipe.margin_weight * sum(each) / len(each)
        return terms

    def margin_of(self, d, y):
        recipe, own = self.recipe, (y * d).sum()
        if recipe.margin == "softmax":
            powers = (-d / recipe.margin_temperature).exp()
            return -(y * (powers / powers.sum()).log()).sum()
        if recipe.margin == "hinge":
            return own + sum((1 - y[k]) / 2 * F.relu(recipe.margin_width - d[k]) for k in range(3))
        if recipe.margin == "ratio":
            return own / (recipe.margin_delta + ((1 - y) * d).sum())
        if recipe.margin == "triplet":
            return sum((1 - y[k]) / 2 * F.relu(recipe.margin_width + own - d[k]) for k in range(3))
        nearest = min(d[k] for k in range(3) if k != int(y.argmax()))
        return F.relu(recipe.margin_width + own - nearest)

    @torch.no_grad()
    def follow(self, rate):
        recipe, layers = self.recipe, dict(self.network.named_modules())
        averages, parameters = self.average.state_dict(), dict(self.network.named_parameters())
        for name, tensor in self.network.state_dict().items():
            if not tensor.is_floating_point():
                continue
            decay = recipe.ema_decay if recipe.ema_over == "state" or name in parameters else 0
            averages[name].mul_(decay).add_(tensor, alpha=1 - decay)
            layer, _, what = name.rpartition(".")
            kind = type(layers[layer]).__name__
            if recipe.weight_decay_on == "state" or (what == "weight" and kind in ("Conv2d", "Linear")):
                tensor.mul_(1 - recipe.weight_decay * rate)


@pytest.mark.parametrize(("name", "settings"), [
    *(("marginmix", settings) for settings in MARGIN_MIX), *(("mixmatch", settings) for settings in MIXMATCH),
], ids=str)  # fmt: skip
def test_three_steps_are_the_plain_formulas(name, settings):
    """1e-9 relative in every term, in the weights and in the averages."""
    if settings.get("profile") == "google":
        settings = GOOGLE | settings
    trainer = toy_trainer(name, **{"steps": 6, **settings})
    trainer.start()
    plain = Plain(trainer)
    for step in range(3):
        draws = trainer.drawer.step(step)
        images = trainer.views(draws)[0]
        terms = plain.step(images, trainer.data.targets[trainer.data.labelled[draws.labelled]], draws)
        trainer.step()
        row = trainer.sums.means_and_reset()
        for term, value in terms.items():
            assert row[f"loss_{term}"] == pytest.approx(value, rel=1e-9, abs=1e-13), (step, term)
        for fast, slow in ((trainer.network, plain.network), (trainer.average.module, plain.average)):
            assert apart(fast.state_dict(), slow.state_dict()) <= 1e-9
    if name == "marginmix":
        positions = trainer.method.centroids.positions
        found = plain.distances(torch.zeros(1, positions.shape[1], dtype=torch.float64))[0]
        torch.testing.assert_close(positions.square().sum(1), found, rtol=1e-9, atol=1e-12)


def test_google_is_what_the_profile_says():
    """So that the cases above mean what they are called."""
    recipe = toy_trainer("mixmatch", **GOOGLE, profile="google").recipe
    assert (recipe.batch_norm_updates, recipe.ema_over, recipe.weight_decay_on) == ("first", "parameters", "kernels")
    assert recipe.mixup_lambda == "example"


# The other methods' losses


def next_terms(name, **settings):
    """A trainer after two steps, a copy of its network, its third draws, and the terms of its third step."""
    trainer = toy_trainer(name, **settings)
    trainer.start()
    for _ in range(2):
        trainer.step()
    trainer.sums.means_and_reset()
    network, draws = copy.deepcopy(trainer.network).train(), trainer.drawer.step(2)
    trainer.step()
    return trainer, network, draws, trainer.sums.means_and_reset()


def outputs(network, images):
    order = interleave_order(SIZE, len(images) // SIZE)
    return torch.cat([network(part)[0] for part in images[order].split(SIZE)])[order]


def test_mixup_mixes_labelled_images_among_themselves_with_the_mean_prediction_as_the_others_label():
    trainer, network, draws, row = next_terms("mixup", unlabelled_loss="cross-entropy", rampup=0.5)
    images, labels, _ = trainer.views(draws)
    with torch.no_grad():
        guess = sum(network(view)[0].softmax(1) for view in images[SIZE:].split(SIZE)) / 2
    first, lam = sorted(range(SIZE), key=lambda i: draws.partners[i]), draws.lam[0].item()
    others = sorted(range(2 * SIZE), key=lambda i: draws.partners[SIZE + i])
    partners = first + [SIZE + i for i in others]
    labels = torch.cat([labels, guess, guess])
    images, labels = (lam * values + (1 - lam) * values[partners] for values in (images, labels))
    entropies = -(labels * outputs(network, images).log_softmax(1)).sum(1)
    assert row["loss_labelled"] == pytest.approx(entropies[:SIZE].mean().item(), rel=1e-9)
    assert row["loss_unlabelled"] == pytest.approx(5 * 2 / 3 * entropies[SIZE:].mean().item(), rel=1e-9)


def test_pseudo_labels_are_of_the_mean_prediction_of_both_views():
    trainer, network, draws, row = next_terms("pseudo-label", unlabelled_loss="cross-entropy", rampup=0.0)
    images, labels, _ = trainer.views(draws)
    with torch.no_grad():
        views = [network(view)[0].softmax(1) for view in images[SIZE:].split(SIZE)]
    best = (sum(views) / 2).argmax(1)
    logits = outputs(network, images)
    assert row["loss_labelled"] == pytest.approx(F.cross_entropy(logits[:SIZE], labels.argmax(1)).item(), rel=1e-9)
    expected = 5 * F.cross_entropy(logits[SIZE:], best.repeat(2)).item()
    assert row["loss_unlabelled"] == pytest.approx(expected, rel=1e-9)


def test_a_pseudo_label_of_two_views_that_disagree():
    """0.9, 0.1 and 0.3, 0.7: the mean 0.6, 0.4 says the first class; 0.55, 0.45 and 0.1, 0.9 the second."""
    method = toy_trainer("pseudo-label", confidence_threshold=0.6).method
    p = torch.tensor([[[0.9, 0.1, 0], [0.55, 0.45, 0]], [[0.3001, 0.6999, 0], [0.1, 0.9, 0]]], dtype=torch.float64)
    guesses = method.self_label(Outputs(p.log(), torch.zeros(2, 2, 1)), torch.tensor(0.0))
    assert guesses.tolist() == [[1, 0, 0], [0, 1, 0]]
    p[1, 0] = torch.tensor([0.2, 0.8, 0.0])
    guesses = method.self_label(Outputs(p.log(), torch.zeros(2, 2, 1)), torch.tensor(0.0))
    assert guesses.tolist() == [[0, 0, 0], [0, 1, 0]]  # 0.55 is below the threshold


@pytest.mark.parametrize(("decay_last", "expected"), [
    (0.0, [1, 1, 1, 1, 1]), (0.5, [1, 1, 1, 0.5, 0.25]), (1.0, [1, 0.75, 0.5, 0.25, 0.125]),
])  # fmt: skip
def test_the_learning_rate_falls_over_the_last_share_of_the_run(decay_last, expected):
    trainer = toy_trainer("supervised", steps=8, evaluations=2, decay_last=decay_last, learning_rate=0.4)
    found = [trainer.learning_rate(torch.tensor(step)).item() / 0.4 for step in (0, 2, 4, 6, 7)]
    assert found == pytest.approx(expected, rel=1e-12)
    assert math.isclose(trainer.learning_rate(torch.tensor(8)).item(), 0 if decay_last else 0.4, abs_tol=1e-12)
