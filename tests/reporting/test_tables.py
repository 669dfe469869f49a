"""Which runs an entry shows, what the verdicts on them are, and the text of the tables, literally."""

import subprocess
import sys
from pathlib import Path

import pytest

from marginmix.reporting.claims import pooled_claims
from marginmix.reporting.finished import read_local
from marginmix.reporting.markdown import to_html, to_markdown
from marginmix.reporting.publish import write_published
from marginmix.reporting.published import Published
from marginmix.reporting.report import assemble
from marginmix.reporting.results import csv_text, of_published, read_reference
from marginmix.reporting.tables import REFERENCE_COLUMNS, all_entries, paper_entries
from marginmix.runs.key import RunKey
from tests.fake_runs import EXPRESSIONS, PAPER_STEPS, config_text, make_plan, make_results, predictions, write_run

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
CLAIM = {"name": "ferplus", "dataset": "ferplus", "methods": ["marginmix", "mixmatch"]}
CLAIMS = "[{name: ferplus, dataset: ferplus, methods: [marginmix, mixmatch]}]"
FERPLUS = "{ferplus: {labels: [320]}}"


@pytest.fixture
def reference(top):
    path = top / "paper.csv"
    path.write_text(REFERENCE)
    return read_reference(path, REFERENCE_COLUMNS)


def pairs(top, experiment, dataset, labels, values, steps=800, **more):
    for seed, (mixmatch, marginmix) in enumerate(values):
        write_run(top, experiment, dataset, labels, "mixmatch", seed, mixmatch, {"steps": steps}, **more)
        write_run(top, experiment, dataset, labels, "marginmix", seed, marginmix, {"steps": steps}, **more)


def of_all_published(top, text):
    """The results of an experiment whose runs, of whatever recipe, are all published."""
    plan = make_plan(top, text)
    folders = (top / "results" / "runs" / plan.experiment).glob("*/*/*/*/*")
    write_published([read_local(folder) for folder in folders], top / "results" / "published")
    return of_published(plan, Published(top / "results" / "published"))


def entry_of(results, reference, dataset="ferplus"):
    return next(entry for entry in paper_entries(results.runs, reference) if entry.dataset == dataset)


def test_text_of_the_tables_literally(top, reference):
    pairs(top, "paper", "cifar10", 250, [(88.1, 89.2), (88.3, 89.3), (88.2, 89.1)], steps=PAPER_STEPS)
    pairs(top, "reduced", "cifar10", 1000, [(60.0, 61.0)], steps=3000, source="cifar10 (JPEG copy)")
    votes = {"source": "ferplus (folders, majority)", "overlap": {"train/test": 3, "valid/test": 0}}
    for seed, (mixmatch, marginmix, settings) in enumerate([(43.5, 45.1, {"lambda_u": 10}), (42.1, 44.0, {})]):
        write_run(top, "reduced", "ferplus", 320, "mixmatch", seed, mixmatch, {"steps": 3000}, **votes)
        write_run(top, "reduced", "ferplus", 320, "marginmix", seed, marginmix, {"steps": 3000} | settings, **votes)
    write_run(top, "quick", "faces", 70, "supervised", 0, 14.0, diverged=True, classes=EXPRESSIONS[:7])
    for method, accuracy in (("mixmatch", 70.0), ("marginmix", 72.0)):
        kept = predictions(accuracy, int(accuracy), copies=50)
        write_run(top, "quick", "faces", 70, method, 0, accuracy, arrays=kept)
    asked = "{cifar10: {labels: [1000], seeds: [0]}, ferplus: {labels: [320]}, rafdb: {labels: [320]}}"
    found = [
        make_results(top, config_text("longer", "{digits: {labels: [30]}}")),
        make_results(
            top, config_text("paper", "{cifar10: {labels: [250], methods: [mixmatch, marginmix]}}", PAPER_STEPS)
        ),
        of_all_published(top, config_text("reduced", asked, 3000, claims=CLAIMS)),
        make_results(top, config_text().replace("seeds: [0, 1, 2]", "seeds: [0]")),
    ]
    frame, content = assemble(found, reference)
    text = to_markdown(content)
    assert text == GOLDEN.read_text()
    assert to_markdown(assemble(found, reference)[1]) == text
    page = to_html(content, "Results")
    assert "<td>reproduced §</td>" in page and page.count("<table>") == 10
    assert list(frame["table"].unique()) == ["benchmarks", "all", "expressions"]
    assert list(frame["experiment"].unique()) == ["paper", "reduced", "quick"]
    assert len(frame) == 4 + 10 + 3
    assert frame.loc[1, "difference"] == pytest.approx(-1.0)
    row = csv_text(frame).splitlines()[5]
    assert row.startswith(
        "reduced,benchmarks,cifar10,cifar10 (JPEG copy),1000,mixmatch,error_percent,7.7500,0.3200,40.0000"
    )


def test_nothing_run_is_a_table_that_says_so(top, reference):
    text = config_text("paper", "{cifar10: {labels: [250, 1000]}, ferplus: {labels: [320]}}", claims=CLAIMS)
    frame, content = assemble([make_results(top, text)], reference)
    told = to_markdown(content)
    assert "- **Runs:** 0 of 27 are done; 27 are not run (results/left-out.md says why)." in told
    assert "MarginMix − MixMatch over FER+, declared before the runs: not run." in told
    assert "No run has finished yet." in told and "| FER+ 320 | not run |" in " ".join(told.split())
    assert len(frame) == 6 and set(frame["steps"]) == {"not run"}


def test_what_cannot_be_read_is_told_on_the_page(top, reference):
    pairs(top, "quick", "faces", 70, [(60.0, 61.0)])
    broken = write_run(top, "quick", "faces", 70, "mixmatch", 1, 60.0)
    (broken / "result.json").write_text("{")
    told = to_markdown(assemble([make_results(top, config_text())], reference)[1])
    assert f"- **Not read:** left out: {broken.relative_to(top)}/result.json is not valid JSON" in told
    assert "- **Runs:** 2 of 9 are done; 7 are not run" in told


def test_one_method_alone_has_no_claim(top, reference):
    write_run(top, "paper", "cifar10", 250, "mixmatch", 0, 88.0, {"steps": PAPER_STEPS})
    results = make_results(top, config_text("paper", "{cifar10: {labels: [250]}}", PAPER_STEPS))
    entry = entry_of(results, reference, "cifar10")
    assert (entry.claim, entry.scores["mixmatch"].n, entry.scores["marginmix"].n) == ("not run", 1, 0)
    assert (entry.scores["mixmatch"].verdict, entry.scores["marginmix"].verdict) == ("1 seed", "not run")


def test_only_common_seeds_count(top, reference):
    pairs(top, "reduced", "ferplus", 320, [(43.0, 45.0), (42.0, 44.5)])
    write_run(top, "reduced", "ferplus", 320, "mixmatch", 2, 10.0)
    results = make_results(top, config_text("reduced", FERPLUS))
    entry = entry_of(results, reference)
    assert entry.scores["mixmatch"].mean == 42.5
    assert (entry.scores["marginmix"].difference.mean, entry.left_out) == (2.25, 1)
    assert "**Left out:** 1 run(s)" in to_markdown(assemble([results], reference)[1])


def test_every_method_is_compared_with_mixmatch_on_the_seeds_of_both(top):
    pairs(top, "quick", "faces", 70, [(70.0, 72.0), (60.0, 61.0)])
    write_run(top, "quick", "faces", 70, "supervised", 1, 50.0)
    (entry,) = all_entries(make_results(top, config_text()).runs)
    assert list(entry.scores) == ["mixmatch", "marginmix", "supervised"]
    assert entry.scores["mixmatch"].difference is None and entry.scores["marginmix"].difference.mean == 1.5
    assert (entry.scores["supervised"].difference.mean, entry.scores["supervised"].difference.n) == (-10.0, 1)


def test_pooled_claim_over_all_cells_of_its_dataset(top):
    pairs(top, "reduced", "ferplus", 320, [(40.0, 41.0), (40.0, 42.0)])
    pairs(top, "reduced", "ferplus", 2000, [(60.0, 63.0)])
    pairs(top, "reduced", "faces", 70, [(60.0, 90.0)])
    results = make_results(top, config_text("reduced", "{ferplus: {labels: [320, 2000]}, faces: {labels: [70]}}"))
    (claim,) = pooled_claims(results.runs, [CLAIM], results.plan.runs)
    assert (claim.difference.mean, claim.difference.n, claim.verdict) == (2.0, 3, "undecided")  # 2 ± 4.3027 / sqrt(3)
    assert claim.difference.low == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4)
    assert (claim.planned, claim.labels) == (6, ())
    planned = [RunKey("reduced", "ferplus", labels, method, 0) for labels in (320, 2000) for method in CLAIM["methods"]]
    (part,) = pooled_claims(results.runs, [CLAIM | {"labels": [320]}], planned)
    assert (part.difference.mean, part.difference.n, part.planned, part.labels) == (1.5, 2, 1, (320,))


def test_pooled_claim_is_upheld_or_contradicted_by_its_side(top):
    pairs(top, "reduced", "ferplus", 320, [(40.0, 41.9), (40.0, 42.0), (40.0, 42.1)])
    results = make_results(top, config_text("reduced", FERPLUS))
    swapped = CLAIM | {"methods": ["mixmatch", "marginmix"]}
    claims = pooled_claims(results.runs, [CLAIM, swapped], results.plan.runs)
    assert [claim.verdict for claim in claims] == ["upheld", "contradicted"]
    assert [claim.difference.mean for claim in claims] == pytest.approx([2.0, -2.0])


def test_pairs_have_the_same_label_count(top):
    """Two methods on different label counts of one seed: only the cell of both pairs."""
    for labels, method, accuracy in ((320, "mixmatch", 40.0), (2000, "mixmatch", 60.0), (2000, "marginmix", 63.0),
                                     (4000, "marginmix", 70.0)):  # fmt: skip
        write_run(top, "reduced", "ferplus", labels, method, 0, accuracy)
    results = make_results(top, config_text("reduced", "{ferplus: {labels: [320, 2000, 4000]}}"))
    (claim,) = pooled_claims(results.runs, [CLAIM], results.plan.runs)
    assert (claim.difference.mean, claim.difference.n, claim.verdict) == (3.0, 1, "undecided")


def test_accuracy_of_the_paper_is_not_taken_for_its_error(top, reference):
    pairs(top, "paper", "ferplus", 320, [(45.6, 50.7), (45.6, 50.7)], steps=PAPER_STEPS)
    entry = entry_of(make_results(top, config_text("paper", FERPLUS, PAPER_STEPS)), reference)
    verdict = entry.scores["marginmix"].verdict
    assert (verdict.verdict, verdict.d, verdict.h) == ("reproduced", pytest.approx(0), 0)
    assert verdict.tolerance == pytest.approx(4.93)  # a tenth of an error of 49.3


def test_seeds_of_different_steps_get_no_verdict(top, reference):
    for seed, steps in ((0, 3000), (1, PAPER_STEPS)):
        write_run(top, "paper", "ferplus", 320, "mixmatch", seed, 45.6, {"steps": steps})
        write_run(top, "paper", "ferplus", 320, "marginmix", seed, 50.7, {"steps": PAPER_STEPS})
    entry = entry_of(of_all_published(top, config_text("paper", FERPLUS, PAPER_STEPS)), reference)
    assert entry.scores["mixmatch"].verdict == "3,000 to 1,048,576 of 1,048,576 steps"
    assert entry.scores["marginmix"].verdict.verdict == "reproduced"


def test_reporting_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys, marginmix.reporting.report, marginmix.reporting.publish, marginmix.reporting.study,"
        " marginmix.reporting.difficulty, marginmix.reporting.figures;"
        "print([m for m in ('torch', 'matplotlib', 'snakemake') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
