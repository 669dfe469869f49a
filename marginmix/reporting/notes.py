"""The text beside the numbers: the legend, and the notes that these runs need."""

from collections.abc import Mapping, Sequence

import pandas as pd

from marginmix.reporting.cells import ASSUMED, DIVERGED, STALE
from marginmix.reporting.entries import Entry
from marginmix.reporting.names import method_title
from marginmix.reporting.verdicts import Reproduction
from marginmix.runs.collapse import THRESHOLD

LEGEND = (
    ("Entries:", "mean ± standard deviation over n runs, one per seed. In the paper's tables both methods have the "
     "same seeds. Each experiment has its own tables."),
    ("Reproduced?", "only at the paper's number of steps and for n ≥ 2. reproduced: our error is within max(0.5 "
     "points, a tenth of the paper's error) of the paper's, one-sided 95 %. Otherwise: better, not reproduced, or "
     "undecided."),
    ("Difference:", "MarginMix − MixMatch, paired by seed, in points of the table's measure, with its 95 % interval "
     "(t, n − 1). The claim is upheld if the interval lies on the paper's side of 0, contradicted if it lies on the "
     "other side, and undecided if it contains 0."),
    ("Without copies:", "accuracy on the test images that have neither an exact nor a near copy among the training "
     "images. “–” stands where a run did not keep its predictions."),
    ("Other people's numbers:", "results/studies/elsewhere.md."),
)  # fmt: skip


def paper_notes(entries: Sequence[Entry], titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """The notes in the reference on the paper's own numbers."""
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
    """Only the notes that these runs need."""
    runs = pd.concat([entry.runs for entry in everything]) if everything else pd.DataFrame()
    if runs.empty:
        return []
    notes = [("Score:", "; ".join(sorted(set(runs["score_rule"]))) + ".")]
    if runs["diverged"].any():
        notes.append((DIVERGED, f"includes diverged runs ({int(runs['diverged'].sum())} in all), counted at chance."))
    if runs["collapsed"].any():
        text = (
            f"at three evaluations in a row, predictions were more than {THRESHOLD:.0f} % as one-sided as if every "
            "image got the commonest class. For runs older than the alarm, guesses on unlabelled images count instead, "
            "compared with hidden labels (results/studies/collapse.md). Such an entry has no verdict."
        )
        notes.append(("Collapsed:", text))
    if runs["stale"].any():
        notes.append((STALE, f"includes runs ({int(runs['stale'].sum())} in all) with another recipe than the "
                             "experiment's file asks for now."))  # fmt: skip
    scores = [score for entry in papers for score in entry.scores.values()]
    if any(isinstance(score.verdict, Reproduction) and score.verdict.spread_assumed for score in scores):
        notes.append((ASSUMED, "the paper gives no spread. We assume that it equals ours, with n = 1."))
    left_out = sum(entry.left_out for entry in papers)
    if left_out:
        notes.append(("Left out:", f"{left_out} run(s) of the paper's entries, since the other method has no run with "
                                   "the same seed. The table of every method includes them."))  # fmt: skip
    for (dataset, labels), found in runs.groupby(["dataset", "labels"]):
        overlaps = sorted(set(found["overlap"]) - {""})
        if overlaps:
            where = f"{titles.get(str(dataset), dataset)} {labels:,}"
            notes.append((f"Overlap, {where}:", f"number of images that are in both sets: {' or '.join(overlaps)}."))
    return notes
