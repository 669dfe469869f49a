"""The scripts of the workflow lie in no package: Snakemake runs them from their folder."""

import sys
from pathlib import Path

import pytest

from marginmix.runs import plan

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Where tests run side by side, those of a file that share a copy stay together: making it takes longest."""
    for item in items:
        if hasattr(item.module, "Copy"):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))


@pytest.fixture
def top(tmp_path, monkeypatch):
    """The folder in which results/ lies."""
    monkeypatch.chdir(tmp_path)
    plan._published_rows.cache_clear()
    return tmp_path
