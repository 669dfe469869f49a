"""Local runs that were tampered with, or broken by a disk: each is noticed, named and left out; the rest is read."""

import math
import shutil

import pytest

from marginmix.errors import UserError
from marginmix.files import read_json
from marginmix.reporting.finished import read_local
from marginmix.runs.spec import spec_from
from tests.fake_runs import PAPER_STEPS, config_text, edit, edit_metrics, make_results, write_run

NUMBERS = ("accuracy", "balanced_accuracy", "accuracy_centroid", "balanced_accuracy_centroid", "optimism")
RULES = ("last", "mean", "median", "validation", "best")


def value(seal=True, **changes):
    """Keys of the record are changed, and the record is sealed again."""
    return lambda folder: edit(folder, lambda record: record.update(changes), seal)


def spec(*parts, renamed=False, **changes):
    """Keys of a part of the spec are changed; `renamed`: and the identity with them."""

    def change(record):
        place = record["spec"]
        for part in parts:
            place = place[part]
        place.update(changes)
        if renamed:
            record["identity"] = spec_from(record["spec"], "spec").identity

    return lambda folder: edit(folder, change)


def more_steps(folder):
    spec("bits", "settings", steps=PAPER_STEPS, renamed=True)(folder)
    edit(folder, lambda record: record["recipe"].update(steps=PAPER_STEPS))


def one_more(name):
    return lambda folder: edit(folder, lambda record: record.update({name: record[name] + 1}))


def rule(name):
    return lambda folder: edit(folder, lambda record: record["scores"].update({name: record["scores"][name] + 1}))


def counts(change):
    return lambda folder: edit(folder, lambda record: change(record["confusion"]))


def without(name):
    return lambda folder: edit(folder, lambda record: record.pop(name))


def file(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def missing(name):
    return lambda folder: (folder / name).unlink()


def lines(change, seal=True):
    """The lines of metrics.csv are changed, and the record made to agree."""
    return lambda folder: edit_metrics(folder, lambda text: "\n".join(change(text.splitlines())) + "\n", seal)


def moved(counts):
    """A right image becomes a wrong one."""
    counts[0][0] -= 1
    counts[0][1] += 1


def cut(counts):
    counts[0] = counts[0][:-1]


def negative(counts):
    counts[0][0] += 1 + counts[0][1]
    counts[0][1] = -1


def halves(counts):
    counts[0][1] += 0.5


def nothing(counts):
    counts[:] = [[0] * len(counts)] * len(counts)


BY_CURVE, DIGEST, RANGE = (
    "as its learning curve gives, found",
    "its digest does not match",
    "expected accuracies from 0 to 100",
)
IDENTITY, FOLDER, COUNTS = (
    "expected identity",
    "as its folder says, found",
    "expected a confusion matrix of 3 x 3 counts",
)
CURVE = "expected a learning curve of 20 evaluations"
TAMPERED = {
    "accuracy, not sealed": (value(accuracy=99.9, seal=False), DIGEST),
    "accuracy of 99.9": (value(accuracy=99.9), "accuracy: expected 60.000, as its learning curve gives, found 99.900"),
    "accuracy not a number": (value(accuracy=math.nan), RANGE),
    "accuracy negative": (value(accuracy=-1.0), RANGE),
    "accuracy over 100": (value(accuracy=100.5), RANGE),
    "accuracy a text": (value(accuracy="60"), "wrong type"),
    "accuracy none": (value(accuracy=None), "accuracy: expected 60.000, as its learning curve gives, found none"),
    **{name: (one_more(name), f"{name}: expected .*{BY_CURVE}") for name in NUMBERS},
    "optimism not a number": (value(optimism=math.nan), f"optimism: expected 1.000, {BY_CURVE}"),
    **{f"score {name}": (rule(name), f"score {name}: expected .*{BY_CURVE}") for name in RULES},
    "a score over 100": (lambda folder: edit(folder, lambda record: record["scores"].update(best=101.0)), RANGE),
    "steps": (spec("bits", "settings", steps=PAPER_STEPS), IDENTITY),
    "steps and identity": (spec("bits", "settings", steps=PAPER_STEPS, renamed=True),
                           "recipe: steps: expected 1048576, as its spec says, found 800"),
    "steps, identity and recipe": (more_steps, f"{CURVE} up to step 1048576"),
    "recipe": (lambda folder: edit(folder, lambda record: record["recipe"].update(score_window=20)),
               "recipe: score_window: expected 5, as its spec says, found 20"),
    "seed": (spec("bits", seed=1), IDENTITY),
    "seed and identity": (spec("bits", seed=1, renamed=True), FOLDER),
    "labels": (spec("bits", labels=71), IDENTITY),
    "labels and identity": (spec("bits", labels=71, renamed=True), FOLDER),
    "dataset": (spec("bits", dataset="digits"), IDENTITY),
    "dataset and identity": (spec("bits", dataset="digits", renamed=True), FOLDER),
    "data and identity": (spec("bits", data="0" * 16, renamed=True), FOLDER),
    "method": (spec(method="mixmatch"), FOLDER),
    "experiment": (spec(experiment="paper"), FOLDER),
    "an unknown setting": (spec("bits", "settings", stpes=1, renamed=True),
                           "recipe: stpes: expected 1, as its spec says, found None"),
    "other numerics": (spec("bits", numerics=0), "expected numerics version"),
    "evaluations": (spec("observation", evaluations=40), "recipe: evaluations: expected 40, as its spec says"),
    "score window": (spec("observation", score_window=15), "recipe: score_window: expected 15, as its spec says"),
    "identity": (value(identity="0" * 16), IDENTITY),
    "digest": (value(digest="0" * 16, seal=False), DIGEST),
    "diverged": (value(diverged=True), BY_CURVE),
    "diverged, not yes or no": (value(diverged=0), "diverged: expected a bool, found 0"),
    "evaluated": (value(evaluated=19), "expected a learning curve of 19 evaluations, found 20"),
    "classes shortened": (value(classes=["a", "b"]), "expected a confusion matrix of 2 x 2 counts"),
    "confusion": (counts(moved), r"expected a last accuracy of 59\.99, as its confusion matrix gives, found 60\.00"),
    "confusion not square": (counts(cut), COUNTS),
    "confusion negative": (counts(negative), COUNTS),
    "confusion of halves": (counts(halves), COUNTS),
    "confusion of no images": (counts(nothing), "found one without images"),
    "time negative": (value(wall_seconds=-1.0), "expected wall_seconds from 0 on, found -1.0"),
    "time not a number": (value(wall_seconds=math.nan), "expected wall_seconds from 0 on, found nan"),
    "no scores": (without("scores"), "'scores'"),
    "no split": (value(split=None), "split: expected a str, found None"),
    "no provenance": (value(provenance=[]), "provenance: expected entries with device and name"),
    "no digests of files": (without("files"), "metrics.csv: the file was changed after the run wrote it"),
    "curve cut in a line": (lines(lambda all: [*all[:-1], "800,1"]), "a key is missing or of the wrong type"),
    "curve without its last line": (lines(lambda all: all[:-1]), "20 evaluations, found 19"),
    "curve without its first line": (lines(lambda all: all[:1] + all[2:]), "20 evaluations, found 19"),
    "curve not rising": (lines(lambda all: [*all[:3], all[4], all[3], *all[5:]]), f"{CURVE} up to step 800"),
    "last accuracy of the curve": (lines(lambda all: [*all[:-1], all[-1].replace("60", "61")]), BY_CURVE),
    "first accuracy of the curve": (lines(lambda all: [all[0], all[1].replace("16.8", "26.8"), *all[2:]], False),
                                    r"metrics\.csv: the file was changed after the run wrote it"),  # fmt: skip
    "curve missing": (missing("metrics.csv"), r"cannot read .*metrics\.csv: No such file"),
    "curve empty": (file("metrics.csv", b""), r"metrics\.csv: expected a CSV table"),
    "curve not a table": (file("metrics.csv", b"\x89PNG\xff\x00"), r"metrics\.csv: expected a CSV table"),
    "curve of other columns": (file("metrics.csv", b"a,b\n1,2\n"), r"metrics\.csv: the column 'step' is missing"),
    "result not JSON": (file("result.json", b"{"), r"result\.json is not valid JSON"),
    "result empty": (file("result.json", b""), r"result\.json is not valid JSON"),
    "result a list": (file("result.json", b"[]"), r"result\.json: a key is missing or of the wrong type"),
    "result not text": (file("result.json", b"\xff\xfe"), r"result\.json is not valid JSON"),
    "observations changed": (file("observations.npz", b"PK"), r"observations\.npz: the file was changed"),
    "observations missing": (missing("observations.npz"), r"cannot read .*observations\.npz: No such file"),
}  # fmt: skip


@pytest.fixture
def runs(top):
    """The run to be tampered with, one of the same cell, and one of another."""
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 55.0)
    write_run(top, "quick", "faces", 70, "marginmix", 1, 62.0)
    return write_run(top, "quick", "faces", 70, "marginmix", 0, 60.0)


def test_what_nobody_touched_is_read(top, runs):
    one = read_local(runs)
    assert (one.key, one.spec.identity, one.published) == (("quick", "faces", 70, "marginmix", 0), runs.name, False)
    assert len(one.curve) == 20 and one.record["accuracy"] == 60.0 and one.record["optimism"] == pytest.approx(1.0)
    found = make_results(top, config_text())
    assert (len(found.finished), found.problems) == (3, [])


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_run_is_noticed_named_and_left_out(top, runs, name):
    tamper, message = TAMPERED[name]
    tamper(runs)
    with pytest.raises(UserError, match=message) as error:
        read_local(runs)
    assert str(runs) in str(error.value) and "\n" not in str(error.value)
    found = make_results(top, config_text())
    assert [(one.key.method, one.key.seed) for one in found.finished] == [("mixmatch", 0), ("marginmix", 1)]
    assert len(found.problems) == 1 and runs.name in found.problems[0]


def test_a_run_in_the_folder_of_another(top, runs):
    other = runs.parent.with_name("2")
    shutil.copytree(runs, other / runs.name)
    with pytest.raises(UserError, match=f"expected run {runs.name} of .*'marginmix', 2.* found .*'marginmix', 0"):
        read_local(other / runs.name)
    assert len(make_results(top, config_text()).finished) == 3  # nobody looks for that identity there
    wanted = write_run(top, "quick", "faces", 70, "marginmix", 2, 61.0)
    shutil.rmtree(wanted)
    shutil.copytree(runs, wanted)
    found = make_results(top, config_text())
    assert len(found.finished) == 3 and "as its folder says" in found.problems[0]
    with pytest.raises(UserError, match="expected the folder of a run"):
        read_local(runs.parent)


def test_a_broken_result_where_the_data_are_not_here(top):
    """Such runs are found by what their results say."""
    folders = [write_run(top, "quick", "ferplus", 320, "mixmatch", seed, 60.0) for seed in (0, 1, 2)]
    (folders[0] / "result.json").write_text("[]")
    (folders[1] / "result.json").write_text("{")
    found = make_results(top, config_text(datasets="{ferplus: {labels: [320]}}"))
    assert [one.key.seed for one in found.finished] == [2]
    assert [folder.name in problem for folder, problem in zip(folders, found.problems, strict=False)] == [True, True]


@pytest.mark.parametrize("what", ["data", "split"])
def test_a_cell_whose_runs_disagree_is_left_out_whole(top, what):
    for seed in (0, 1):
        write_run(top, "quick", "ferplus", 320, "mixmatch", seed, 60.0)
    write_run(top, "quick", "ferplus", 320, "marginmix", 0, 60.0, **{what: "another"})
    write_run(top, "quick", "ferplus", 320, "supervised", 0, 50.0)
    found = make_results(top, config_text(datasets="{ferplus: {labels: [320]}}"))
    assert [(one.key.method, one.key.seed) for one in found.finished] == [("mixmatch", 1)]
    (problem,) = found.problems
    assert problem == (
        f"quick/ferplus/320/0: left out: expected its 3 runs to share one hash of the {what}, found 2; train them again"
    )


def test_a_diverged_run_counts_at_chance(top):
    folder = write_run(top, "quick", "faces", 70, "mixmatch", 0, 25.0, diverged=True, classes=list("abcde"))
    record = read_local(folder).record
    assert (record["accuracy"], record["scores"]["best"], record["optimism"]) == (20.0, 20.0, 0.0)
    edit(folder, lambda record: record.update(diverged=False))
    with pytest.raises(UserError, match="accuracy: expected 25.000, as its learning curve gives, found 20.000"):
        read_local(folder)
    assert read_json(folder / "result.json")["diverged"] is False
