"""What an experiment's runs are and which of them are finished: here, published, or by their recipe alone."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from marginmix import datasets
from marginmix.errors import UserError
from marginmix.runs import paths
from marginmix.runs.key import RunKey
from marginmix.runs.plan import published_experiments
from marginmix.runs.spec import NUMERICS_VERSION, Bits, spec_from
from tests.runs.experiment import decode, finish, publish
from tests.tiny_data import write_folder

RUN = RunKey("some", "digits", 20, "sharp", 0)
MINE = RunKey("some", "mine", 8, "sharp", 3)


def test_runs_are_those_of_the_file_and_the_embedding_runs_after_them(plan):
    embeddings = {"recipe": {"network": "alexnet-2d"}, "datasets": {"digits": {}}}
    runs = plan(embeddings=embeddings, seeds=[1, 2]).runs
    last = list(runs)[-1]
    assert len(runs) == 10 and last == RunKey("some", "digits", 20, "embedding", 1)
    assert runs[last].method_class == "marginmix.methods.margin_supervised:MarginSupervised"
    assert runs[last].recipe.network == "alexnet-2d" and runs[last].recipe.steps == 2**20


def test_a_run_is_finished_here_where_the_folder_of_its_identity_holds_a_result(plan):
    found = plan()
    decode(found, "digits", "d1")
    folder = finish(found, RUN, "d1")
    assert found.local(found.runs[RUN]) == folder == found.runs[RUN].folder("d1")
    assert found.finished(found.runs[RUN]) and not found.finished(found.runs[RUN._replace(seed=1)])
    os.remove(f"{folder}/{paths.RESULT}")
    assert found.local(found.runs[RUN]) is None, "a spec alone is no result"


def test_other_data_or_settings_are_another_folder(plan):
    found = plan()
    decode(found, "digits", "d1")
    finish(found, RUN, "d0")
    assert found.local(found.runs[RUN]) is None
    finish(found, RUN, "d1")
    for changes in ({"recipe": {"alpha": 0.5}}, {"datasets": {"digits": {"image_size": 16}}}):
        other = plan(**changes)
        assert other.data("digits") == "d1" and other.local(other.runs[RUN]) is None
    observed = plan(methods={"sharp": {"recipe": {"evaluations": 20, "score_window": 4, "samples": 8}}})
    assert observed.finished(observed.runs[RUN]), "to ask for more observation makes no run stale"


def test_the_program_of_other_numerics_has_other_folders(plan, monkeypatch):
    found = plan()
    finish(found, RUN, "d1")
    monkeypatch.setattr("marginmix.runs.plan.Bits", partial(Bits, numerics=NUMERICS_VERSION + 1))
    decode(found, "digits", "d1")
    assert found.local(found.runs[RUN]) is None


def test_where_the_data_are_gone_a_run_is_found_by_its_recipe(plan, tmp_path):
    found = plan()
    assert found.report("mine") is None, "its images are not there"
    folder = finish(found, MINE, "d1")
    assert found.local(found.runs[MINE]) == folder and found.left_out == {}
    other = plan(recipe={"alpha": 0.5})
    assert other.local(other.runs[MINE]) is None and list(other.left_out) == [MINE]
    write_folder(tmp_path / "images")
    here = plan(datasets={"mine": {"root": str(tmp_path / "images")}})
    assert here.local(here.runs[MINE]) is None, "images are here again: which they are is not known yet"
    decode(here, "mine", "d1")
    assert here.local(here.runs[MINE]) == folder


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"spec": {"bits": {"from": "elsewhere"}}}'])
def test_a_broken_result_is_passed_on_to_who_reads_it_unless_a_whole_one_lies_beside(plan, content):
    found = plan()
    broken = finish(found, MINE, "d1")
    Path(broken, paths.RESULT).write_text(content)
    assert found.local(found.runs[MINE]) == broken
    whole = finish(found, MINE, "d2")
    assert found.local(found.runs[MINE]) == whole


def test_published_with_known_data_counts_for_the_same_data_only(plan, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN], "d1")
    found = plan()
    decode(found, "digits", "d1")
    run = found.runs[RUN]
    assert found.published(run) == run.bits("d1").identity and found.finished(run)
    assert found.published(found.runs[RUN._replace(seed=1)]) is None
    decode(found, "digits", "d2")
    other = plan()
    assert other.data("digits") == "d2" and other.published(run) is None and run.key in [r.key for r in other.to_make]


def test_published_without_data_counts_by_its_recipe(plan, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN, MINE], "d1")
    found = plan()
    assert found.report("mine") is None and found.data("digits") is None
    assert found.published(found.runs[MINE])
    other = plan(recipe={"alpha": 0.5})
    assert not other.published(other.runs[MINE])


def test_data_that_are_here_are_decoded_before_a_published_run_counts(plan, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN, MINE], "d1")
    found, run = plan(), plan().runs[RUN]
    assert found.undecoded("digits") and not found.undecoded("mine")
    assert found.published(run) is None and run.key in [r.key for r in found.to_make]
    assert found.summary()[1] == "digits: not decoded yet; finished runs on it are found once it is"
    drawn = plan(only="finished")
    assert drawn.published(run), "tables are drawn of what there is, and nothing is decoded for them"
    decode(found, "digits", "d1")
    assert found.published(run) and run.key not in [r.key for r in found.to_make]


def test_what_is_published_is_not_made_and_what_is_finished_here_is_read(plan, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN, RUN._replace(seed=1)], "d1")
    found = plan()
    decode(found, "digits", "d1")
    finish(found, RUN, "d1")
    made = [run.key for run in found.to_make]
    assert RUN in made and RUN._replace(seed=1) not in made and MINE not in made
    assert len(made) == len(found.runs) - 2


def test_rebuild_makes_finished_runs_anew_where_their_data_are_here(plan, tmp_path):
    first = plan("none")
    publish(tmp_path / "published", first, [RUN, MINE], "d1")
    decode(first, "digits", "d1")
    finish(first, RUN._replace(seed=1), "d1")
    found = plan(rebuild=True)
    assert not found.finished(found.runs[RUN]) and not found.finished(found.runs[RUN._replace(seed=1)])
    assert found.finished(found.runs[MINE]), "without its data it cannot be made anew"
    assert {run.key for run in found.to_make} == set(found.runs) - {MINE} and found.left_out == {}


def test_a_dataset_that_is_decoded_meanwhile_is_reckoned_with(plan, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN], "d1")
    found = plan()
    before = len(found.to_make)
    decode(found, "digits", "d1")
    assert len(found.to_make) == before - 1, "one of them is published"


def test_what_may_be_downloaded_is_not_absent(plan, tmp_path):
    found = plan(datasets={"cifar10": {"labels": [250]}, "rafdb": {"labels": [320]}})
    assert found.report_key("cifar10") == datasets.DOWNLOAD and found.report_key("rafdb") is None
    assert found.report("cifar10") == ".cache/prepared/cifar10-download.json"
    assert {key.dataset for key in found.left_out} == {"mine", "rafdb"}
    (tmp_path / "data" / "cifar-10-batches-py").mkdir(parents=True)
    assert found.report_key("cifar10") == datasets.DOWNLOAD, "a download under way does not change the plan"
    assert plan(datasets={"cifar10": {"labels": [250]}}).report_key("cifar10") != datasets.DOWNLOAD


def test_the_spec_says_all_that_the_config_does(plan):
    settings = {"distance_floor": 1e-6, "margin": "none", "decay_last": 0.25, "lambda_u": 5e-05, "rampup": 0.5,
                "membership_temperature": 1.0, "snapshots": [0.5, 1.0]}  # fmt: skip
    marginmix = {"method_class": "marginmix.methods.marginmix:MarginMix", "recipe": settings}
    found = plan(
        methods={"marginmix": marginmix}, threads=3, execution="eager", exact=False, cache="my cache",
        datasets={"digits": {"image_size": 16}, "mine": {"root": "my data/it's", "verify_counts": False}},
    )  # fmt: skip
    for key, run in found.runs.items():
        spec = spec_from(json.loads(json.dumps(found.spec(key, "d1").to_json())), "it")
        assert (spec.key, spec.recipe, spec.bits.method_class) == (key, run.recipe, run.method_class)
        assert spec.identity == run.bits("d1").identity and run.folder("d1").endswith(f"/{spec.identity}")
        machine = spec.machine
        assert (machine.device, machine.threads, machine.execution, machine.exact) == ("cpu", 3, "eager", False)
        mine = key.dataset == "mine"
        assert (machine.root, machine.verify_counts) == (("my data/it's", False) if mine else (None, True))
        assert (spec.bits.options, spec.bits.image_size) == (({"family": "folder"}, None) if mine else ({}, 16))
        assert (machine.data_root, machine.cache) == ("data", "my cache")


def test_the_text_of_a_spec_is_what_the_plan_says_and_without_data_what_is_there(plan):
    found = plan()
    decode(found, "digits", "d1")
    text = found.spec_text(RUN, "nowhere")
    assert json.loads(text) == found.spec(RUN, "d1").to_json() and text == found.spec_text(RUN, "nowhere")
    folder = finish(found, MINE, "d1")
    assert found.spec_text(MINE, folder) == Path(folder, paths.SPEC).read_text()


def test_words_of_a_dataset(plan):
    found = plan(data_root="my data", datasets={"mine": {"verify_counts": False}})
    assert found.dataset_arguments("digits") == [
        "--dataset", "digits", "--data-root", "my data", "--cache", ".cache"
    ]  # fmt: skip
    assert found.dataset_arguments("mine") == [
        "--dataset", "mine", "--data-root", "my data", "--cache", ".cache", "--root", "/somewhere",
        "--family", "folder", "--no-verify-counts",
    ]  # fmt: skip


def test_published_experiments_and_their_planes(plan, tmp_path):
    embeddings = {"recipe": {"network": "alexnet-2d"}, "datasets": {"digits": {}}}
    found = plan("none", embeddings=embeddings)
    publish(tmp_path / "published", found, [RUN, list(found.runs)[-1]], "d1")
    assert published_experiments(str(tmp_path / "published")) == {"some": {"digits"}}
    assert published_experiments(str(tmp_path / "elsewhere")) == {}


def test_a_damaged_table_of_published_runs_is_told(plan, tmp_path):
    publish(tmp_path / "published", plan("none"), [RUN], "d1")
    shutil.copytree(tmp_path / "published", tmp_path / "damaged")
    table = tmp_path / "damaged" / "runs.csv"
    table.write_text(table.read_text().replace("recipe", "receipt"))
    with pytest.raises(UserError, match=r"damaged/runs.csv: expected the columns .*recipe.*; restore it from git"):
        plan("damaged")
