"""The audit of copies: its rows, their place among what is published, and the page, literally."""

import subprocess
import sys

import pytest

from marginmix.cli import main
from marginmix.errors import UserError
from marginmix.reporting.copies import add_audit, audit_blocks, audit_frame, read_audit
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.publish import publish
from marginmix.reporting.published import Published
from tests.fake_runs import ROOT, config_text, make_plan, write_run
from tests.tiny_data import noise, write_folder, write_images

PETS = {
    "name": "pets", "title": "pets", "source": "pets (image folder)", "data_hash": "00e1",
    "images": {"train": 40, "valid": 10, "test": 8},
    "copies": {
        "train/valid": {"exact": 0, "near": 1}, "train/test": {"exact": 2, "near": 3},
        "valid/test": {"exact": 0, "near": 0},
    },
}  # fmt: skip
DIGITS = {
    "name": "digits", "title": "digits", "source": "digits", "data_hash": "d1", "images": {"train": 1297, "test": 500},
    "copies": {"train/test": {"exact": 1, "near": None}},
}  # fmt: skip
PAGE = """\
| dataset             | images of | with a copy in | images | exact | share | near | share |
| ------------------- | --------- | -------------- | -----: | ----: | ----: | ---: | ----: |
| digits              | test      | train          |    500 |     1 |   0.2 |    – |     – |
| pets (image folder) | valid     | train          |     10 |     0 |   0.0 |    1 |  10.0 |
| pets (image folder) | test      | train          |      8 |     2 |  25.0 |    3 |  37.5 |
| pets (image folder) | test      | valid          |      8 |     0 |   0.0 |    0 |   0.0 |
"""


def test_the_page_literally_whatever_came_first(tmp_path):
    for name, order in {"a": (PETS, DIGITS), "b": (DIGITS, PETS)}.items():
        for description in order:
            add_audit(description, tmp_path / name)
        text = to_markdown(audit_blocks(audit_frame(read_audit(tmp_path / name))))
        assert text.startswith("# Copies between the parts of datasets\n") and text.endswith(f"\n\n{PAGE}")
    assert (tmp_path / "a/copies.csv").read_bytes() == (tmp_path / "b/copies.csv").read_bytes()


def test_a_dataset_is_counted_once_a_source(tmp_path):
    add_audit(PETS, tmp_path)
    lines = add_audit({**PETS, "copies": {"train/test": {"exact": 1, "near": 1}}}, tmp_path)
    assert lines == ["pets (image folder): test in train: 1 exact, 1 near of 8"]
    assert read_audit(tmp_path)[["part", "exact", "near"]].to_numpy().tolist() == [["test", 1, 1]]
    add_audit({**PETS, "source": "pets (other copy)"}, tmp_path)
    assert read_audit(tmp_path)["source"].tolist() == ["pets (image folder)"] + ["pets (other copy)"] * 3
    assert read_audit(tmp_path)["data"].tolist()[0] == "00e1"
    assert add_audit(DIGITS, tmp_path) == ["digits: test in train: 1 exact, – near of 500"]


def test_it_lies_among_the_published_runs(top):
    folder, text = top / "results/published", config_text(datasets="{ferplus: {labels: [320]}}")
    write_run(top, "quick", "ferplus", 320, "mixmatch", 0, 60.0)
    publish(make_plan(top, text), folder)
    add_audit(PETS, folder)
    found = Published(folder)
    assert len(found.runs) == 1 and found.problems == []
    before = (folder / "copies.csv").read_bytes()
    publish(make_plan(top, text), folder)
    assert (folder / "copies.csv").read_bytes() == before and Published(folder).whole()
    (folder / "copies.csv").write_bytes(before + b"x")
    with pytest.raises(UserError, match=r"is damaged: .*copies.csv: it differs from what was published"):
        add_audit(PETS, folder)
    assert (folder / "copies.csv").read_bytes() == before + b"x"


def test_the_command_and_the_script(tmp_path, capsys):
    root = write_folder(tmp_path / "data", shape=(32, 32))
    write_images(root / "test" / "cat", noise(20, 32, 32, seed=0)[[3]])
    call = ["audit", "--dataset", "pets", "--family", "folder", "--root", str(root), "--cache", str(tmp_path / "cache")]
    assert main([*call, "--published", str(tmp_path / "published")]) == 0
    assert capsys.readouterr().out == "pets (image folder, 32x32): test in train: 1 exact, 1 near of 10\n"
    code = "import sys; from pathlib import Path; from audit import write_copies; folder = Path(sys.argv[1]); "
    code += "write_copies(folder / 'published', {'csv': folder / 'copies.csv', 'markdown': folder / 'copies.md'})"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, cwd=ROOT / "workflow" / "scripts")
    assert (tmp_path / "copies.csv").read_text().splitlines()[1].endswith("test,10,train,1,1,10.0000,10.0000")
    assert "| image folder (image folder, 32x32) | test " in (tmp_path / "copies.md").read_text()


def test_what_this_repository_publishes():
    """FER+ and CIFAR-10 as another program counted them before."""
    rows = read_audit(ROOT / "results" / "published").set_index(["source", "part", "copied_from"])
    votes = rows.loc[("ferplus (folders, majority)", "test", "train")]
    assert (votes["images"], votes["exact"]) == (3137, 232)
    assert rows.loc[("cifar10 (JPEG copy)", "test", "train"), "exact"] == 0
