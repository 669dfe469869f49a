"""Does the device compute what a CPU computes? fp32 is fp32, and every method's steps in fp64."""

import json
import math
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.gpu_check.checks import Check, Place, Skip
from benchmarks.gpu_check.numerics import CASES, numbers_of
from marginmix.training import devices
from marginmix.training.execution import EAGER, WARM_UP, Execution

RECORD = Path(__file__).parents[2] / "tests" / "training" / "numerics.json"
STEPS = 2 * WARM_UP
"""So that a graph is replayed, too."""
QUICK = ("mixmatch", "marginmix")
HOW = {"eager": EAGER, "graph": Execution(compiled=False, captured=True)}


def flags(place: Place) -> Iterator[Check]:
    yield Check("flags under exact", "TF32 off, deterministic kernels", partial(_flags, place))
    yield Check("an fp32 convolution against fp64", "1e-5 or nearer, relative (TF32: 3e-4)", partial(_fp32, place))


def numerics(place: Place) -> Iterator[Check]:
    """The CPU's numbers against the record's; then those of a GPU against the CPU's."""
    for case in QUICK if place.quick else CASES:
        yield Check(f"{case}: fp64, the CPU", "the recorded numbers, 1e-9 relative", partial(_as_recorded, case))
        for name, how in HOW.items() if place.on_gpu else ():
            yield Check(f"{case}: fp64, {name}", "the CPU's numbers, 1e-6 relative", partial(_as_cpu, case, place, how))


def _flags(place: Place) -> tuple[str, bool]:
    devices.choose_kernels(place.device, exact=True)
    deterministic = torch.are_deterministic_algorithms_enabled()
    if not place.on_gpu:
        return f"deterministic: {deterministic}; no TF32 on a CPU", deterministic
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    found = f"deterministic: {deterministic}; TF32 in convolutions: {convolutions}; products: {products}"
    return found, deterministic and not convolutions and products == "highest"


def _fp32(place: Place) -> tuple[str, bool]:
    devices.choose_kernels(place.device, exact=True)
    generator = torch.Generator().manual_seed(0)
    images, weights = (torch.randn(shape, generator=generator, dtype=torch.float64).to(place.device)
                       for shape in ((8, 64, 16, 16), (64, 64, 3, 3)))  # fmt: skip
    expected = F.conv2d(images, weights, padding=1)
    found = F.conv2d(images.float(), weights.float(), padding=1)
    apart = float((found - expected).norm() / expected.norm())
    return f"{apart:.1e}", apart < 1e-5


@cache
def _of_the_cpu(case: str, steps: int) -> list[float]:
    return numbers_of(case, steps)


def _as_recorded(case: str) -> tuple[str, bool]:
    if not RECORD.exists():
        raise Skip(f"{RECORD} is not here")
    recorded = json.loads(RECORD.read_text())["cases"]
    return _nearness(_of_the_cpu(case, 3), recorded[case], 1e-9)


def _as_cpu(case: str, place: Place, how: Execution) -> tuple[str, bool]:
    return _nearness(numbers_of(case, STEPS, place.device, how), _of_the_cpu(case, STEPS), 1e-6)


def _nearness(found: Sequence[float], expected: Sequence[float], tolerance: float) -> tuple[str, bool]:
    """The largest relative distance; a number that is not finite is infinitely far."""
    pairs = zip(found, expected, strict=True)
    far = max(abs(a - b) / max(abs(b), 1e-12) if math.isfinite(a) else math.inf for a, b in pairs)
    return f"{far:.1e} apart", far <= tolerance
