"""Sharpening, MixUp, interleaving, ramp-up and the two unlabelled losses, against cases worked by hand."""

import numpy as np
import pytest
import torch

from marginmix.methods.mixing import interleave_order, mixup, ramp_up, sharpen, soft_cross_entropy, squared_error


def test_sharpen_by_hand():
    labels = torch.tensor([[0.8, 0.2], [0.5, 0.5]], dtype=torch.float64)
    # T = 1/2 squares: 0.64 and 0.04 of 0.68
    expected = torch.tensor([[0.64 / 0.68, 0.04 / 0.68], [0.5, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(sharpen(labels, 0.5), expected, atol=1e-12, rtol=0)


def test_sharpen_keeps_labels_at_temperature_one_and_survives_zeros():
    labels = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    assert sharpen(labels, 1.0) is labels
    torch.testing.assert_close(sharpen(labels, 0.5), labels, atol=1e-12, rtol=0)


def test_mixup_by_hand():
    values = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    mixed = mixup(values, torch.tensor([1, 0]), torch.tensor([[0.75], [0.5]], dtype=torch.float64))
    assert mixed.tolist() == [[0.75, 0.25], [0.5, 0.5]]


def test_mixup_broadcasts_over_images():
    images = torch.arange(2 * 3 * 4, dtype=torch.float64).view(2, 1, 3, 4)
    mixed = mixup(images, torch.tensor([1, 1]), torch.tensor([[0.5], [0.5]]))
    torch.testing.assert_close(mixed, torch.stack([(images[0] + images[1]) / 2, images[1]]))


def test_interleave_by_hand():
    # Four images in each of two batches a and b: pieces of two; piece 1 of a changes places with piece 1 of b.
    assert interleave_order(4, 2).tolist() == [0, 1, 6, 7, 4, 5, 2, 3]


@pytest.mark.parametrize(("batch", "parts"), [(64, 3), (6, 3), (7, 3), (5, 2), (4, 1), (64, 15)])
def test_interleave_is_its_own_inverse_and_deals_every_batch_out(batch, parts):
    order = interleave_order(batch, parts)
    assert torch.equal(order[order], torch.arange(batch * parts))
    sources_of_first = set((order[:batch] // batch).tolist())
    assert sources_of_first == set(range(parts))


@pytest.mark.parametrize(
    ("parts", "pieces"), [(3, [21, 21, 22]), (5, [12, 13, 13, 13, 13]), (6, [10, 10, 11, 11, 11, 11])]
)
def test_interleave_cuts_as_the_original_does(parts, pieces):
    # google-research/mixmatch: pieces of batch // parts, the last `batch % parts` of them longer by one.
    order = interleave_order(64, parts)
    assert [int((part // 64 == 0).sum()) for part in order.split(64)] == pieces


@pytest.mark.parametrize(("step", "share", "expected"), [
    (0, 1.0, 0.0), (50, 1.0, 0.5), (100, 1.0, 1.0), (1, 1 / 64, 0.64), (2, 1 / 64, 1.0), (0, 0.0, 1.0),
])  # fmt: skip
def test_ramp_up(step, share, expected):
    ramped = ramp_up(torch.tensor(step, dtype=torch.float64), 100, share)
    assert float(ramped) == pytest.approx(expected, abs=1e-12)


def test_unlabelled_losses_against_numpy():
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(5, 4)), rng.dirichlet(np.ones(4), 5)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    logits, labels = torch.from_numpy(z), torch.from_numpy(y)
    assert squared_error(logits, labels).item() == pytest.approx(((p - y) ** 2).mean(), abs=1e-12)
    assert soft_cross_entropy(logits, labels).item() == pytest.approx(-(y * np.log(p)).sum(1).mean(), abs=1e-12)
