"""Publishing: what goes from results/runs into results/published, what is refused, and that it is found again."""

import gzip
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from marginmix.errors import UserError
from marginmix.files import read_json
from marginmix.reporting.finished import read_local
from marginmix.reporting.publish import publish, write_published
from marginmix.reporting.published import Published
from marginmix.reporting.results import of_experiment, of_published
from marginmix.runs import plan as plans
from marginmix.runs.key import RunKey
from tests.fake_runs import config_text, edit, make_plan, make_results, planes, write_run

CONFIG = config_text(datasets="{ferplus: {labels: [320]}}")
PLANNED = 9  # three methods, three seeds


@pytest.fixture
def runs(top):
    """Two seeds of two methods; of one it is not known whether its code was committed."""
    found = {}
    for seed in (0, 1):
        for method, accuracy in (("mixmatch", 60.0), ("marginmix", 63.0)):
            found[method, seed] = write_run(top, "quick", "ferplus", 320, method, seed, accuracy + seed)
    edit(found["mixmatch", 0], lambda record: record["provenance"][0].update(clean=None, commit=None))
    return found


@pytest.fixture
def folder(top):
    return top / "results" / "published"


def publish_again(top, folder, config=CONFIG):
    """As a new process would, which reads the lines of runs.csv anew."""
    plans._published_rows.cache_clear()
    return publish(make_plan(top, config), folder)


def bytes_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_finished_is_published_and_what_is_missing_is_counted(top, runs, folder):
    lines = publish_again(top, folder)
    assert lines[0] == f"quick: 4 runs published, 0 replaced, 5 of {PLANNED} missing"
    assert len(lines) == 5 and f"new: quick/ferplus/320/mixmatch/1 61.00 % ({runs['mixmatch', 1].name})" in lines
    published = Published(folder)
    assert published.problems == []
    keys = [RunKey("quick", "ferplus", 320, method, seed) for method in ("marginmix", "mixmatch") for seed in (0, 1)]
    assert [one.key for one in published.runs] == keys
    for one in published.runs:
        local = read_local(runs[one.key[3:]])
        assert one.record["accuracy"] == local.record["accuracy"] and "files" not in one.record
        curve = local.curve.dropna(axis=1, how="all")
        pd.testing.assert_frame_equal(one.curve.reset_index(drop=True), curve, check_dtype=False)
        assert (one.published, local.published) == (True, False)
    assert set(read_json(folder / "digests.json")) == {"runs.csv", "records.json.gz", "curves.csv.gz", "all"}
    assert json.loads(gzip.decompress((folder / "records.json.gz").read_bytes()))[0]["published"] == {}


def test_publishing_twice_is_the_same_bytes(top, runs, folder):
    publish_again(top, folder)
    before = bytes_in(folder)
    assert publish_again(top, folder) == [f"quick: 0 runs published, 0 replaced, 5 of {PLANNED} missing"]
    assert bytes_in(folder) == before
    shutil.rmtree(top / "results" / "runs")  # as in a clone
    assert publish_again(top, folder) == [f"quick: 0 runs published, 0 replaced, 5 of {PLANNED} missing"]
    assert bytes_in(folder) == before
    write_published(reversed(Published(folder).runs), folder)
    assert bytes_in(folder) == before


def test_the_plan_then_finds_them_and_needs_no_training(top, runs, folder):
    publish_again(top, folder)
    shutil.rmtree(top / "results" / "runs")
    plans._published_rows.cache_clear()
    plan = make_plan(top, CONFIG)
    identities = {key: identity for key, run in plan.runs.items() if (identity := plan.published(run))}
    assert {key[3:]: identity for key, identity in identities.items()} == {
        names: folder.name for names, folder in runs.items()
    }
    assert all(plan.finished(plan.runs[key]) for key in identities) and len(plan.left_out) == 5
    found = of_experiment(plan, Published(folder))
    assert sorted(one.key for one in found.finished) == sorted(identities) and set(found.runs["stale"]) == {False}


def test_other_data_here_than_those_published(top, folder):
    """What is published was trained on other images, then: it is not this run."""
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 60.0)
    publish_again(top, folder, config_text())
    plans._published_rows.cache_clear()
    assert len(make_results(top, config_text()).finished) == 1
    assert make_results(top, config_text(), data="other").finished == []


def test_the_same_bits_by_another_name(top, runs, folder):
    """Another experiment that asks for the same runs shows them as its own, and publishes none of them again."""
    publish_again(top, folder)
    text = config_text("longer", "{ferplus: {labels: [320], methods: [mixmatch]}}")
    plans._published_rows.cache_clear()
    plan = make_plan(top, text)
    for found in (of_experiment(plan, Published(folder)), of_published(plan, Published(folder))):
        assert [tuple(one.key) for one in found.finished] == [("longer", "ferplus", 320, "mixmatch", s) for s in (0, 1)]
        assert list(found.runs["accuracy"]) == [60.0, 61.0] and set(found.curves["experiment"]) == {"longer"}
    twin = write_run(top, "longer", "ferplus", 320, "mixmatch", 0, 60.0)
    before = bytes_in(folder)
    assert publish_again(top, folder, text) == [
        "longer: 0 runs published, 0 replaced, 1 of 3 missing",
        f"same as quick/ferplus/320/mixmatch/0, kept once: longer/ferplus/320/mixmatch/0 60.00 % ({twin.name})",
    ]
    assert bytes_in(folder) == before


def test_two_methods_of_the_same_settings_are_kept_once(top, folder):
    for method in ("mixmatch", "mixmatch-again"):
        write_run(top, "quick", "ferplus", 320, method, 0, 60.0)
    twin = '{mixmatch: {method_class: "baselines.mixmatch:MixMatch"}, mixmatch-again: {method_class: '
    text = config_text(datasets="{ferplus: {labels: [320]}}").replace("seeds: [0, 1, 2]", "seeds: [0]")
    text = (
        text.partition("methods:")[0]
        + f'methods: {twin}"baselines.mixmatch:MixMatch"}}}}\nrecipe:'
        + (text.partition("recipe:")[2])
    )
    lines = publish_again(top, folder, text)
    assert lines[0] == "quick: 1 runs published, 0 replaced, 0 of 2 missing" and "kept once" in lines[2]
    plans._published_rows.cache_clear()
    found = of_published(make_plan(top, text), Published(folder))
    assert ([one.key.method for one in found.finished], found.problems) == (["mixmatch", "mixmatch-again"], [])


def test_a_run_that_is_trained_anew_replaces_the_published_one(top, runs, folder):
    publish_again(top, folder)
    shutil.rmtree(runs["mixmatch", 1])
    write_run(top, "quick", "ferplus", 320, "mixmatch", 1, 61.5)
    name = f"quick/ferplus/320/mixmatch/1 61.00 % ({runs['mixmatch', 1].name})"
    assert publish_again(top, folder) == [
        f"quick: 0 runs published, 1 replaced, 5 of {PLANNED} missing",
        f"replaced: {name}, now {name.replace('61.00', '61.50')}",
    ]
    assert [one.record["accuracy"] for one in Published(folder).runs] == [63.0, 64.0, 60.0, 61.5]


def test_a_run_of_another_recipe_is_refused(top, runs, folder):
    with pytest.raises(UserError, match="expected the run that experiment quick asks for now, found one with another"):
        publish_again(top, folder, CONFIG.replace("steps: 800", "steps: 900"))
    assert not folder.exists()
    write_run(top, "quick", "ferplus", 320, "mixmatch", 0, 50.0, {"steps": 900})  # beside the asked one: no matter
    assert publish_again(top, folder)[0].startswith("quick: 4 runs published")


def test_what_was_computed_by_code_that_is_not_committed_is_refused(top, runs, folder):
    edit(
        runs["marginmix", 1], lambda record: record["provenance"].insert(0, record["provenance"][0] | {"clean": False})
    )
    with pytest.raises(
        UserError, match="marginmix/1/.*: expected a run of committed code, found one computed with uncommitted changes"
    ):
        publish_again(top, folder)
    assert not folder.exists()


def test_a_broken_run_is_refused(top, runs, folder):
    (runs["marginmix", 1] / "metrics.csv").write_text("step\n")
    with pytest.raises(UserError, match="marginmix/1/.*expected a learning curve"):
        publish_again(top, folder)
    assert not folder.exists()


def test_planes_are_published_and_images_never(top, folder):
    sheet = {"sheet/classes": np.array(["a"]), "sheet/labelled": np.zeros((1, 8, 8, 1), np.uint8)}
    one = write_run(top, "quick", "ferplus", 320, "mixmatch", 0, 60.0, arrays=sheet)
    drawn = planes(["a", "b", "c"], 50)
    both = write_run(top, "quick", "ferplus", 320, "marginmix", 0, 63.0, arrays=sheet | drawn)
    publish_again(top, folder)
    assert [path.name for path in (folder / "observations").iterdir()] == [f"{both.name}.npz"]
    with np.load(folder / "observations" / f"{both.name}.npz") as file:
        assert sorted(file.files) == sorted(drawn)
        assert all(np.array_equal(file[name], drawn[name]) for name in drawn)
    assert read_local(one).arrays("sheet/") and not any(run.arrays("sheet/") for run in Published(folder).runs)
    before = bytes_in(folder)
    shutil.rmtree(top / "results" / "runs")
    publish_again(top, folder)
    assert bytes_in(folder) == before
    write_published([run for run in Published(folder).runs if run.key.method == "mixmatch"], folder)
    assert not (folder / "observations").exists() and Published(folder).problems == []
