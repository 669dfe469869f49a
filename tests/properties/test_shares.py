"""Sums, bounds and order of label shares, of class shares and of how one-sided they are."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marginmix.analysis.label_shift import adjusted, black_box_shares, distance, em_shares
from marginmix.datasets.shares import equal_shares, natural_shares, spill
from marginmix.runs.collapse import one_sidedness

counts = st.lists(st.integers(1, 300), min_size=2, max_size=10).map(np.array)


@st.composite
def simplex(draw, classes: int) -> np.ndarray:
    """Class shares: positive, summing to 1."""
    values = np.array(draw(st.lists(st.floats(0.01, 1), min_size=classes, max_size=classes)))
    return values / values.sum()


@st.composite
def shares(draw, of: int = 2) -> list[np.ndarray]:
    classes = draw(st.integers(2, 8))
    return [draw(simplex(classes)) for _ in range(of)]


@st.composite
def classifiers(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities [N, C] of some images, and two sets of shares."""
    source, target = draw(shares())
    rows = draw(st.integers(1, 12))
    return np.stack([draw(simplex(len(source))) for _ in range(rows)]), source, target


@given(st.permutations(range(7)), st.integers(0, 500))
def test_equal_shares_differ_by_one_at_most_and_the_first_in_the_order_get_it(order, total):
    found = equal_shares(total, np.array(order))
    assert found.sum() == total and found.max() - found.min() <= 1
    assert list(found[order]) == sorted(found, reverse=True)


@given(counts, st.data())
def test_natural_shares_are_near_the_classes_proportions_and_keep_their_order(present, data):
    total = data.draw(st.integers(len(present), 400))
    found = natural_shares(total, present)
    assert found.sum() == total and found.min() >= 1
    assert all(
        found[i] >= found[j] for i in range(len(present)) for j in range(len(present)) if present[i] > present[j]
    )
    exact = total * present / present.sum()
    above = found > 1  # one label each is forced
    assert (found[above] <= np.ceil(exact[above]) + 1).all()


@given(counts, st.data())
def test_spill_gives_what_there_is_and_keeps_the_sum(present, data):
    asked = np.array(data.draw(st.lists(st.integers(0, 400), min_size=len(present), max_size=len(present))))
    assume(asked.sum() <= present.sum())
    order = np.array(data.draw(st.permutations(range(len(present)))))
    given_ = spill(asked, present, order)
    assert given_.sum() == asked.sum() and (given_ <= present).all()
    assert (given_ >= np.minimum(asked, present)).all()
    if (asked <= present).all():
        assert (given_ == asked).all()
    # Evenly in each round, whose remainder is one each. A round fills a class, so there are at most C of them.
    extra, able = given_ - np.minimum(asked, present), given_ < present
    if able.any():
        assert extra[able].min() >= extra.max() - len(present)


@given(classifiers())
def test_adjusted_rows_sum_to_one_and_a_larger_share_is_never_less_probable(case):
    probabilities, source, target = case
    found = adjusted(probabilities, source, target)
    assert found.sum(1) == pytest.approx(1) and (found >= 0).all()
    assert adjusted(probabilities, source, source) == pytest.approx(probabilities)
    assert adjusted(found, target, source) == pytest.approx(probabilities), "and back again"
    more = target.copy()
    more[0] += 0.5
    assert (adjusted(probabilities, source, more / more.sum())[:, 0] >= found[:, 0] - 1e-12).all()


@given(classifiers())
def test_expectation_maximisation_ends_on_the_simplex_at_a_likelihood_no_lower(case):
    probabilities, source, _ = case
    found = em_shares(probabilities, source)
    assert found.sum() == pytest.approx(1) and (found >= 0).all()

    def likelihood(values):
        return np.log((probabilities / source * values).sum(1)).sum()

    assert likelihood(found) >= likelihood(source) - 1e-6


@given(classifiers(), st.integers(0, 2**31))
def test_black_box_estimates_lie_on_the_simplex(case, seed):
    _, source, predicted = case
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(len(source)), rng.integers(0, len(source), 20)])
    held_out = rng.integers(0, len(source), len(targets))
    found = black_box_shares(held_out, targets, predicted, source)
    assert found.sum() == pytest.approx(1) and (found >= 0).all()
    exact = black_box_shares(targets, targets, predicted, source)  # a classifier that is never wrong
    assert exact == pytest.approx(predicted)


@given(shares(3))
def test_total_variation_is_a_distance(three):
    one, other, third = three
    assert distance(one, one) == 0 and distance(one, other) == pytest.approx(distance(other, one))
    assert 0 <= distance(one, other) <= 100
    assert distance(one, third) <= distance(one, other) + distance(other, third) + 1e-9


@given(shares())
def test_one_sidedness_is_a_hundred_for_the_commonest_class_alone_and_more_for_any_other(two):
    found, expected = two
    alone = np.eye(len(expected))
    assert one_sidedness(expected, expected) == 0
    assert one_sidedness(alone[expected.argmax()], expected) == pytest.approx(100)
    assert all(one_sidedness(row, expected) >= 100 - 1e-9 for row in alone)
    halfway = (found + expected) / 2
    assert one_sidedness(halfway, expected) == pytest.approx(one_sidedness(found, expected) / 2)
