"""One run by its five names: one method on one cell of one experiment."""

from typing import NamedTuple


class RunKey(NamedTuple):
    """The names by which tables and figures know a run. They decide no bits: the spec does (`marginmix.runs.spec`)."""

    experiment: str
    dataset: str
    labels: int
    method: str
    seed: int

    @property
    def cell(self) -> str:
        """What all chance of the run is drawn from, the same for every method."""
        return f"{self.dataset}/{self.labels}/{self.seed}"
