"""Pooled tests that an experiment declares before its runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from marginmix.reporting.entries import NOT_RUN
from marginmix.reporting.tables import difference_of, pair
from marginmix.reporting.verdicts import Difference, claim_verdict
from marginmix.runs.key import RunKey


@dataclass(frozen=True)
class Claim:
    """A pooled test, declared before the runs: is methods[0] more accurate than methods[1]?"""

    name: str
    dataset: str
    methods: tuple[str, str]
    difference: Difference | None  # in points of accuracy
    planned: int  # number of planned pairs
    labels: tuple[int, ...] = ()  # the label counts that it pools; empty: all

    @property
    def verdict(self) -> str:
        if self.difference is None:
            return NOT_RUN
        return "undecided" if self.difference.n < 2 else claim_verdict(self.difference, 1)


def pooled_claims(runs: pd.DataFrame, declared: Iterable[Mapping[str, Any]], planned: Iterable[RunKey]) -> list[Claim]:
    """The claims that an experiment declares, each tested over all paired cells of its dataset.

    `declared`: mappings with name, dataset, methods and, unless they cover all, labels. `planned`: the keys of the
    experiment's runs.
    """
    keys = pd.DataFrame(list(planned), columns=list(RunKey._fields)).assign(cell=0.0)
    claims = []
    for claim in declared:
        first, second = claim["methods"]
        ours, plan = (frame[frame["dataset"] == claim["dataset"]] for frame in (runs, keys))
        if labels := tuple(claim.get("labels", ())):
            ours, plan = (frame[frame["labels"].isin(labels)] for frame in (ours, plan))
        difference = difference_of(ours, first, second, "accuracy")
        pairs = len(pair(plan, first, second, "cell"))
        claims.append(Claim(claim["name"], claim["dataset"], (first, second), difference, pairs, labels))
    return claims
