"""An entry of a table: one (dataset, label count), the runs of its methods, and the verdicts on them."""

from dataclasses import dataclass

import pandas as pd

from marginmix.reporting.names import BASELINE, TREATMENT
from marginmix.reporting.verdicts import Difference, Reproduction, claim_verdict, reproduction

NOT_RUN = "not run"


@dataclass(frozen=True)
class Score:
    """One method of an entry: the paper's value and ours. `runs` has one row per seed and may be empty."""

    method: str
    runs: pd.DataFrame
    metric: str
    paper: float | None = None
    paper_sd: float | None = None
    paper_n: int | None = None
    paper_note: str = ""
    difference: Difference | None = None  # from the baseline on the same seeds

    @property
    def n(self) -> int:
        return len(self.runs)

    @property
    def mean(self) -> float:
        return float(self.runs["score"].mean())

    @property
    def sd(self) -> float:
        """Standard deviation over the seeds (n - 1); NaN for one seed."""
        return float(self.runs["score"].std(ddof=1))

    @property
    def collapsed(self) -> str:
        """How many of the runs collapsed, in words; empty if none did."""
        count = int(self.runs["collapsed"].sum())
        return f"collapsed ({count} of {self.n})" if count else ""

    @property
    def steps(self) -> str:
        """`n of N steps`, where N is the paper's number; a range if the runs differ."""
        steps, paper = self.runs["steps"], self.runs["paper_steps"].max()
        least, most = steps.min(), steps.max()
        done = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        return f"{done} of {paper:,} steps"

    @property
    def verdict(self) -> Reproduction | str:
        """The verdict on the paper's number, or the reason why there is none, in words."""
        if not self.n:
            return NOT_RUN
        if self.collapsed:
            return self.collapsed
        if (self.runs["steps"] != self.runs["paper_steps"]).any():
            return self.steps
        if self.n < 2:
            return "1 seed"
        paper_error = self.paper if self.metric == "error_percent" else 100.0 - self.paper
        return reproduction(100.0 - self.runs["accuracy"], paper_error, self.paper_sd, self.paper_n)


@dataclass(frozen=True)
class Entry:
    """One (dataset, label count): of a table of the paper, with both methods, or of the last table, with all
    methods."""

    table: str
    dataset: str
    labels: int
    metric: str
    scores: dict[str, Score]
    left_out: int = 0  # runs without a partner of the same seed

    @property
    def runs(self) -> pd.DataFrame:
        return pd.concat([score.runs for score in self.scores.values()])

    @property
    def sources(self) -> list[str]:
        """The copies of the dataset that were trained on, if they say more than its name."""
        return sorted(set(self.runs["source"]) - {self.dataset})

    @property
    def paper_difference(self) -> float:
        return self.scores[TREATMENT].paper - self.scores[BASELINE].paper

    @property
    def claim(self) -> str:
        """The verdict on the paper's claim for this entry."""
        difference = self.scores[TREATMENT].difference
        if difference is None:
            return NOT_RUN
        if any(score.collapsed for score in self.scores.values()):
            return "none: collapsed"
        return claim_verdict(difference, self.paper_difference)
