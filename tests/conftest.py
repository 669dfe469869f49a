"""Fixtures for all tests."""

import os

# Before torch is imported: one test, one core. `make test` runs as many tests at a time as there are cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from marginmix.datasets import Prepared, prepare


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests side by side (`-n 2`): those of a file that share a fixture stay in one process, files of many such tests
    first; any other test goes where there is room."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Sharing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if shares_a_fixture(config.rootpath / file) else nodeid

    return Sharing(config, log)


@cache
def shares_a_fixture(file: Path) -> bool:
    return '@pytest.fixture(scope="module")' in file.read_text()


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
