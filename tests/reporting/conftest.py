"""Every test of reporting that asks for `top` works in a folder of its own."""

import pytest

from marginmix.runs import plan


@pytest.fixture
def top(tmp_path, monkeypatch):
    """The folder in which results/ lies."""
    monkeypatch.chdir(tmp_path)
    plan._published_rows.cache_clear()
    return tmp_path
