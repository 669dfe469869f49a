"""A checkpoint is used to the bit as it was written, or not at all."""

import contextlib
import errno
import hashlib
import io
import os
import pathlib

import pytest
import torch

from marginmix.errors import UserError
from marginmix.training import checkpoints


def state(completed: int) -> dict:
    weights = torch.randn(3, 700, generator=torch.Generator().manual_seed(completed))
    return {"completed": completed, "weights": weights, "history": [{"loss": 0.5}]}


@pytest.fixture
def folder(tmp_path):
    """Two generations of the run "id", after 1 and 2 steps."""
    for completed in (1, 2):
        checkpoints.save(tmp_path / "run", state(completed), "id")
    return tmp_path / "run"


def flip(path, position: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


def test_what_is_saved_is_loaded(folder):
    loaded = checkpoints.load(folder, "id")
    assert loaded["completed"] == 2 and torch.equal(loaded["weights"], state(2)["weights"])
    assert sorted(path.name for path in folder.iterdir()) == ["newest.pt", "older.pt"]


def test_a_flipped_bit_anywhere_is_noticed_and_the_older_one_used(folder, capsys):
    newest = folder / checkpoints.NEWEST
    content = newest.read_bytes()
    header = range(checkpoints.HEADER_LENGTH)
    spread = range(checkpoints.HEADER_LENGTH, len(content), len(content) // 60)
    tail = range(len(content) - 30, len(content))
    assert content[header.stop - 1 : header.stop] == b"\n" and len(spread) >= 50
    for count, position in enumerate([*header, *spread, *tail]):
        flip(newest, position, count % 8)
        assert checkpoints.load(folder, "id")["completed"] == 1, position
        told = capsys.readouterr().err
        assert str(newest) in told and "damaged" in told and told.count("\n") == 1
        newest.write_bytes(content)
    assert checkpoints.load(folder, "id")["completed"] == 2


@pytest.mark.parametrize("length", [0, 10, 80, 1000, -1])
def test_a_cut_checkpoint_is_passed_over(folder, length, capsys):
    newest = folder / checkpoints.NEWEST
    newest.write_bytes(newest.read_bytes()[:length])
    assert checkpoints.load(folder, "id")["completed"] == 1
    assert "damaged" in capsys.readouterr().err


def test_a_file_without_a_digest_counts_as_damaged(folder):
    torch.save({"identity": "id", "state": state(2)}, folder / checkpoints.NEWEST)
    assert checkpoints.load(folder, "id")["completed"] == 1


def test_that_none_is_usable_is_told(folder, capsys):
    for name in (checkpoints.NEWEST, checkpoints.OLDER):
        flip(folder / name, 500)
    assert checkpoints.load(folder, "id") is None
    *damaged, last = capsys.readouterr().err.splitlines()
    assert len(damaged) == 2
    assert last == f"no usable checkpoint in {folder}: the run starts from its beginning"


def test_no_checkpoint_is_no_damage(tmp_path, capsys):
    assert checkpoints.load(tmp_path, "id") is None
    assert capsys.readouterr().err == ""


def test_a_damaged_checkpoint_does_not_push_out_the_older_one(folder):
    flip(folder / checkpoints.NEWEST, 500)
    checkpoints.save(folder, state(3), "id")
    flip(folder / checkpoints.NEWEST, 500)
    assert checkpoints.load(folder, "id")["completed"] == 1


def test_code_in_a_checkpoint_is_not_run(folder, tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    buffer = io.BytesIO()
    torch.save({"identity": "id", "state": Trap()}, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    content = f"marginmix checkpoint, sha256 {digest}\n".encode() + buffer.getvalue()
    (folder / checkpoints.NEWEST).write_bytes(content)
    assert checkpoints.load(folder, "id")["completed"] == 1
    assert not (tmp_path / "trapped").exists()
    assert "does not read it (UnpicklingError); passing it over" in capsys.readouterr().err


def test_a_full_disk_leaves_both_generations(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*/run/next.pt \([\d,]+ bytes\): No space left on device; make"):
        checkpoints.save(folder, state(3), "id")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("count", range(10))
def test_whatever_kills_the_writer_a_whole_checkpoint_is_left(folder, monkeypatch, count):
    """Killed at any call that changes a file, a write of a half included: the last state or the new one is read, and a
    newest.pt that is there is whole."""
    calls = iter(range(100))

    def killed(function, half=None):
        def call(*arguments, **more):
            if next(calls) == count:
                if half:
                    half(*arguments)
                raise KeyboardInterrupt
            return function(*arguments, **more)

        return call

    write = pathlib.Path.write_bytes

    def halved(path, data):
        write(path, data[: len(data) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(pathlib.Path, "write_bytes", killed(write, halved))
        for owner, name in ((os, "replace"), (os, "fsync"), (os, "chmod"), (pathlib.Path, "replace")):
            patched.setattr(owner, name, killed(getattr(owner, name)))
        with contextlib.suppress(KeyboardInterrupt):
            checkpoints.save(folder, state(3), "id")
    assert checkpoints.load(folder, "id")["completed"] in (2, 3)
    if (folder / checkpoints.NEWEST).exists():
        assert checkpoints._is_intact(folder / checkpoints.NEWEST)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*/file/run/next.pt \([\d,]+ bytes\): Not a directory"):
        checkpoints.save(tmp_path / "file" / "run", state(1), "id")
