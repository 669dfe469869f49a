"""Fakes of what a GPU would do, for a machine without one: devices as CUDA lists them, and graphs as CUDA records them.

Nothing here computes on a GPU. The tests that use it hold our bookkeeping to what CUDA is documented to do.
"""

import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch

from marginmix.training import devices, leases


@dataclass
class FakeMachine:
    """GPUs by UUID, in the order of CUDA's ordinals, and MIG instances by name.

    `major`: compute capability by UUID, 9 where it is missing. `broken`: those on which the first operation fails.
    """

    uuids: tuple[str, ...] = ("aa", "bb")
    major: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    instances: tuple[str, ...] = ()
    started: list[str] | None = None
    """What CUDA shows to this process, once it has started."""
    patch: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)

    def new_process(self) -> None:
        """From here on this process is one that has neither started CUDA nor taken a GPU."""
        self.started = None
        self.patch.setattr(leases, "_held", {})
        self.patch.delenv(leases.HANDED_DOWN, raising=False)
        devices._say.cache_clear()
        for name, function in {
            "is_available": self.available,
            "is_initialized": lambda: self.started is not None,
            "init": self.start,
            "device_count": lambda: len(self.started),
            "get_device_properties": self.properties,
        }.items():
            self.patch.setattr(torch.cuda, name, function)
        self.patch.setattr(devices, "_try_out", self.try_out)

    def start(self) -> None:
        """CUDA reads CUDA_VISIBLE_DEVICES once: ordinals or UUIDs up to the first that is none, or one MIG instance."""
        if self.started is None:
            self.started = self._visible(os.environ.get("CUDA_VISIBLE_DEVICES"))

    def _visible(self, text: str | None) -> list[str]:
        if text is None:
            return list(self.uuids)
        entries, found = [entry.strip() for entry in text.split(",")], []
        if entries[0].startswith("MIG-"):
            return [entry for entry in entries[:1] if entry in self.instances]
        for entry in entries:
            if entry.startswith("GPU-") and entry[4:] in self.uuids:
                found.append(entry[4:])
            elif entry.isdecimal() and int(entry) < len(self.uuids):
                found.append(self.uuids[int(entry)])
            else:
                break
        return found

    def available(self) -> bool:
        self.start()
        return bool(self.started)

    def properties(self, index: int) -> SimpleNamespace:
        uuid = self.started[index]
        return SimpleNamespace(uuid=uuid, major=self.major.get(uuid, 9), name=f"Fake {uuid}")

    def try_out(self, device: torch.device) -> None:
        if (uuid := self.started[device.index]) in self.broken:
            raise RuntimeError(f"CUDA error: uncorrectable ECC error encountered on {uuid}\nmore")


@pytest.fixture
def machine(monkeypatch, tmp_path) -> FakeMachine:
    """Two GPUs that nothing hides, locks in a folder of the test's own, and no waiting of half a second."""
    for name in ("CUDA_VISIBLE_DEVICES", devices.SLOTS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(leases, "FOLDER", tmp_path / "leases")
    monkeypatch.setattr(leases, "POLL_S", 0.005)
    found = FakeMachine(patch=monkeypatch)
    found.new_process()
    return found


class FakeGraph:
    """Stands in for CUDA's graphs, streams and their contexts: recording runs the function with `recording` set;
    replaying counts. Unlike CUDA it computes while it records. `end_error`: what ending a recording raises."""

    recording, replays, streams, end_error = False, 0, 0, None

    def replay(self):
        FakeGraph.replays += 1

    def wait_stream(self, other):
        pass

    def __enter__(self):
        FakeGraph.recording = True

    def __exit__(self, *_):
        FakeGraph.recording = False
        if FakeGraph.end_error:
            raise FakeGraph.end_error


@pytest.fixture
def graphs(monkeypatch) -> type[FakeGraph]:
    def stream():
        FakeGraph.streams += 1
        return FakeGraph()

    for name, value in {"replays": 0, "streams": 0, "end_error": None}.items():
        monkeypatch.setattr(FakeGraph, name, value)
    monkeypatch.setattr(torch.cuda, "Stream", stream)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)
    monkeypatch.setattr(torch.cuda, "current_stream", FakeGraph)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: graph)
    return FakeGraph
