"""What the reader is told beside the numbers: the legend, and the notes that these runs need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from marginmix.reporting.cells import ASSUMED, DIVERGED, STALE
from marginmix.reporting.entries import BASELINE, NOT_RUN, TREATMENT, Entry
from marginmix.reporting.verdicts import Reproduction

METHOD_TITLES = {BASELINE: "MixMatch", TREATMENT: "MarginMix"}
LEGEND = (
    ("Entries:", "mean ± standard deviation over n runs, one a seed, both methods on the same seeds; an entry shows "
     "the budget with most steps that both methods have."),
    ("Reproduced?", "at the paper's number of steps and n ≥ 2 only. reproduced: ours is within max(0.5 points, a tenth "
     "of the paper's error) of the paper's, one-sided 95 %; else better, not reproduced, or undecided."),
    ("Difference:", "MarginMix − MixMatch, paired by seed, in points of the table's measure, with its 95 % interval "
     "(t, n − 1). The claim is upheld where the interval lies on the paper's side of 0, contradicted where on the "
     "other, undecided where it takes in 0."),
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What the tables are told beside the runs: `budget`, the current one; `reporting`, which budgets' runs belong in
    the tables; `expected`, the folders (or result.json) of the current budget's runs; `absent`, dataset -> how to get
    the data; `claims`, the declared pooled tests; `titles`, dataset -> the name to print."""

    budget: str
    reporting: Mapping[str, bool]
    expected: Sequence[str] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    claims: Sequence[Mapping[str, Any]] = ()
    titles: Mapping[str, str] = field(default_factory=dict)

    def title(self, dataset: str) -> str:
        return self.titles.get(dataset, dataset)


def absence(dataset: str, request: Request) -> tuple[str, str]:
    """Why a dataset is not run and how to get it."""
    return f"{request.title(dataset)}:", f"{NOT_RUN}, its images are not there. {request.absent[dataset]}"


def paper_notes(entries: Sequence[Entry], request: Request) -> list[tuple[str, str]]:
    """What the reference says about the paper's own numbers."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for entry in entries:
        for score in entry.scores.values():
            if score.paper_note:
                labels.setdefault((entry.dataset, score.method, score.paper_note), []).append(f"{entry.labels:,}")
    return [
        (f"{request.title(dataset)} {' / '.join(counts)}, {METHOD_TITLES[method]}, paper:", note)
        for (dataset, method, note), counts in labels.items()
    ]


def run_notes(papers: Sequence[Entry], everything: Sequence[Entry], request: Request) -> list[tuple[str, str]]:
    """The notes that these runs need, and no others."""
    runs = pd.concat([entry.runs for entry in everything]) if everything else pd.DataFrame()
    if runs.empty:
        return []
    rules = runs.groupby("score_rule")["budget"].agg(lambda found: ", ".join(sorted(set(found))))
    notes = [("Score:", "; ".join(f"{rule} (budget {budgets})" for rule, budgets in rules.items()) + ".")]
    if runs["diverged"].any():
        notes.append((DIVERGED, f"{int(runs['diverged'].sum())} diverged run(s) in it, counted at chance."))
    if runs["stale"].any():
        notes.append((STALE, f"{int(runs['stale'].sum())} run(s) in it of another recipe or numerics version than the "
                             "config's now; read as they are, rerun only when asked for."))  # fmt: skip
    scores = [score for entry in papers for score in entry.scores.values()]
    if any(isinstance(score.verdict, Reproduction) and score.verdict.spread_assumed for score in scores):
        notes.append((ASSUMED, "the paper gives no spread; taken equal to ours, with n = 1."))
    left_out = sum(entry.left_out for entry in papers)
    if left_out:
        notes.append(("Left out:", f"{left_out} run(s) of the paper's entries, for want of one of the other method on "
                                   "the same seed; they are in runs.csv."))  # fmt: skip
    for (dataset, labels), found in runs.groupby(["dataset", "labels"]):
        overlaps = sorted(set(found["overlap"]) - {""})
        if overlaps:
            where = f"{request.title(str(dataset))} {labels:,}"
            notes.append((f"Overlap, {where}:", f"images that are in both sets: {' or '.join(overlaps)}."))
    return notes
