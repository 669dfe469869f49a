"""The scripts of the workflow lie in no package: Snakemake runs them from their folder."""

import sys
from pathlib import Path

import pytest

from marginmix.runs import plan

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))


@pytest.fixture
def top(tmp_path, monkeypatch):
    """The folder in which results/ lies."""
    monkeypatch.chdir(tmp_path)
    plan._published_rows.cache_clear()
    return tmp_path
