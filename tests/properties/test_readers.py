"""Whatever a file holds, its reader takes it or says in one line what is wrong: never a traceback."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from marginmix.datasets.splits import read_split
from marginmix.errors import UserError
from marginmix.files import read_json, write_json
from marginmix.reporting.copies import read_audit
from marginmix.reporting.finished import read_local, table_of
from marginmix.reporting.published import Published
from marginmix.reporting.results import read_reference
from marginmix.reporting.tables import REFERENCE_COLUMNS
from marginmix.runs import paths
from marginmix.runs.config import load
from marginmix.runs.spec import read_spec
from tests.fake_runs import make_plan, sealed, write_run
from tests.runs.experiment import SOME, make_workflow

texts = st.text(st.characters(codec="utf-8"), max_size=12)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 10**6), st.floats(), texts)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
contents = st.one_of(st.binary(max_size=200), texts.map(str.encode), values.map(lambda v: json.dumps(v).encode()))


def refused_in_one_line(call, *arguments):
    """What `call` returns; None where it refuses in one line."""
    try:
        return call(*arguments)
    except UserError as error:
        assert "\n" not in str(error).strip(), error
        return None


@st.composite
def altered(draw, start):
    """A copy of the nested mapping `start` with another value, or none, or one more, at some place of it."""
    content = json.loads(json.dumps(start))
    place, depth = content, draw(st.integers(0, 3))
    while depth and (inner := [key for key, value in place.items() if isinstance(value, dict) and value]):
        place, depth = place[draw(st.sampled_from(sorted(inner)))], depth - 1
    key = draw(st.sampled_from(sorted(place)) | texts) if place else draw(texts)
    if draw(st.booleans()):
        place[key] = draw(values)
    else:
        place.pop(key, None)
    return content


@given(contents)
@pytest.mark.parametrize(
    "reader", [read_json, read_spec, read_split, lambda path: read_reference(path, REFERENCE_COLUMNS)]
)
def test_any_bytes(tmp_path, reader, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    refused_in_one_line(reader, path)


@given(contents)
def test_any_bytes_as_a_table(content):
    refused_in_one_line(table_of, "table.csv", content, "step", "make it again")


@given(contents)
def test_any_bytes_as_an_experiment(tmp_path, content):
    make_workflow(tmp_path)
    (tmp_path / "config" / "some.yaml").write_bytes(content)
    assert refused_in_one_line(load, tmp_path, "some") is None


@given(altered(yaml.safe_load(SOME)))
def test_an_experiment_with_one_thing_changed(tmp_path, content):
    make_workflow(tmp_path)
    (tmp_path / "config" / "some.yaml").write_text(yaml.safe_dump(content))
    refused_in_one_line(load, tmp_path, "some")


@given(st.dictionaries(st.sampled_from(sorted(yaml.safe_load(SOME))) | texts, values, max_size=2))
def test_an_experiment_under_any_overrides(tmp_path, overrides):
    make_workflow(tmp_path)
    refused_in_one_line(load, tmp_path, "some", overrides)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run."""
    return write_run(tmp_path_factory.mktemp("top"), "quick", "faces", 70, "marginmix", 0, 60.0)


@given(st.data())
def test_a_spec_with_one_thing_changed(tmp_path, folder, data):
    write_json(tmp_path / "spec.json", data.draw(altered(read_json(folder / paths.SPEC))))
    spec = refused_in_one_line(read_spec, tmp_path / "spec.json")
    if spec is not None:
        refused_in_one_line(spec.normalised, "spec")


@given(st.data())
def test_a_record_with_one_thing_changed_and_sealed_again(folder, data):
    before = (folder / paths.RESULT).read_text()
    content = {name: value for name, value in json.loads(before).items() if name != "digest"}
    try:
        write_json(folder / paths.RESULT, sealed(data.draw(altered(content))))
        refused_in_one_line(read_local, folder)
    finally:
        (folder / paths.RESULT).write_text(before)


@given(contents, st.sampled_from([paths.RESULT, paths.METRICS, paths.OBSERVATIONS]))
def test_any_bytes_in_a_file_of_a_finished_run(folder, content, name):
    before = (folder / name).read_bytes()
    try:
        (folder / name).write_bytes(content)
        assert refused_in_one_line(read_local, folder) is None or content == before
    finally:
        (folder / name).write_bytes(before)


@given(contents, st.sampled_from([paths.RECORDS, paths.CURVES, paths.RUNS_CSV, paths.DIGESTS, paths.COPIES]))
def test_any_bytes_in_a_published_file(tmp_path, content, name):
    """What cannot be read is told, and left out."""
    for other in (paths.RECORDS, paths.CURVES, paths.RUNS_CSV, paths.DIGESTS):
        (tmp_path / other).write_bytes(b"{}")
    (tmp_path / name).write_bytes(content)
    published = Published(tmp_path)
    assert published.runs == [] and all("\n" not in problem.strip() for problem in published.problems)
    refused_in_one_line(read_audit, tmp_path)


@given(altered({"seeds": [0], "recipe": {"steps": 100}, "datasets": {"digits": {"labels": [20]}}}))
def test_a_plan_of_any_experiment_that_is_accepted(tmp_path, monkeypatch, content):
    """What passes the checks can be planned."""
    monkeypatch.chdir(tmp_path)
    text = yaml.safe_dump({**yaml.safe_load(SOME), **content})
    plan = refused_in_one_line(make_plan, tmp_path, f"experiment: some\n{text}")
    if plan is not None:
        assert len(plan.summary()) >= 1 and isinstance(plan.warnings(), list)
