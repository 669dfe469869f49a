"""Published evidence that was tampered with, or broken: noticed, named, left out; the rest is read, local runs too."""

import gzip
import itertools
import json
import re
import shutil
from dataclasses import replace

import pytest

from marginmix.errors import UserError
from marginmix.files import write_json
from marginmix.reporting.finished import read_local
from marginmix.reporting.publish import publish, write_published
from marginmix.reporting.published import Published, digests
from marginmix.reporting.results import of_experiment
from marginmix.runs.record import check_record, sealed
from tests.fake_runs import config_text, make_plan, planes, write_run

CHANGED = "it differs from what was published; restore it from git"
LINES, RECORDS, CURVES, DIGESTS = "runs.csv", "records.json.gz", "curves.csv.gz", "digests.json"
UNTIL_THEN = "until then no published run is read"


@pytest.fixture
def folder(top):
    """results/published with four runs, one of them of embeddings; only there, not in results/runs."""
    folders = [write_run(top, "quick", "ferplus", 320, "mixmatch", seed, 60.0 + 3 * seed) for seed in (0, 1, 2)]
    arrays = planes(["a", "b", "c"], 20)
    folders.append(write_run(top, "quick", "ferplus", 320, "embedding", 0, 71.0, arrays=arrays))
    write_published(map(read_local, folders), top / "results" / "published")
    shutil.rmtree(top / "results" / "runs")
    return top / "results" / "published"


def raw(name, change, forged=False):
    """Let `change` change the bytes of a file; `forged`: and digests.json with it. None: the file is deleted."""

    def tamper(folder):
        if change is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(change(bytearray((folder / name).read_bytes())))
        if forged:
            write_json(folder / "digests.json", digests(folder))

    return tamper


def text(name, change, forged=False):
    """Let `change` change the text of a file, which may be packed."""

    def changed(content):
        if not name.endswith(".gz"):
            return change(content.decode()).encode()
        return gzip.compress(change(gzip.decompress(content).decode()).encode())

    return raw(name, changed, forged)


def lines(name, change, forged=False):
    return text(name, lambda text: "\n".join(change(text.splitlines())) + "\n", forged)


def record(change, seal=True, forged=True):
    """Let `change` change the record of seed 1."""

    def altered(text):
        records = json.loads(text)
        (place,) = [i for i, one in enumerate(records) if one["spec"]["bits"]["seed"] == 1]
        change(records[place])
        digest = records[place].pop("digest")
        records[place] = sealed(records[place]) if seal else records[place] | {"digest": digest}
        return json.dumps(records)

    return text(RECORDS, altered, forged)


def flipped(content):
    content[len(content) // 2] ^= 1
    return content


def consistent(folder):
    """Seed 1 is a point better, and its curve, record and line agree; only the digests were forgotten."""

    def better(record):
        record |= {"accuracy": 64.0, "optimism": 0.0, "scores": dict.fromkeys(record["scores"], 64.0)}
        record["confusion"][0][0] += 100
        record["confusion"][0][1] -= 100

    record(better, forged=False)(folder)
    text(CURVES, lambda text: text.replace(",63.0,", ",64.0,"))(folder)
    text(LINES, lambda text: text.replace("63.0000", "64.0000"))(folder)


def another_line(all):
    """A copy of the first line under an identity that no record has."""
    identity = all[1].split(",")[all[0].split(",").index("identity")]
    return [*all, all[1].replace(identity, "0" * 16)]


def better_line(all):
    return [line.replace("63.0000", "99.9000", 1) for line in all]


def no_line(all):
    return [line for line in all if ",mixmatch,1," not in line]


SEED_1 = "quick/ferplus/320/mixmatch/1 is left out: "
LINE = "runs.csv: accuracy: expected 63.0000, as its record says, found 99.9000"
NOT_ITS_CURVE = "as its learning curve gives, found"
LEFT_OUT = {  # what is done -> of which run is said what
    "a line": (lines(LINES, better_line), ["runs.csv: " + CHANGED, SEED_1 + LINE]),
    "a line, digests too": (lines(LINES, better_line, True), [SEED_1 + LINE]),
    "a line removed": (lines(LINES, no_line), ["runs.csv: " + CHANGED, SEED_1 + "runs.csv has no line for run"]),
    "a record": (record(lambda one: one.update(accuracy=99.9), False), [SEED_1 + "its digest does not match"]),
    "a record, sealed": (record(lambda one: one.update(accuracy=99.9)),
                         [f"{SEED_1}accuracy: expected 63.000, {NOT_ITS_CURVE} 99.900"]),
    "a record without a number": (record(lambda one: one.pop("optimism")), [SEED_1 + "a key is missing"]),
    "a record's method": (record(lambda one: one["spec"].update(method="mixup")),
                          ["mixup/1 is left out: runs.csv: method: expected mixup, as its record says, found"]),
    "a record's identity": (record(lambda one: one.update(identity=[])),
                            ["it has a line for run .*, which has no record", SEED_1 + "expected identity"]),
    "its curve": (text(CURVES, lambda text: text.replace(",63.0,", ",64.0,"), True),
                  [f"{SEED_1}accuracy: expected 64.000, {NOT_ITS_CURVE} 63.000"]),
    "its curve removed": (lines(CURVES, lambda all: [line for line in all if ",63.0," not in line], True),
                          [SEED_1 + "expected a learning curve of 20 evaluations, found"]),
}  # fmt: skip
SAID = {  # what is done that costs no run -> what is said
    "a line added": (lines(LINES, another_line),
                     ["runs.csv: " + CHANGED, "runs.csv: it has a line for run 0000000000000000, which has no record"]),
    "a record that is none": (text(RECORDS, lambda text: text[:-1] + ", 3]", True), ["is left out: a key is missing"]),
    "the digest of all": (text(DIGESTS, lambda text: text.replace('"all": "', '"all": "0')),
                          ["digests.json: " + CHANGED]),
    "a file beside": (lambda folder: (folder / "runs (copy).csv").touch(), [r"runs \(copy\)\.csv: " + CHANGED]),
}  # fmt: skip
NOTHING_READ = {  # what is done -> why no published run is read
    "lines empty": (raw(LINES, lambda content: b"", True), "runs.csv: expected a CSV table"),
    "lines without a column": (text(LINES, lambda text: text.replace(",identity,", ",it,"), True),
                               "runs.csv: the column 'identity' is missing"),
    "lines gone": (raw(LINES, None, True), "cannot read .*runs.csv"),
    "records cut": (raw(RECORDS, lambda content: content[:-40]), "records.json.gz: " + CHANGED),
    "records cut, digests too": (raw(RECORDS, lambda content: content[:-40], True), "json.gz cannot be unpacked"),
    "a bit of the records": (raw(RECORDS, flipped), "records.json.gz: " + CHANGED),
    "a bit of the records, digests too": (raw(RECORDS, flipped, True), "records.json.gz "),
    "records no list": (text(RECORDS, lambda text: "{}", True), "records.json.gz: expected a list of records, found"),
    "records gone": (raw(RECORDS, None), "records.json.gz: " + CHANGED),
    "curves cut": (raw(CURVES, lambda content: content[:-9], True), "curves.csv.gz cannot be unpacked"),
    "curves without a column": (text(CURVES, lambda text: text.replace("identity", "it"), True),
                                "curves.csv.gz: the column 'identity' is missing; restore it from git"),
    "digests gone": (raw(DIGESTS, None), "cannot read .*digests.json"),
    "digests not JSON": (raw(DIGESTS, lambda content: b"{"), "digests.json is not valid JSON"),
    "digests a list": (raw(DIGESTS, lambda content: b"[]"), "digests.json: expected a table of digests, found list"),
}  # fmt: skip


def test_what_nobody_touched_is_read(top, folder):
    published = Published(folder)
    assert [tuple(one.key)[3:] for one in published.runs] == [
        ("embedding", 0), ("mixmatch", 0), ("mixmatch", 1), ("mixmatch", 2)
    ]  # fmt: skip
    assert published.problems == [] and all(one.published for one in published.runs)
    assert Published(top / "nowhere").runs == [] and Published(top / "nowhere").problems == []


def check(top, folder, tamper, left, said):
    """After `tamper`, `left` runs are read, each problem names its file, and nothing is published on top of it."""
    plan = make_plan(top, config_text())
    tamper(folder)
    published = Published(folder)
    assert [one.key.seed for one in published.runs if one.key.method == "mixmatch"] == left
    assert len(published.problems) == len(said), published.problems
    for problem, expected in zip(published.problems, said, strict=True):
        assert re.search(expected, problem) and str(folder) in problem, problem
    with pytest.raises(UserError, match="published is damaged: "):
        publish(plan, folder)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_tampered_run_is_named_and_left_out(top, folder, name):
    check(top, folder, LEFT_OUT[name][0], [0, 2], LEFT_OUT[name][1])


@pytest.mark.parametrize("name", SAID)
def test_what_costs_no_run_is_said(top, folder, name):
    check(top, folder, SAID[name][0], [0, 1, 2], SAID[name][1])


@pytest.mark.parametrize("name", NOTHING_READ)
def test_a_file_that_cannot_be_read_is_named_and_no_run_is_read(top, folder, name):
    tamper, message = NOTHING_READ[name]
    check(top, folder, tamper, [], [f"{message}.*{UNTIL_THEN}"])


def test_a_forgery_in_which_all_agrees_is_told_by_the_digests(top, folder):
    changed = [r"curves\.csv\.gz: " + CHANGED, r"records\.json\.gz: " + CHANGED, "runs.csv: " + CHANGED]
    check(top, folder, consistent, [], changed)


def test_only_the_digests_tell_a_forgery_in_which_all_agrees(folder):
    consistent(folder)
    write_json(folder / "digests.json", digests(folder))
    published = Published(folder)
    assert (len(published.runs), published.problems) == (4, [])


@pytest.mark.parametrize("forged", [False, True])
def test_observations_that_were_changed_are_not_drawn(folder, forged):
    name = f"observations/{next((folder / 'observations').iterdir()).name}"
    assert set(Published(folder).runs[0].arrays("plane/")) >= {"points", "targets"}
    raw(name, flipped, forged)(folder)
    one = Published(folder).runs[0]
    if forged:
        with pytest.raises(UserError, match="cannot read .*npz .*; restore it from git"):
            one.arrays("plane/")
    else:
        assert one.arrays("plane/") == {}
    problems = Published(folder)
    assert (len(problems.runs), problems.problems) == (4, [] if forged else [f"{folder / name}: {CHANGED}"])


def test_the_same_run_twice_counts_once(top, folder):
    """Of other data, for instance after two branches were merged."""
    one = Published(folder).runs[1]
    other = read_local(write_run(top, "quick", "ferplus", 320, "mixmatch", 0, 99.0, data="other"))
    write_published([one, other], folder)
    published = Published(folder)
    assert [run.record["accuracy"] for run in published.runs] == [60.0]
    said = "expected one record of ('quick', 'ferplus', 320, 'mixmatch', 0), found a second"
    assert f"quick/ferplus/320/mixmatch/0 is left out: {said}" in published.problems[0]


def test_only_what_is_asked_for_is_checked_and_what_is_wrong_is_said_once(top, folder, monkeypatch):
    checked = []

    def count(record, curve):
        checked.append("/".join([record["spec"]["experiment"], str(record["spec"]["bits"]["seed"])]))
        return check_record(record, curve)

    monkeypatch.setattr("marginmix.reporting.published.check_record", count)
    other = write_run(top, "other", "ferplus", 320, "mixmatch", 7, 60.0)
    write_published([*Published(folder).runs, read_local(other)], folder)
    record(lambda one: one.update(accuracy=99.9))(folder)
    published = Published(folder)
    checked.clear()
    assert [one.key.seed for one in published.of("other")] == [7] and checked == ["other/7"]
    assert published.with_identity(other.name).key.seed == 7 and published.with_identity("0" * 16) is None
    assert published.problems == [] and checked == ["other/7"]
    for _ in range(2):
        assert len(published.of("quick")) == 3 and len(published.runs) == 4
    assert len(checked) == 5 and len(published.problems) == 1


def test_an_identity_of_digits_is_no_number(top):
    bits = read_local(write_run(top, "quick", "ferplus", 320, "mixmatch", 0, 60.0)).spec.bits
    data = next(data for data in map(str, itertools.count()) if replace(bits, data=data).identity.isdigit())
    folder = write_run(top, "quick", "ferplus", 320, "mixmatch", 0, 60.0, data=data)
    write_published([read_local(folder)], top / "results" / "published")
    published = Published(top / "results" / "published")
    assert ([one.spec.identity for one in published.runs], published.problems) == ([folder.name], [])


def test_broken_evidence_takes_no_local_result_with_it(top, folder):
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 60.0)
    text_of_config = config_text(datasets="{faces: {labels: [70]}, ferplus: {labels: [320]}}")
    whole = of_experiment(make_plan(top, text_of_config), Published(folder))
    assert (len(whole.finished), whole.problems) == (4, [])
    raw(RECORDS, flipped)(folder)
    found = of_experiment(make_plan(top, text_of_config), Published(folder))
    assert [one.key.dataset for one in found.finished] == ["faces"]
    assert found.problems == [f"{folder / 'records.json.gz'}: {CHANGED}; {UNTIL_THEN}"]
