"""Where the images of a run come from."""

from dataclasses import dataclass
from pathlib import Path

from marginmix import datasets


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
