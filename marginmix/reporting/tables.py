"""The runs of one experiment as the entries of tables, and entries as the rows of tables.csv."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from marginmix.reporting.entries import NOT_RUN, Entry, Score
from marginmix.reporting.names import BASELINE, TREATMENT, method_order
from marginmix.reporting.results import MEASURES, WITHOUT_COPIES
from marginmix.reporting.verdicts import Difference, Reproduction, paired_difference

REFERENCE_COLUMNS = ("table", "dataset", "metric", "labels", "method", "value", "sd", "n", "origin", "note")


def in_metric(accuracy, metric: str):
    """An accuracy in percent, in the table's metric: unchanged, or as the error 100 − accuracy."""
    return 100.0 - accuracy if metric == "error_percent" else accuracy


def pair(runs: pd.DataFrame, method: str, baseline: str, value: str) -> pd.Series:
    """`value` of `method` minus that of `baseline`, on the cells (dataset, labels, seed) that both have."""
    cells = ["dataset", "labels", "seed"]
    one, other = (runs[runs["method"] == name].set_index(cells)[value] for name in (method, baseline))
    return (one - other).dropna()


def difference_of(runs: pd.DataFrame, method: str, baseline: str, value: str) -> Difference | None:
    """The mean of `pair` with its interval; None if there is no pair."""
    differences = pair(runs, method, baseline, value)
    return paired_difference(differences) if len(differences) else None


def paper_entries(runs: pd.DataFrame, reference: pd.DataFrame) -> list[Entry]:
    """The entries of the paper's tables, in the paper's order, from the runs of one experiment."""
    entries = []
    for (table, dataset, labels), paper in reference.groupby(["table", "dataset", "labels"], sort=False):
        metric = paper["metric"].iloc[0]
        found = runs[(runs["dataset"] == dataset) & (runs["labels"] == labels)]
        found = found[found["method"].isin([BASELINE, TREATMENT])]
        found = found.assign(score=in_metric(found["accuracy"], metric))
        seeds = _common_seeds(found)
        paired = found[found["seed"].isin(seeds)] if seeds else found
        scores = {}
        for method in (BASELINE, TREATMENT):
            row = paper[paper["method"] == method].iloc[0]
            difference = difference_of(paired, method, BASELINE, "score") if method == TREATMENT else None
            sd, n = (None if pd.isna(row[name]) else row[name] for name in ("sd", "n"))
            note = "" if pd.isna(row["note"]) else row["note"]
            ours = paired[paired["method"] == method]
            scores[method] = Score(method, ours, metric, float(row["value"]), sd, n, note, difference)
        entries.append(Entry(table, dataset, int(labels), metric, scores, len(found) - len(paired)))
    return entries


def _common_seeds(runs: pd.DataFrame) -> set[int]:
    seeds = {method: set(group["seed"]) for method, group in runs.groupby("method")}
    return seeds.get(BASELINE, set()) & seeds.get(TREATMENT, set())


def all_entries(runs: pd.DataFrame) -> list[Entry]:
    """One entry per (dataset, label count) of an experiment, with every method, in accuracy."""
    entries = []
    for (dataset, labels), found in runs.groupby(["dataset", "labels"]):
        scores = {}
        for method in sorted(set(found["method"]), key=method_order):
            ours = found[found["method"] == method].assign(score=lambda frame: frame["accuracy"])
            difference = None if method == BASELINE else difference_of(found, method, BASELINE, "accuracy")
            scores[method] = Score(method, ours, "accuracy_percent", difference=difference)
        entries.append(Entry("all", str(dataset), int(labels), "accuracy_percent", scores))
    return entries


def tables_frame(experiment: str, entries: Iterable[Entry]) -> pd.DataFrame:
    """Entries as rows for tables.csv: one per (table, dataset, labels, method)."""
    return pd.DataFrame([_flat(experiment, entry, score) for entry in entries for score in entry.scores.values()])


def _flat(experiment: str, entry: Entry, score: Score) -> dict[str, Any]:
    runs, difference = score.runs, score.difference or Difference(math.nan, math.nan, math.nan, 0)
    in_paper = score.paper is not None
    verdict = score.verdict if in_paper else ""
    reproduced = isinstance(verdict, Reproduction)
    return {
        "experiment": experiment,
        "table": entry.table,
        "dataset": entry.dataset,
        "source": " / ".join(sorted(set(runs["source"]))),
        "labels": entry.labels,
        "method": score.method,
        "metric": entry.metric,
        "paper": score.paper if in_paper else math.nan,
        "paper_sd": math.nan if score.paper_sd is None else score.paper_sd,
        "ours": score.mean,
        "ours_sd": score.sd,
        "n": score.n,
        "seeds": " ".join(map(str, sorted(runs["seed"]))),
        "steps": score.steps if score.n else NOT_RUN,
        **{name: runs[name].astype(float).mean() for name in (*MEASURES, "optimism")},
        WITHOUT_COPIES: runs[WITHOUT_COPIES].astype(float).mean(skipna=False),
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "difference_n": difference.n,
        "paper_difference": entry.paper_difference if in_paper and score.method == TREATMENT else math.nan,
        "claim": entry.claim if in_paper and score.method == TREATMENT else "",
        "reproduced": verdict.text if reproduced else verdict,
        "reproduced_d": verdict.d if reproduced else math.nan,
        "reproduced_h": verdict.h if reproduced else math.nan,
        "reproduced_tolerance": verdict.tolerance if reproduced else math.nan,
        "diverged": int(runs["diverged"].sum()),
        "collapsed": int(runs["collapsed"].sum()),
        "stale": int(runs["stale"].sum()),
    }
