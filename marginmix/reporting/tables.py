"""Which runs an entry shows - of which budget, on which seeds - and all entries as the rows of tables.csv."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from marginmix.reporting.entries import BASELINE, NOT_RUN, TREATMENT, Entry, Score
from marginmix.reporting.runs import MEASURES
from marginmix.reporting.verdicts import Difference, Reproduction, paired_difference


def choose_budget(runs: pd.DataFrame) -> str | None:
    """The budget that an entry shows, of the reported runs of one (dataset, labels): the one with most steps that both
    methods have a common seed of; failing that, the one with most steps. More seeds, then the name, break a tie."""
    ranked = []
    for budget, group in runs.groupby("budget"):
        seeds = _common_seeds(group)
        ranked.append((bool(seeds), int(group["steps"].max()), len(seeds) or group["seed"].nunique(), str(budget)))
    return max(ranked)[-1] if ranked else None


def _common_seeds(runs: pd.DataFrame) -> set[int]:
    seeds = {method: set(group["seed"]) for method, group in runs.groupby("method")}
    return seeds.get(BASELINE, set()) & seeds.get(TREATMENT, set())


def pair(runs: pd.DataFrame, method: str, baseline: str, value: str) -> pd.Series:
    """`value` of `method` - that of `baseline` on the cells that both have in one budget, by (labels, seed)."""
    cells = ["budget", "dataset", "labels", "seed"]
    one, other = (runs[runs["method"] == name].set_index(cells)[value] for name in (method, baseline))
    return (one - other).dropna()


def difference_of(runs: pd.DataFrame, method: str, baseline: str, value: str) -> Difference | None:
    """The mean of `pair` with its interval; None where no pair is."""
    differences = pair(runs, method, baseline, value)
    return paired_difference(differences) if len(differences) else None


def paper_entries(runs: pd.DataFrame, reference: pd.DataFrame) -> list[Entry]:
    """The entries of the paper's tables in its order, from the runs that are reported."""
    entries = []
    for (table, dataset, labels), paper in reference.groupby(["table", "dataset", "labels"], sort=False):
        metric = paper["metric"].iloc[0]
        found = runs[(runs["dataset"] == dataset) & (runs["labels"] == labels)]
        found = found[found["method"].isin([BASELINE, TREATMENT])]
        shown = found[found["budget"] == choose_budget(found)]
        seeds = _common_seeds(shown)
        paired = shown[shown["seed"].isin(seeds)] if seeds else shown
        scores = {}
        for method in (BASELINE, TREATMENT):
            row = paper[paper["method"] == method].iloc[0]
            difference = difference_of(paired, method, BASELINE, "score") if method == TREATMENT else None
            sd, n = (None if pd.isna(row[name]) else row[name] for name in ("sd", "n"))
            note = "" if pd.isna(row["note"]) else row["note"]
            ours = paired[paired["method"] == method]
            scores[method] = Score(method, ours, metric, float(row["value"]), sd, n, note, difference)
        entries.append(Entry(table, dataset, int(labels), metric, scores, len(shown) - len(paired)))
    return entries


def all_entries(runs: pd.DataFrame) -> list[Entry]:
    """Every (dataset, label count) with every method, in accuracy. Each method has the budget of its entry, or where it
    was not run in that, its own with most steps."""
    entries = []
    for (dataset, labels), found in runs.groupby(["dataset", "labels"]):
        main = choose_budget(found)
        scores = {}
        for method in sorted(set(found["method"]), key=method_order):
            own = found[found["method"] == method]
            budget = main if main in set(own["budget"]) else choose_budget(own)
            ours = own[own["budget"] == budget].assign(score=lambda frame: frame["accuracy"])
            difference = None
            if method != BASELINE:
                difference = difference_of(found[found["budget"] == budget], method, BASELINE, "accuracy")
            scores[method] = Score(method, ours, "accuracy_percent", difference=difference)
        entries.append(Entry("all", str(dataset), int(labels), "accuracy_percent", scores))
    return entries


def method_order(name: str) -> tuple[int, str]:
    """Sorts methods: the two that are compared first, then the others by name."""
    return ((BASELINE, TREATMENT).index(name) if name in (BASELINE, TREATMENT) else 2, name)


def tables_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Entries as rows for tables.csv, one per (table, dataset, labels, method)."""
    return pd.DataFrame([_flat(entry, score) for entry in entries for score in entry.scores.values()])


def _flat(entry: Entry, score: Score) -> dict[str, Any]:
    runs, difference = score.runs, score.difference or Difference(math.nan, math.nan, math.nan, 0)
    in_paper = score.paper is not None
    verdict = score.verdict if in_paper else ""
    reproduced = isinstance(verdict, Reproduction)
    return {
        "table": entry.table,
        "dataset": entry.dataset,
        "source": " / ".join(sorted(set(runs["source"]))),
        "labels": entry.labels,
        "method": score.method,
        "metric": entry.metric,
        "paper": score.paper,
        "paper_sd": score.paper_sd,
        "ours": score.mean,
        "ours_sd": score.sd,
        "n": score.n,
        "seeds": " ".join(map(str, sorted(runs["seed"]))),
        "budget": runs["budget"].iloc[0] if score.n else NOT_RUN,
        "steps": score.steps if score.n else NOT_RUN,
        **{name: runs[name].astype(float).mean() for name in (*MEASURES, "optimism")},
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
        "stale": int(runs["stale"].sum()),
    }
