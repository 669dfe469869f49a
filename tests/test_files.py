"""Files are whole or as they were before; what cannot be written is told in one line."""

import errno
import os
import stat

import pytest

from marginmix.errors import UserError
from marginmix.files import check_writable, reserve, sync_folder, write_atomically, write_json, writing


def failing(number: int):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


class FullFile:
    """A file on a full disk: opened without complaint, no byte can be written."""

    def __init__(self, descriptor, _):
        os.close(descriptor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_written_whole_and_readable_by_others(tmp_path):
    path = tmp_path / "new" / "text"
    write_atomically(path, "naïve")
    write_atomically(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff" and stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("call", ["write", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_earlier_file_alone(call, number, tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_json(path, "before")
    if call == "write":
        monkeypatch.setattr(FullFile, "write", failing(number), raising=False)
        monkeypatch.setattr(os, "fdopen", FullFile)
    else:
        monkeypatch.setattr(os, call, failing(number))
    with pytest.raises(UserError) as caught:
        write_atomically(path, "ü" * 1000)
    monkeypatch.undo()
    reason = os.strerror(number)
    assert str(caught.value) == f"cannot write {path} (2,000 bytes): {reason}; make room or choose another place"
    assert path.read_text() == '"before"\n' and list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_rename_is_made_to_last(tmp_path, monkeypatch):
    events = []
    replace, fsync = os.replace, os.fsync

    def noted(descriptor):
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "replace", lambda *paths: (events.append("rename"), replace(*paths)))
    write_atomically(tmp_path / "file", "text")
    assert events == ["file", "rename", "folder"]


def test_a_file_system_that_cannot_sync_folders_or_reserve_space_is_good_enough(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"12")
    for number in (errno.EINVAL, errno.EOPNOTSUPP):
        monkeypatch.setattr(os, "fsync", failing(number))
        monkeypatch.setattr(os, "posix_fallocate", failing(number), raising=False)
        sync_folder(tmp_path)
        reserve(tmp_path / "file")
    monkeypatch.delattr(os, "posix_fallocate")
    reserve(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"12"


def test_reserved_space_is_really_there(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(b"head")
        file.truncate(1 << 20)
    reserve(path)
    assert path.stat().st_blocks * 512 >= 1 << 20
    assert path.read_bytes() == b"head" + bytes((1 << 20) - 4)


def test_a_place_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("kept")
    for path in (tmp_path / "file" / "a.json", tmp_path / "file" / "deeper" / "a.json"):
        with pytest.raises(
            UserError, match=r"cannot write .*/a.json \(3 bytes\): Not a directory; make room or choose"
        ):
            write_json(path, {})
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    with writing(tmp_path / "deep" / "folder", 4) as beside:
        (beside / "a").write_text("text")
        assert not (tmp_path / "deep" / "folder").exists()
    assert (tmp_path / "deep" / "folder" / "a").read_text() == "text"
    monkeypatch.setattr(os, "rename", failing(errno.ENOSPC))
    told = r"cannot write the cache .*/other \(1,234 bytes\): No space left on device; make room or set another cache"
    with pytest.raises(UserError, match=told), writing(tmp_path / "deep" / "other", 1234):
        pass
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["folder"]


def test_check_writable(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_check_writable_says_what_is_wrong(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError) as caught:
            check_writable(folder)
        assert str(caught.value) == f"cannot write to {folder}: Not a directory; make room or choose another place"
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(UserError, match="cannot write to .*: No space left on device; make room"):
        check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
