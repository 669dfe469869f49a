import numpy as np

from marginmix.draws import shuffled, uniform


def test_draws_are_those_of_the_text_for_ever():
    """Splits and drawn faces rest on these numbers: they may never change."""
    assert shuffled(np.arange(8), "a text").tolist() == [4, 5, 3, 1, 7, 6, 0, 2]
    assert uniform("a text", 3).tolist() == [0.6516940341061497, 0.3595495424715729, 0.918140777840241]


def test_shuffled_keeps_all_values():
    values = np.array([5, 5, 7, 9, 11])
    assert sorted(shuffled(values, "x")) == values.tolist() and len(shuffled(values[:0], "x")) == 0


def test_uniform_fills_the_interval():
    numbers = uniform("y", 100, 100)
    assert numbers.shape == (100, 100) and 0 <= numbers.min() < 0.001 and 0.999 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.01 and not np.array_equal(numbers, uniform("z", 100, 100))
