"""Fixtures for all tests."""

import os

# Before torch is imported: one test, one core. `make test` runs as many tests at a time as there are cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path

import pytest

from marginmix.datasets import Prepared, prepare


@pytest.fixture
def prepare_here(tmp_path: Path) -> Callable[..., Prepared]:
    """`prepare` of a tiny dataset that lies at tmp_path / "data", its counts not verified."""

    def call(name: str, **options) -> Prepared:
        options = {"root": tmp_path / "data", "verify_counts": False, **options}
        return prepare(name, data_root=tmp_path / "none", cache=tmp_path / "cache", **options)

    return call


@pytest.fixture
def real_data() -> Path:
    """The folder with the real FER+ and CIFAR-10 images; skips the test where there is none."""
    place = os.environ.get("MARGINMIX_TEST_DATA")
    if not place:
        pytest.skip("set MARGINMIX_TEST_DATA to a folder with FER2013Train/… and train/, test/ to run this test")
    return Path(place)
