"""McNemar's exact test against cases solved by hand, and its table."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from marginmix.reporting.markdown import Table
from marginmix.reporting.mcnemar import mcnemar, mcnemar_blocks
from tests.fake_runs import config_text, make_results, predictions, write_run


def of_counts(both: int, first: int, second: int, neither: int):
    """Which images two classifiers have right, from how many of each kind there are."""
    pairs = [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither
    return np.array(pairs, bool).T


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (0, 0, 1),
        (1, 0, 1),  # 2 · 1/2
        (5, 0, Fraction(1, 16)),  # 2 · 1/32
        (6, 1, Fraction(1, 8)),  # 2 · (1 + 7)/128
        (2, 8, Fraction(7, 64)),  # 2 · (1 + 10 + 45)/1024
        (4, 4, 1),
    ],
)
def test_solved_by_hand(first, second, p):
    found = mcnemar(*of_counts(30, first, second, 7))
    assert (found.first, found.second) == (first, second) and found.p == pytest.approx(float(p), rel=1e-12)


@pytest.mark.parametrize(("first", "second"), [(59, 121), (300, 340), (0, 60), (1500, 1410)])
def test_against_the_binomial_law_in_whole_numbers(first, second):
    n = first + second
    tail = sum(comb(n, k) for k in range(min(first, second) + 1))
    assert mcnemar(*of_counts(5, first, second, 5)).p == pytest.approx(
        float(min(1, Fraction(2 * tail, 2**n))), rel=1e-9
    )


def test_the_table_has_a_row_a_seed_where_both_methods_kept_predictions(top):
    for method, accuracy in (("mixmatch", 60.0), ("marginmix", 90.0)):
        for seed in (0, 1, 2):
            kept = (
                None if (method, seed) == ("mixmatch", 1) else predictions(accuracy, seed + 7 * (method == "mixmatch"))
            )
            write_run(top, "quick", "faces", 70, method, seed, accuracy, arrays=kept)
    write_run(top, "quick", "faces", 70, "supervised", 0, 50.0, arrays=predictions(50.0))
    found = make_results(top, config_text())
    heading, said, table = mcnemar_blocks(found.ordinary, {"faces": "drawn faces"})
    assert isinstance(table, Table) and [row[:4] for row in table.rows] == [
        ["drawn faces", "70", "0", "200"],
        ["drawn faces", "70", "2", "200"],
    ]
    assert table.header[4:] == ["MarginMix alone", "MixMatch alone", "p"]
    right = {one.key.method: one.predictions.right[-1] for one in found.ordinary if one.key.seed == 2}
    alone = int((right["marginmix"] & ~right["mixmatch"]).sum())
    assert table.rows[1][4:] == [str(alone), str(alone - 60), "less than 0.0001"]  # 90 % − 60 % of 200


def test_no_table_without_predictions(top):
    for method in ("mixmatch", "marginmix"):
        write_run(top, "quick", "faces", 70, method, 0, 60.0)
    assert mcnemar_blocks(make_results(top, config_text()).ordinary, {}) == []
