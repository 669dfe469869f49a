"""Pooled tests that a config declares before its runs are made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from marginmix.reporting.entries import NOT_RUN
from marginmix.reporting.runs import Cell, cell_of
from marginmix.reporting.tables import difference_of, pair
from marginmix.reporting.verdicts import Difference, claim_verdict


@dataclass(frozen=True)
class Claim:
    """A pooled test that a config declared before its runs were made: is methods[0] more accurate than methods[1]?"""

    name: str
    budget: str
    dataset: str
    methods: tuple[str, str]
    difference: Difference | None  # in points of accuracy
    planned: int  # pairs; 0 where it is not known
    labels: tuple[int, ...] = ()  # the label counts that it is over; all where empty

    @property
    def verdict(self) -> str:
        if self.difference is None:
            return NOT_RUN
        return "undecided" if self.difference.n < 2 else claim_verdict(self.difference, 1)


def pooled_claims(
    runs: pd.DataFrame, declared: Iterable[Mapping[str, Any]], expected: Iterable[str], budget: str
) -> list[Claim]:
    """The declared claims ({name, dataset, methods, labels if not all, budget if it is not `budget`}) over all paired
    cells of their dataset in the budget that declares them. `expected`: the paths of the runs that are planned."""
    planned = pd.DataFrame([cell_of(path) for path in expected], columns=list(Cell._fields))
    claims = []
    for claim in declared:
        where = claim.get("budget", budget)
        first, second = claim["methods"]
        ours, plan = (
            frame[(frame["budget"] == where) & (frame["dataset"] == claim["dataset"])] for frame in (runs, planned)
        )
        if labels := tuple(claim.get("labels", ())):
            ours, plan = (frame[frame["labels"].isin(labels)] for frame in (ours, plan))
        difference = difference_of(ours, first, second, "accuracy")
        pairs = len(pair(plan.assign(cell=0.0), first, second, "cell"))
        claims.append(Claim(claim["name"], where, claim["dataset"], (first, second), difference, pairs, labels))
    return claims
