"""Memberships of fuzzy C-means: rows sum to 1, and nearer is never less."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marginmix.methods.centroids import memberships, squared_distances
from marginmix.methods.mixing import sharpen

fuzzifiers, temperatures, exponents = st.floats(1.05, 4), st.floats(0.1, 4), st.floats(0, 1)


@st.composite
def tables(draw, low=0.0, high=4.0) -> torch.Tensor:
    """Numbers [N, C], squared distances by default."""
    rows, classes = draw(st.integers(1, 6)), draw(st.integers(2, 8))
    values = draw(st.lists(st.floats(low, high), min_size=rows * classes, max_size=rows * classes))
    return torch.tensor(values, dtype=torch.float64).reshape(rows, classes)


@st.composite
def priors(draw, classes: int) -> torch.Tensor:
    values = torch.tensor(draw(st.lists(st.floats(0.01, 1), min_size=classes, max_size=classes)), dtype=torch.float64)
    return values / values.sum()


@given(tables(), fuzzifiers, temperatures, exponents, st.data())
def test_rows_sum_to_one(distances, fuzzifier, temperature, exponent, data):
    prior = data.draw(priors(distances.shape[1]))
    found = memberships(distances, fuzzifier, 1e-6, prior, exponent, temperature)
    assert found.sum(1).tolist() == pytest.approx([1.0] * len(found)) and (found >= 0).all()


@given(tables(), fuzzifiers, temperatures)
def test_nearer_is_never_less(distances, fuzzifier, temperature):
    found = memberships(distances, fuzzifier, 1e-6, temperature=temperature)
    nearer = distances[:, :, None] < distances[:, None, :]
    assert (found[:, :, None] >= found[:, None, :] - 1e-12)[nearer].all()


@given(tables(), fuzzifiers, temperatures, exponents, st.data())
def test_a_larger_share_is_never_less(distances, fuzzifier, temperature, exponent, data):
    prior = data.draw(priors(distances.shape[1]))
    found = memberships(distances, fuzzifier, 1e-6, prior, exponent, temperature)
    more = prior.clone()
    more[0] *= 3
    grown = memberships(distances, fuzzifier, 1e-6, more / more.sum(), exponent, temperature)
    assert (grown[:, 0] >= found[:, 0] - 1e-12).all()


@given(tables(low=0.01), fuzzifiers, st.floats(0.1, 10))
def test_one_unit_of_distance_is_as_good_as_another(distances, fuzzifier, unit):
    found = memberships(distances, fuzzifier, 1e-6)
    assert torch.allclose(memberships(unit * distances, fuzzifier, 1e-9), found, atol=1e-9)


@given(tables(low=0.01), fuzzifiers)
def test_they_are_bezdeks(distances, fuzzifier):
    """u_k = 1 / Σ_j (d_k / d_j)^(1/(m−1)), with squared distances."""
    ratios = (distances[:, :, None] / distances[:, None, :]) ** (1 / (fuzzifier - 1))
    assert torch.allclose(memberships(distances, fuzzifier, 1e-6), 1 / ratios.sum(2), atol=1e-9)


@given(tables(-3, 3), st.data())
def test_distances_are_of_normalised_embeddings(embeddings, data):
    centroids = data.draw(tables(-1, 1).filter(lambda found: found.shape[1] == embeddings.shape[1]))
    unit = embeddings / embeddings.norm(dim=1, keepdim=True).clamp_min(1e-12)
    expected = (unit[:, None, :] - centroids[None, :, :]).square().sum(2)
    assert torch.allclose(squared_distances(embeddings, centroids), expected, atol=1e-9)


@given(tables(low=0.001, high=1.0), temperatures)
def test_sharpening_keeps_the_order_and_the_sum(values, temperature):
    probabilities = values / values.sum(1, keepdim=True)
    found = sharpen(probabilities, temperature)
    assert found.sum(1).tolist() == pytest.approx([1.0] * len(found))
    assert torch.allclose(sharpen(probabilities, 1.0), probabilities, atol=1e-9)
    above = probabilities[:, :, None] > probabilities[:, None, :]
    assert (found[:, :, None] >= found[:, None, :] - 1e-12)[above].all()
    if temperature < 1:
        assert (found.max(1).values >= probabilities.max(1).values - 1e-9).all()
