"""Which runs an entry shows, and the text of the tables, literally."""

import subprocess
import sys
from pathlib import Path

import pytest

from marginmix.reporting.claims import pooled_claims
from marginmix.reporting.domains import read_separability
from marginmix.reporting.markdown import to_html, to_markdown
from marginmix.reporting.notes import Request
from marginmix.reporting.report import assemble
from marginmix.reporting.runs import csv_text, read_reference, read_runs
from marginmix.reporting.tables import all_entries, choose_budget, paper_entries, tables_frame
from tests.fake_runs import PAPER_STEPS, write_run

REFERENCE = """table,dataset,metric,labels,method,value,sd,n,origin,note
benchmarks,cifar10,error_percent,250,mixmatch,11.80,0.87,5,unknown,perhaps a slip
benchmarks,cifar10,error_percent,250,marginmix,10.76,,,florea2020,
benchmarks,cifar10,error_percent,1000,mixmatch,7.75,0.32,5,berthelot2019,
benchmarks,cifar10,error_percent,1000,marginmix,8.33,,,florea2020,
expressions,ferplus,accuracy_percent,320,mixmatch,45.6,,,florea2020,
expressions,ferplus,accuracy_percent,320,marginmix,50.7,,,florea2020,
expressions,rafdb,accuracy_percent,320,mixmatch,35.6,,,florea2020,
expressions,rafdb,accuracy_percent,320,marginmix,40.6,,,florea2020,
"""
GOLDEN = Path(__file__).with_name("golden_tables.md")
TITLES = {"cifar10": "CIFAR-10", "ferplus": "FER+", "rafdb": "RAF-DB", "faces": "Faces"}
CLAIM = {"name": "ferplus", "dataset": "ferplus", "methods": ["marginmix", "mixmatch"]}


@pytest.fixture
def reference(tmp_path):
    path = tmp_path / "paper.csv"
    path.write_text(REFERENCE)
    return read_reference(path)


def runs_of(top, reference, expected=None):
    return read_runs(top / "results" / "runs", reference, expected)


def pairs(top, budget, dataset, labels, values, first_seed=0, **changes):
    for seed, (mixmatch, marginmix) in enumerate(values, first_seed):
        write_run(top, budget, dataset, labels, "mixmatch", seed, mixmatch, **changes)
        write_run(top, budget, dataset, labels, "marginmix", seed, marginmix, **changes)


def test_text_of_the_tables_literally(tmp_path, reference):
    pairs(tmp_path, "paper", "cifar10", 250, [(88.1, 89.2), (88.3, 89.3), (88.2, 89.1)], steps=PAPER_STEPS)
    pairs(tmp_path, "reduced", "cifar10", 1000, [(60.0, 61.0)], steps=3000, source="cifar10 (JPEG copy)")
    pairs(tmp_path, "reduced", "ferplus", 320, [(43.5, 45.1), (42.1, 44.0)], steps=3000,
          source="ferplus (folders, majority)", overlap={"train/test": 3})  # fmt: skip
    write_run(tmp_path, "quick", "faces", 70, "supervised", 0, 14.3, diverged=True)
    pairs(tmp_path, "quick", "faces", 70, [(70.0, 72.0)])
    folders = [f"results/runs/reduced/ferplus/320/{method}" for method in ("mixmatch", "marginmix")]
    planned = [f"{folder}/{seed}/result.json" for folder in folders for seed in range(3)]
    expected = {path: "another" if "marginmix/0" in path else "recipe-" + path.split("/")[5] for path in planned}
    runs = runs_of(tmp_path, reference, expected)
    request = Request(
        "reduced", {"paper": True, "reduced": True, "quick": True}, planned,
        {"rafdb": "Ask its authors for it; put EmoLabel/ and Image/ into data/rafdb."}, [CLAIM], TITLES,
    )  # fmt: skip
    entries, content = assemble(runs, reference, read_separability(tmp_path / "results"), request)
    text = to_markdown(content)
    assert text == GOLDEN.read_text()
    assert to_markdown(assemble(runs, reference, read_separability(tmp_path / "results"), request)[1]) == text
    page = to_html(content, "Results")
    assert "<td>reproduced §</td>" in page
    assert page.count("<table>") == 5
    frame = tables_frame(entries)
    assert list(frame["table"].unique()) == ["benchmarks", "expressions", "all"]
    assert len(frame) == 8 + 9
    assert frame.loc[1, "difference"] == pytest.approx(-1.0)
    third = csv_text(frame).splitlines()[3]
    assert third.startswith("benchmarks,cifar10,cifar10 (JPEG copy),1000,mixmatch,error_percent,7.7500,0.3200,40.0000")


def test_nothing_run_is_a_table_that_says_so(tmp_path, reference):
    runs = runs_of(tmp_path, reference)
    entries, content = assemble(
        runs, reference, read_separability(tmp_path / "results"), Request("paper", {"paper": True}, claims=[CLAIM])
    )
    text = to_markdown(content)
    assert "The tables show no run yet." in text
    assert "MarginMix − MixMatch over ferplus, declared in paper: not run." in text
    assert "No run that is reported has finished yet." in text
    assert len(tables_frame(entries)) == 8


def test_the_largest_budget_that_both_methods_have(tmp_path, reference):
    pairs(tmp_path, "quick", "cifar10", 250, [(60.0, 61.0)] * 3, steps=800)
    pairs(tmp_path, "reduced", "cifar10", 250, [(70.0, 71.0)] * 2, steps=3000)
    write_run(tmp_path, "paper", "cifar10", 250, "mixmatch", 0, 88.0, steps=PAPER_STEPS)
    runs = runs_of(tmp_path, reference)
    assert choose_budget(runs) == "reduced"
    assert choose_budget(runs[runs["method"] == "mixmatch"]) == "paper"
    assert choose_budget(runs.iloc[:0]) is None
    entry = paper_entries(runs[runs["budget"] != "reduced"], reference)[0]
    assert (entry.budget, entry.scores["mixmatch"].n) == ("quick", 3)
    alone = paper_entries(runs[runs["budget"] == "paper"], reference)[0]
    assert (alone.budget, alone.claim) == ("paper", "not run")
    assert (alone.scores["mixmatch"].n, alone.scores["marginmix"].n) == (1, 0)
    assert alone.scores["mixmatch"].verdict == "1 seed"


def test_a_budget_that_is_not_reported_is_not_shown(tmp_path, reference):
    pairs(tmp_path, "quick", "faces", 70, [(60.0, 61.0)])
    pairs(tmp_path, "trial", "faces", 70, [(60.0, 61.0)])
    runs = runs_of(tmp_path, reference)
    entries, _ = assemble(runs, reference, read_separability(tmp_path / "results"), Request("quick", {"quick": False}))
    assert all(entry.budget is None for entry in entries)
    assert len(runs) == 4


def test_only_common_seeds_count(tmp_path, reference):
    pairs(tmp_path, "reduced", "ferplus", 320, [(43.0, 45.0), (42.0, 44.5)], steps=3000)
    write_run(tmp_path, "reduced", "ferplus", 320, "mixmatch", 7, 10.0, steps=3000)
    runs = runs_of(tmp_path, reference)
    entry = next(entry for entry in paper_entries(runs, reference) if entry.dataset == "ferplus")
    assert entry.scores["mixmatch"].mean == 42.5
    assert (entry.scores["marginmix"].difference.mean, entry.left_out) == (2.25, 1)
    _, content = assemble(
        runs, reference, read_separability(tmp_path / "results"), Request("reduced", {"reduced": True})
    )
    assert "**Left out:** 1 run(s)" in to_markdown(content)


def test_every_method_has_the_budget_of_its_entry_or_its_own(tmp_path, reference):
    pairs(tmp_path, "reduced", "faces", 70, [(70.0, 72.0)], steps=3000)
    for method in ("mixmatch", "supervised"):
        write_run(tmp_path, "quick", "faces", 70, method, 0, 50.0, steps=800)
    (entry,) = all_entries(runs_of(tmp_path, reference))
    assert {method: score.runs["budget"].iloc[0] for method, score in entry.scores.items()} == {
        "mixmatch": "reduced", "marginmix": "reduced", "supervised": "quick",
    }  # fmt: skip
    assert entry.scores["supervised"].difference.mean == 0.0  # from mixmatch of its own budget


def test_pooled_claim_over_all_cells_of_its_budget(tmp_path, reference):
    pairs(tmp_path, "reduced", "ferplus", 320, [(40.0, 41.0), (40.0, 42.0)], steps=3000)
    pairs(tmp_path, "reduced", "ferplus", 2000, [(60.0, 63.0)], steps=3000)
    pairs(tmp_path, "quick", "ferplus", 2000, [(60.0, 90.0)])
    (claim,) = pooled_claims(runs_of(tmp_path, reference), [CLAIM], [], "reduced")
    assert (claim.difference.mean, claim.difference.n, claim.verdict) == (2.0, 3, "undecided")  # 2 ± 4.3027 / sqrt(3)
    assert claim.difference.low == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4)
    planned = [
        f"results/runs/reduced/ferplus/{labels}/{method}/0" for labels in (320, 2000) for method in CLAIM["methods"]
    ]
    (part,) = pooled_claims(runs_of(tmp_path, reference), [CLAIM | {"labels": [320]}], planned, "reduced")
    assert (part.difference.mean, part.difference.n, part.planned, part.labels) == (1.5, 2, 1, (320,))


def test_reporting_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys, marginmix.reporting.report, marginmix.reporting.runs;"
        "print([m for m in ('torch', 'matplotlib', 'snakemake') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
