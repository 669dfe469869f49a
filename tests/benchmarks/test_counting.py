"""Operations and bytes of cases counted by hand; the floor that follows; turns."""

import pytest
import torch
import torch.nn.functional as F

from benchmarks.ceilings import Ceilings
from benchmarks.counting import Counter
from benchmarks.timing import in_turns, median_ratio


def test_a_matrix_product():
    a, b = torch.ones(4, 8), torch.ones(8, 16)
    with Counter() as counter:
        a @ b
    assert counter.flops == 2 * 4 * 8 * 16
    assert counter.moved == 4 * (4 * 8 + 8 * 16 + 4 * 16)


def test_a_convolution_and_its_gradients():
    x, weight = torch.ones(2, 3, 8, 8, requires_grad=True), torch.ones(5, 3, 3, 3, requires_grad=True)
    with Counter() as counter:
        F.conv2d(x, weight, padding=1).sum().backward()
    assert counter.flops == 3 * 2 * 2 * 64 * 3 * 9 * 5


def test_views_move_nothing_and_what_is_elementwise_has_no_floor():
    x = torch.ones(10, 10)
    with Counter() as counter:
        y = x.view(100)
    assert counter.moved == 0
    with Counter() as counter:
        y + y
    assert (counter.moved, counter.floor(Ceilings(1.0, 1.0, 1.0))) == (3 * 400, 0)


@pytest.mark.parametrize(("ceilings", "seconds"), [
    (Ceilings(product=1024.0, convolution=10.0, copy=1e12), 1.0), (Ceilings(1e12, 1e12, 112.0), 8.0),
])  # fmt: skip
def test_the_floor_is_by_operations_or_by_bytes(ceilings, seconds):
    with Counter() as counter:
        torch.ones(4, 8) @ torch.ones(8, 16)
    assert counter.floor(ceilings) == pytest.approx(seconds)


def test_turns_are_interleaved_and_ratios_are_taken_within_one():
    called = []
    turns = in_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, torch.device("cpu"), 3, 0.0)
    assert "".join(called) == "aabb" + "aabb" * 3
    assert {name: len(times) for name, times in turns.items()} == {"a": 3, "b": 3}
    assert median_ratio([2.0, 4.0, 9.0], [1.0, 1.0, 3.0]) == 3.0
