"""Where and how a run was made: commit, whether the code was clean, the lock; and the parts of a resumed run."""

import hashlib
import re
import subprocess

import pytest
import torch

from marginmix.training import checkpoints
from marginmix.training import provenance as module
from marginmix.training.provenance import CODE, COMPUTED, code_version, provenance
from marginmix.training.trainer import Trainer
from tests.toy_training import toy_trainer

CPU = torch.device("cpu")


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A folder that counts as that of the running code, with a package in it and no git."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name, value in {"CONFIG_GLOBAL": "/dev/null", "CONFIG_SYSTEM": "/dev/null", "AUTHOR_NAME": "a",
                        "AUTHOR_EMAIL": "a@b", "COMMITTER_NAME": "a", "COMMITTER_EMAIL": "a@b"}.items():  # fmt: skip
        monkeypatch.setenv(f"GIT_{name}", value)
    code_version.cache_clear()
    yield tmp_path
    code_version.cache_clear()


def git(folder, *arguments) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(code):
    """The same under git, committed whole."""
    (code / "marginmix").mkdir()
    for name in ("marginmix/step.py", "pyproject.toml", "uv.lock", "README.md"):
        (code / name).write_text("committed\n")
    git(code, "init", "-q")
    git(code, "add", ".")
    git(code, "commit", "-q", "-m", "all")
    return code


def test_a_clean_tree_is_its_commit(repository):
    head = git(repository, "rev-parse", "HEAD")
    assert re.fullmatch("[0-9a-f]{40}", head)
    assert code_version() == {"commit": head, "clean": True}


@pytest.mark.parametrize("name", ["marginmix/step.py", "uv.lock", "pyproject.toml", "marginmix/new.py"])
def test_changed_code_is_not_its_commit(repository, name):
    (repository / name).write_text("changed\n")
    assert code_version() == {"commit": git(repository, "rev-parse", "HEAD"), "clean": False}


def test_deleted_and_staged_code_is_not_its_commit(repository):
    git(repository, "rm", "-q", "marginmix/step.py")
    assert code_version()["clean"] is False


@pytest.mark.parametrize("name", ["README.md", "results.csv", "workflow/config.yaml"])
def test_what_decides_no_bits_may_change(repository, name):
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("changed\n")
    assert code_version()["clean"] is True
    assert not {name.partition("/")[0]} & set(CODE)


def test_without_git_nothing_is_known(code, monkeypatch):
    assert code_version() == {"commit": None, "clean": None}
    code_version.cache_clear()
    (code / ".git").mkdir()  # a checkout, and no program to read it
    monkeypatch.setenv("PATH", str(code))
    assert code_version() == {"commit": None, "clean": None}


def test_a_repository_around_an_installed_package_is_not_its_own(repository, monkeypatch):
    """Of a package in a virtual environment within somebody's repository, their commit says nothing."""
    inner = repository / "environment" / "site-packages"
    inner.mkdir(parents=True)
    monkeypatch.setattr(module, "ROOT", inner)
    assert code_version() == {"commit": None, "clean": None}


def test_the_lock_is_told_by_its_hash(code):
    assert provenance(CPU, "eager")["lock"] is None
    (code / "uv.lock").write_bytes(b"pins\n")
    assert provenance(CPU, "eager")["lock"] == hashlib.sha256(b"pins\n").hexdigest()[:16]


def test_what_is_told():
    found = provenance(CPU, "eager")
    assert set(COMPUTED) < set(found) and (found["device"], found["execution"]) == ("cpu", "eager")
    assert found["torch"] == torch.__version__ and found["threads"] == torch.get_num_threads()
    assert found["driver"] is None and re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])


def made(method: str = "mixmatch") -> Trainer:
    return toy_trainer(method)


def resumed(*parts: dict) -> Trainer:
    """A trainer that takes up a state with these parts."""
    trainer = made()
    trainer.load_state({**trainer.state(), "provenance": list(parts)})
    return trainer


@pytest.mark.parametrize("name", COMPUTED)
def test_parts_that_differ_in_what_computes_are_both_kept(name):
    here = made().provenance[0]
    there = {**here, name: "another"}
    assert resumed(there).provenance == [there, here]
    assert resumed(there, here).provenance == [there, here], "here a second time is here once"
    assert resumed(here, there).provenance == [there, here], "the last part is the last"


@pytest.mark.parametrize("name", ["date", "python", "marginmix"])
def test_parts_that_differ_in_nothing_else_are_one(name):
    here = made().provenance[0]
    assert name in here and name not in COMPUTED
    assert resumed({**here, name: "another"}).provenance == [here]


def test_a_part_of_before_that_told_less_is_another():
    here = made().provenance[0]
    assert resumed({"device": "cpu"}).provenance == [{"device": "cpu"}, here]


def test_the_parts_go_through_a_checkpoint(tmp_path):
    trainer = resumed({**made().provenance[0], "name": "a GPU"})
    checkpoints.save(tmp_path, trainer.state(), "id")
    assert checkpoints.load(tmp_path, "id")["provenance"] == trainer.provenance
