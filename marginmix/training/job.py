"""What one run is to do: images, split, method, recipe, device."""

from dataclasses import dataclass
from pathlib import Path

from marginmix import datasets
from marginmix.recipe import Recipe
from marginmix.splits import Split


@dataclass(frozen=True)
class DataSource:
    """Where a run's images come from; `image_size` is the side in pixels they are trained at, None: their own."""

    dataset: str
    data_root: Path
    cache: Path
    root: Path | None = None
    family: str | None = None
    image_size: int | None = None
    verify_counts: bool = True

    def prepare(self) -> datasets.Prepared:
        return datasets.prepare(
            self.dataset, self.root, self.data_root, self.cache, self.verify_counts, family=self.family
        )


@dataclass(frozen=True)
class Job:
    """One run of one method (`method` its import path, `name` its name in the tables) on one cell.

    `execution` is one of `execution.MODES`; not `exact`: faster kernels may be used that do not repeat bit for bit.
    """

    budget: str
    source: DataSource
    split: Split
    name: str
    method: str
    recipe: Recipe
    device: str
    threads: int
    checkpoint_s: float = 30.0
    execution: str = "auto"
    exact: bool = True

    @property
    def cell(self) -> str:
        return f"{self.source.dataset}/{self.split.labels}/{self.split.seed}"
