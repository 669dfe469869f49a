"""Planning in a folder of its own, where nothing can be decoded."""

import pytest

from marginmix.runs.plan import Plan
from tests.runs.experiment import loaded


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """A function of overrides: the plan of the experiment `some` in tmp_path. To decode anything is an error."""

    def decoded(*_, **__):
        raise AssertionError("planning must not decode a dataset")

    monkeypatch.setattr("marginmix.datasets.prepare", decoded)
    monkeypatch.setattr("marginmix.datasets.cache.prepare", decoded)
    monkeypatch.chdir(tmp_path)

    def call(published="published", **overrides):
        return Plan(loaded(tmp_path / "workflow", **overrides), str(tmp_path / published))

    return call
