"""One run by its five names: one method on one cell of one experiment."""

from typing import NamedTuple


class RunKey(NamedTuple):
    """The names of a run in tables and figures. They decide no bits: the spec does (`marginmix.runs.spec`)."""

    experiment: str
    dataset: str
    labels: int
    method: str
    seed: int

    @property
    def cell(self) -> str:
        """The seed of all random draws of the run, the same for every method."""
        return f"{self.dataset}/{self.labels}/{self.seed}"
