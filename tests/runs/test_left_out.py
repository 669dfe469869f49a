"""What this machine cannot make is left out with its reason; planning writes nothing, and stays linear."""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from marginmix import datasets
from marginmix.errors import UserError
from marginmix.runs.key import RunKey
from marginmix.runs.plan import Plan
from tests.runs.experiment import SOME, decode, finish, loaded, publish

RUN = RunKey("some", "digits", 20, "sharp", 0)
MINE = RunKey("some", "mine", 8, "sharp", 3)
NO_IMAGES = (
    "mine: expected train in one of: /somewhere (no such folder); found none; "
    "put your images there as train/<class>/* and test/<class>/*, optionally unlabelled/* and valid/<class>/*"
)
NO_GPU = (
    "experiment some needs a GPU (device: cuda), found none; run it on a machine with one, or try --config "
    "experiment=quick, which takes minutes on a CPU"
)
NOT_FINISHED = "not finished: it failed, was stopped or has not been started; see logs/train, and run Snakemake again"


@pytest.fixture
def gpu(monkeypatch):
    """A function that says whether a GPU is to be found."""

    def say(is_here):
        monkeypatch.setattr("marginmix.runs.plan.gpu_here", lambda: is_here)

    return say


@pytest.fixture
def nobody_looks(monkeypatch):
    def looked():
        raise AssertionError("no GPU may be looked for")

    monkeypatch.setattr("marginmix.runs.plan.gpu_here", looked)


def test_without_its_images_a_run_is_left_out_and_the_rest_is_made(plan):
    found = plan()
    assert found.left_out == {MINE: NO_IMAGES}
    assert [run.key for run in found.to_make] == [key for key in found.runs if key != MINE]
    assert found.anything_to_show


def test_without_a_gpu_runs_that_want_one_are_left_out(plan, gpu):
    gpu(False)
    found = plan(device="cuda")
    assert found.left_out == {key: NO_IMAGES if key == MINE else NO_GPU for key in found.runs}
    assert found.to_make == [] and not found.anything_to_show
    gpu(True)
    assert list(plan(device="cuda").left_out) == [MINE]


def test_without_a_gpu_what_is_finished_or_published_is_shown(plan, gpu, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN._replace(seed=1)], "d1")
    gpu(False)
    found = plan(device="cuda")
    assert RUN._replace(seed=1) not in found.left_out, "published, and its data are not decoded yet"
    decode(found, "digits", "d1")
    finish(found, RUN, "d1")
    found = plan(device="cuda")
    assert set(found.runs) - set(found.left_out) == {RUN, RUN._replace(seed=1)}
    assert [run.key for run in found.to_make] == [RUN]
    anew = plan(device="cuda", rebuild=True)
    assert set(anew.left_out) == set(anew.runs), "without a GPU nothing can be made anew"


def test_rebuild_without_a_gpu_asks_for_no_run_before_the_data_are_decoded_either(plan, gpu, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN], "d1")
    gpu(False)
    assert RUN in plan(device="cuda", rebuild=True).left_out


@pytest.mark.parametrize("given", [{"device": "cpu"}, {"device": "auto"}, {"device": "cuda", "gpus": "remote"}])
def test_no_gpu_is_looked_for_where_none_is_needed_or_it_is_remote(plan, nobody_looks, given):
    assert list(plan(**given).left_out) == [MINE]


def test_only_finished_leaves_out_what_is_not(plan):
    found = plan(only="finished")
    assert found.left_out == {key: NO_IMAGES if key == MINE else NOT_FINISHED for key in found.runs}
    decode(found, "digits", "d1")
    finish(found, RUN, "d1")
    assert RUN not in found.left_out, "reckoned again, since the data were decoded meanwhile"
    assert [run.key for run in plan(only="finished").to_make] == [RUN]


def test_missing_fail_refuses_before_anything(plan):
    found = plan(missing="fail")
    with pytest.raises(UserError) as refused:
        found.refuse_lack()
    assert str(refused.value) == f"1 of 9 runs cannot be made here (missing: fail): {NO_IMAGES}"
    plan(missing="skip").refuse_lack()
    finish(found, MINE, "d1")
    plan(missing="fail").refuse_lack()


def test_missing_fail_names_every_reason_once(plan, gpu):
    gpu(False)
    with pytest.raises(UserError) as refused:
        plan(missing="fail", device="cuda").refuse_lack()
    assert str(refused.value) == f"9 of 9 runs cannot be made here (missing: fail): {NO_GPU}. {NO_IMAGES}"


def test_the_summary_literally(plan, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN, RUN._replace(seed=1)], "d1")
    found = plan()
    decode(found, "digits", "d1")
    finish(found, RUN, "d1")  # published too, and counted once
    finish(found, RUN._replace(method="supervised"), "d1")
    left_out = f"left out: 1 runs (mine): {NO_IMAGES}"
    counts = "experiment some: 9 runs, 2 finished here, 1 published"
    assert found.summary() == [f"{counts}, 5 to train, 1 left out", left_out]
    assert found.reasons() == [left_out]
    assert plan(rebuild=True).summary() == [f"{counts}, 8 to train, 1 left out", left_out]


def test_reasons_literally(plan, gpu):
    gpu(False)
    found = plan(device="cuda", datasets={"faces": {"labels": [70]}})
    assert found.reasons() == [
        f"left out: 12 runs (digits, faces): {NO_GPU}",
        f"left out: 1 runs (mine): {NO_IMAGES}",
    ]
    assert found.summary()[1:] == found.reasons()


def test_a_prior_that_feeds_itself_is_warned_of_once_a_method(plan):
    marginmix = {"method_class": "marginmix.methods.marginmix:MarginMix"}
    soft = {**marginmix, "recipe": {"membership_temperature": 1}}
    fixed = {**marginmix, "recipe": {"prior_source": "labelled"}}
    found = plan(methods={"marginmix": marginmix, "soft": soft, "fixed": fixed}).warnings()
    assert [line.partition(";")[0] for line in found] == [
        "warning: marginmix: prior_exponent / membership_temperature is 2"
    ]
    assert plan().warnings() == []


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file but the experiment's own, which the fixture writes."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "some.yaml"]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_planning_writes_nothing_and_decodes_nothing(plan, tmp_path, monkeypatch):
    """The fixture `plan` makes decoding an error; a download is one here, too."""
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("planning must not use the network"))
    publish(tmp_path / "published", plan("none"), [RUN], "d1")
    first = plan()
    decode(first, "digits", "d1")
    folder = finish(first, RUN, "d1")
    before = listing(tmp_path)
    for changes in ({}, {"rebuild": True}, {"only": "finished"}, {"datasets": {"svhn": {"labels": [250]}}}):
        found = plan(**changes)
        found.refuse_lack()
        for dataset in dict.fromkeys(key.dataset for key in found.runs):
            found.dataset_arguments(dataset)
            found.report(dataset)
        found.spec_text(RUN, folder)
        assert found.summary() and found.to_make and found.reasons() is not None and found.anything_to_show
    assert listing(tmp_path) == before


MANY = SOME.replace("root: /somewhere, methods: [sharp], seeds: [3]", "root: /somewhere").replace("[20, 50]", "[20]")


def counted(tmp_path, monkeypatch, seeds: int) -> tuple[Counter, int]:
    """What planning 4 * `seeds` runs calls, half of them of an absent dataset, and how often a run is looked at."""
    monkeypatch.chdir(tmp_path)
    looked_at, calls = 0, Counter()

    class Counted(dict):
        def values(self):
            nonlocal looked_at
            for value in super().values():
                looked_at += 1
                yield value

    def profile(_, event, __):
        if event in ("call", "c_call"):
            calls[event] += 1

    config = loaded(tmp_path / f"workflow-{seeds}", MANY, seeds=list(range(seeds)))
    asked = Counter()
    for module, name in ((datasets, "report_key"), (os, "scandir")):
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, n=name, f=function: (asked.update([n]), f(*a))[1])
    sys.setprofile(profile)
    try:
        found = Plan(config, str(tmp_path / "published"))
        found.runs = Counted(found.runs)
        assert len(found.runs) == 4 * seeds
        found.refuse_lack()
        assert len(found.summary()) == 2 and len(found.to_make) == len(found.left_out) == 2 * seeds
    finally:
        sys.setprofile(None)
    assert asked["report_key"] == 2, "files are listed once a dataset"
    return calls, looked_at


def test_2000_runs_are_planned_with_ten_times_the_calls_of_200(tmp_path, monkeypatch):
    few, looked_at_few = counted(tmp_path, monkeypatch, 50)
    many, looked_at_many = counted(tmp_path, monkeypatch, 500)
    assert many["call"] < 11 * few["call"] and many["c_call"] < 11 * few["c_call"]
    assert looked_at_many < 11 * looked_at_few
