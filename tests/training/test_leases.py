"""GPUs are lent one job at a time, by locks of real processes. The GPUs themselves are names."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from marginmix.errors import UserError
from marginmix.training import leases

pytest_plugins = "tests.fake_cuda"
FORK = multiprocessing.get_context("fork")  # a new interpreter would import torch each time
pytestmark = pytest.mark.usefixtures("machine")


class Holder:
    """A process that takes one of the GPUs and holds it until it is killed."""

    def __init__(self, names, slots):
        self._receive, send = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=self._hold, args=(names, slots, send))
        self.process.start()
        send.close()

    @staticmethod
    def _hold(names, slots, send):
        send.send(leases.take(names, slots))
        signal.pause()

    def got(self, within_s=10.0):
        """The GPU; None where it got none in time."""
        return self._receive.recv() if self._receive.poll(within_s) else None

    def kill(self):
        self.process.kill()
        self.process.join()


@pytest.fixture
def start():
    holders = []

    def call(names, slots=1):
        holders.append(Holder(names, slots))
        return holders[-1]

    yield call
    for holder in holders:
        holder.kill()


def test_every_gpu_gets_a_first_job_before_any_a_second(start):
    holders, lent = [], []
    for _ in range(4):
        holders.append(start(["a", "b"], 2))
        lent.append(holders[-1].got())
    assert lent == ["a", "b", "a", "b"]
    fifth = start(["a", "b"], 2)
    assert fifth.got(0.1) is None
    holders[1].kill()
    assert fifth.got() == "b"


@pytest.mark.parametrize("kills", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_random_kills_never_lend_a_slot_twice_nor_lose_one(kills, start):
    """Seven processes at a time want five slots: three GPUs, of which two of this user's jobs see only some."""
    chance, slots = random.Random(0), 2
    views = [["a", "b", "c"], ["b", "c"], ["a"]]
    alive = [start(chance.choice(views), slots) for _ in range(7)]
    held = {}
    for _ in range(kills):
        for holder in alive:
            if holder not in held and (gpu := holder.got(0)):
                held[holder] = gpu
        assert all(list(held.values()).count(gpu) <= slots for gpu in "abc")
        victim = chance.choice(alive)  # with or without a GPU, or taking it just now
        alive.remove(victim)
        victim.kill()
        held.pop(victim, None)
        alive.append(start(chance.choice(views), slots))
    for holder in alive:
        holder.kill()
    last = [start([gpu], slots) for gpu in "abc" for _ in range(slots)]
    assert [holder.got() for holder in last] == [*"aabbcc"]


def test_a_second_call_gets_what_this_process_holds():
    assert leases.take(["a", "b"], 1) == leases.take(["b", "a"], 1) == "a"


def test_a_child_uses_its_parents_gpu_and_a_child_of_a_dead_one_takes_its_own(start, monkeypatch):
    """The child is a new program, as benchmarks start them: it has the environment and no open file of its parent."""
    leases.take(["a"], 1)
    code = (
        "import pathlib, sys; from marginmix.training import leases; leases.FOLDER = pathlib.Path(sys.argv[1]);"
        "print(leases.take(['a'], 1), list(leases._held))"
    )
    call = [sys.executable, "-c", code, str(leases.FOLDER)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["a", "[]"]
    dead = FORK.Process(target=int)
    dead.start()
    dead.join()
    leases.release("a")
    monkeypatch.setenv(leases.HANDED_DOWN, f"a {dead.pid}")
    assert leases.take(["a"], 1) == "a" and list(leases._held) == ["a"]
    assert start(["a"]).got() == "a", "a fork of this process is its child"


def test_what_is_released_is_free(start, machine):
    leases.take(["a"], 1)
    leases.release("a")
    other = start(["a"])
    assert other.got() == "a"
    machine.new_process()
    assert leases.take(["a", "b"], 1) == "b"


def test_a_marked_gpu_is_skipped_for_a_while_and_said_so(start, monkeypatch, capfd):
    leases.FOLDER.mkdir()
    leases.mark("MIG-a/1", "ECC")
    assert leases.take(["MIG-a/1", "b"], 1) == "b"
    waiting = start(["MIG-a/1"])
    assert waiting.got(0.1) is None
    file = leases.FOLDER / "MIG-a_1.failed"
    long_ago = time.time() - leases.SKIP_S - 1
    os.utime(file, (long_ago, long_ago))
    assert waiting.got() == "MIG-a/1"
    line = leases._why_skipped("MIG-a/1")
    assert line is None
    leases.mark("c", "ECC")
    assert leases._why_skipped("c") == (
        f"GPU c failed 0 s ago (ECC) and is skipped for 600 s; delete {leases.FOLDER / 'c.failed'} to try it now"
    )


def test_a_lock_that_a_cleaner_deletes_between_open_and_lock_is_no_lease(monkeypatch):
    leases.FOLDER.mkdir()
    lock = leases.fcntl.flock
    monkeypatch.setattr(leases.fcntl, "flock", lambda *call: (leases.FOLDER / "a.0").unlink() or lock(*call))
    assert leases._locked(leases.FOLDER / "a.0") is None


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(leases, "FOLDER", tmp_path / "file" / "leases")
    with pytest.raises(UserError, match="expected a folder for the locks on GPUs, found"):
        leases.take(["a"], 1)


def test_the_folder_is_the_same_whatever_tmpdir_says(tmp_path):
    code = "from marginmix.training import leases; print(leases.FOLDER)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == f"/tmp/marginmix-gpus-{os.getuid()}"
