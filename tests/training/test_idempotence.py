"""`marginmix train` a second time: it returns, resumes, waits or refuses, and never loses what is there."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from marginmix.cli import main
from marginmix.runs import paths
from marginmix.training import checkpoints, running
from marginmix.training.locks import only_one
from marginmix.training.progress import Progress
from tests.toy_training import METHODS
from tests.training.specs import Place

ROOT = Path(__file__).parents[2]
FORK = multiprocessing.get_context("fork")  # a new interpreter would import torch each time
LONG = {"steps": 12, "evaluations": 6, "samples": 3, "diagnosed": 6, "snapshots": [0.25, 0.75, 1.0]}
BYTES = ("metrics.csv", "model.pt", "observations.npz", "split.json")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def kept(place, out="out"):
    """Content and time of every file of a run, but of its lock."""
    files = [path for path in (place.folder / out).rglob("*") if path.is_file() and path.name != ".lock"]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_finished_run_is_returned_at_once_and_without_torch(place):
    assert place.train() == 0
    before = kept(place)
    code = "import sys; from marginmix.cli import main; code = main(sys.argv[1:]); print(code, 'torch' in sys.modules)"
    call = [sys.executable, "-c", code, "train", str(place.folder / "spec.json"), "--out", str(place.out)]
    done = subprocess.run(call, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "0 False\n", done.stderr
    accuracy = json.loads(place.read("result.json"))["accuracy"]
    assert done.stderr == f"mine/6/0 m: already finished, {accuracy:.2f} %\n"
    assert kept(place) == before


def test_a_run_of_which_a_file_is_missing_is_made_again_to_the_same_bytes(place):
    assert place.train() == 0
    first = {name: place.read(name) for name in BYTES}
    (place.out / "model.pt").unlink()
    assert place.train() == 0
    assert first == {name: place.read(name) for name in BYTES}


def test_other_names_or_more_observation_do_not_make_it_stale(place):
    assert place.train() == 0
    before = kept(place)
    assert place.train(evaluations=6, samples=4, diagnosed=6, snapshots=[1.0]) == 0
    assert place.train("--device", "auto", "--threads", "2") == 0
    assert kept(place) == before


def test_same_command_same_bytes(place):
    """In two folders, and again with --anew in one of them; result.json differs in its times alone."""
    settings = {"samples": 3, "diagnosed": 6, "snapshots": [0.5, 1.0]}
    assert place.train(**settings) == 0 and place.train(out="other", **settings) == 0
    first = {name: place.read(name) for name in BYTES}
    assert first == {name: place.read(name, "other") for name in BYTES}
    made = (place.out / "result.json").stat().st_mtime_ns
    assert place.train("--anew", **settings) == 0
    assert (place.out / "result.json").stat().st_mtime_ns > made, "asked for anew, it is made anew"
    assert first == {name: place.read(name) for name in BYTES}
    results = [json.loads(place.read("result.json", out)) for out in ("out", "other")]
    for result in results:
        result["wall_seconds"] = result["provenance"][0]["date"] = result["digest"] = None
    assert results[0] == results[1]


@pytest.mark.parametrize("more", [(), ("--anew",)])
def test_another_run_in_the_folder_is_refused_and_nothing_is_lost(place, capsys, more):
    assert place.train() == 0
    before = kept(place)
    capsys.readouterr()
    assert place.train(*more, lambda_u=3.0) == 1
    found, expected = place.spec().identity, place.spec(lambda_u=3.0).identity
    assert capsys.readouterr().err == (
        f"error: {place.out}/result.json: expected run {expected}, found run {found}; choose another --out, or move "
        "this folder\n"
    )
    assert kept(place) == before


def test_an_error_leaves_earlier_results_alone(place):
    assert place.train() == 0
    before = kept(place)
    assert place.train(network="resnet") == 1
    assert place.train("--anew", "--threads", "0") == 1
    assert kept(place) == before


def train_until_killed(place, step):
    """Keep a checkpoint at each evaluation; end by SIGKILL at a step."""
    running.CHECKPOINT_S = 0.0

    class Killing(Progress):
        def __call__(self, trainer):
            if trainer.completed == step:
                os.kill(os.getpid(), signal.SIGKILL)

    running.Progress = Killing
    place.train(**LONG)


def test_a_killed_run_resumes_and_ends_in_the_same_bytes(place, capsys):
    torch.set_num_threads(1)
    assert place.train(out="straight", **LONG) == 0
    for step, last in ((5, 4), (11, 10)):
        killed = FORK.Process(target=train_until_killed, args=(place, step))
        killed.start()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL and not (place.out / "result.json").exists()
        assert checkpoints.load(place.out / "checkpoints", place.spec(**LONG).identity)["completed"] == last
    capsys.readouterr()
    assert place.train(**LONG) == 0
    assert "mine/6/0 m: resuming from step 10\n" in capsys.readouterr().err
    assert [place.read(name) for name in BYTES] == [place.read(name, "straight") for name in BYTES]
    assert len(json.loads(place.read("result.json"))["provenance"]) == 1, "resumed in the same place: one part"
    assert not (place.out / "checkpoints").exists()


def test_damaged_checkpoints_are_told_of_once_and_the_run_begins_anew(place, capsys):
    (place.out / "checkpoints").mkdir(parents=True)
    for name in ("newest.pt", "older.pt"):
        (place.out / "checkpoints" / name).write_bytes(b"no checkpoint")
    assert place.train() == 0
    told = capsys.readouterr().err
    assert told.count("is damaged") == 2 and told.count("no usable checkpoint in") == 1
    assert "resuming" not in told and json.loads(place.read("result.json"))["evaluated"] == 3


def test_the_checkpoint_of_another_run_is_refused_and_kept(place, capsys):
    killed = FORK.Process(target=train_until_killed, args=(place, 5))
    killed.start()
    killed.join()
    before = kept(place)
    assert place.train() == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "newest.pt belongs to another recipe" in error and place.spec().identity in error
    assert kept(place) == before


def test_a_twin_waits_and_takes_the_result_of_the_run_it_waited_for(place, capsys):
    assert place.train() == 0
    before = kept(place)
    held, release = threading.Event(), threading.Event()

    def hold():
        with only_one(place.out):
            held.set()
            release.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    threading.Timer(0.5, release.set).start()
    assert place.train("--anew") == 0  # as two jobs of one `rebuild` would
    holder.join()
    assert f"{place.out} is in use by another process; waiting for it" in capsys.readouterr().err
    assert kept(place) == before


def test_a_place_that_cannot_be_written_to_is_refused_before_training(place, capsys, monkeypatch):
    monkeypatch.setattr(running, "_train", lambda *_: pytest.fail("it was trained"))
    (place.folder / "file").write_text("regular")
    out = place.folder / "file" / "out"
    assert place.train(out="file/out") == 1
    assert capsys.readouterr().err == (
        f"error: cannot write to {out}: Not a directory; make room or choose another place\n"
    )
    assert (place.folder / "file").read_text() == "regular"


def test_changed_data_are_refused_by_name(place, capsys):
    spec = place.write()
    image = next((place.folder / "data/train").glob("*/*"))
    image.unlink()
    capsys.readouterr()
    assert main(["train", spec, "--out", str(place.out)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("error: mine: expected data ")
    assert f"at {place.folder}/data; the images or labels have changed since the spec was written" in error
    assert not (place.out / paths.RESULT).exists()


LOOKS = [{"evaluations": 6}, {"evaluations": 1, "score_window": 1}, {"samples": 4}, {"snapshots": [0.34, 1.0]},
         {"diagnosed": 12}, {"score_window": 3}]  # fmt: skip


@pytest.mark.parametrize("method", ["marginmix", "mixup", "supervised"])
def test_observation_changes_no_bit_of_the_weights(place, method):
    assert place.train(method=METHODS[method]) == 0
    plain = torch.load(place.out / "model.pt", weights_only=True)
    for i, looks in enumerate(LOOKS):
        out = f"out{i}"
        assert place.train(method=METHODS[method], out=out, **looks) == 0
        model = torch.load(place.folder / out / "model.pt", weights_only=True)
        for part in ("network", "method"):
            assert model[part].keys() == plain[part].keys()
            assert all(torch.equal(tensor, model[part][name]) for name, tensor in plain[part].items()), looks
        identities = [json.loads(place.read("result.json", o))["identity"] for o in ("out", out)]
        assert identities[0] == identities[1]
