"""What the reader is told beside the numbers: the legend, and the notes that these runs need."""

from collections.abc import Mapping, Sequence

import pandas as pd

from marginmix.reporting.cells import ASSUMED, DIVERGED, STALE
from marginmix.reporting.entries import Entry
from marginmix.reporting.names import method_title
from marginmix.reporting.verdicts import Reproduction
from marginmix.runs.collapse import THRESHOLD

LEGEND = (
    ("Entries:", "mean ± standard deviation over n runs, one a seed; in the paper's tables both methods on the "
     "same seeds. Each experiment has tables of its own."),
    ("Reproduced?", "at the paper's number of steps and n ≥ 2 only. reproduced: ours is within max(0.5 points, a tenth "
     "of the paper's error) of the paper's, one-sided 95 %; else better, not reproduced, or undecided."),
    ("Difference:", "MarginMix − MixMatch, paired by seed, in points of the table's measure, with its 95 % interval "
     "(t, n − 1). The claim is upheld where the interval lies on the paper's side of 0, contradicted where on the "
     "other, undecided where it takes in 0."),
    ("Without copies:", "accuracy on the test images that have neither an exact nor a near copy among the training "
     "images; – where a run did not keep its predictions."),
    ("Other people's numbers:", "results/studies/elsewhere.md."),
)  # fmt: skip


def paper_notes(entries: Sequence[Entry], titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the reference says about the paper's own numbers."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for entry in entries:
        for score in entry.scores.values():
            if score.paper_note:
                labels.setdefault((entry.dataset, score.method, score.paper_note), []).append(f"{entry.labels:,}")
    return [
        (f"{titles.get(dataset, dataset)} {' / '.join(counts)}, {method_title(method, titles)}, paper:", note)
        for (dataset, method, note), counts in labels.items()
    ]


def run_notes(papers: Sequence[Entry], everything: Sequence[Entry], titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """The notes that these runs need, and no others."""
    runs = pd.concat([entry.runs for entry in everything]) if everything else pd.DataFrame()
    if runs.empty:
        return []
    notes = [("Score:", "; ".join(sorted(set(runs["score_rule"]))) + ".")]
    if runs["diverged"].any():
        notes.append((DIVERGED, f"{int(runs['diverged'].sum())} diverged run(s) in it, counted at chance."))
    if runs["collapsed"].any():
        notes.append(("Collapsed:", f"at three evaluations running, predictions were over {THRESHOLD:.0f} % as "
                      "one-sided as if all images were of the commonest class (results/studies/collapse.md). Such an "
                      "entry has no verdict."))  # fmt: skip
    if runs["stale"].any():
        notes.append((STALE, f"{int(runs['stale'].sum())} run(s) in it of another recipe than the experiment's "
                             "file asks for now."))  # fmt: skip
    scores = [score for entry in papers for score in entry.scores.values()]
    if any(isinstance(score.verdict, Reproduction) and score.verdict.spread_assumed for score in scores):
        notes.append((ASSUMED, "the paper gives no spread; taken equal to ours, with n = 1."))
    left_out = sum(entry.left_out for entry in papers)
    if left_out:
        notes.append(("Left out:", f"{left_out} run(s) of the paper's entries, for want of one of the other method on "
                                   "the same seed; see every method below."))  # fmt: skip
    for (dataset, labels), found in runs.groupby(["dataset", "labels"]):
        overlaps = sorted(set(found["overlap"]) - {""})
        if overlaps:
            where = f"{titles.get(str(dataset), dataset)} {labels:,}"
            notes.append((f"Overlap, {where}:", f"images that are in both sets: {' or '.join(overlaps)}."))
    return notes
