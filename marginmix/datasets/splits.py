"""Split manifests: which images are labelled, unlabelled, validation and test. They are the same for every method.

A split depends only on (dataset, label count, seed). Its validation set depends only on the dataset's images, so all
seeds, label counts and label draws share it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from marginmix.datasets import Dataset, Prepared, shared_images
from marginmix.datasets.shares import equal_shares, natural_shares, spill
from marginmix.datasets.without_copies import copies_of_held_out
from marginmix.draws import shuffled
from marginmix.errors import UserError
from marginmix.files import hash_of, read_json, write_json

SETS = ("labelled", "unlabelled", "validation", "test")


@dataclass(frozen=True)
class Split:
    """The four sets of a cell, as sorted int64 indices into `Prepared.images`.

    `asked` and `given` are the labels per class before and after the spill rule. `overlap` maps "a/b" to the number of
    images of b with an exact copy in a.
    """

    dataset: str
    labels: int
    seed: int
    data_hash: str
    classes: tuple[str, ...]
    asked: Mapping[str, int]
    given: Mapping[str, int]
    labelled: np.ndarray
    unlabelled: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    overlap: Mapping[str, int]

    @property
    def hash(self) -> str:
        """Hash of the split's whole content."""
        return hash_of(self._content())

    def _content(self) -> dict[str, Any]:
        fields = ("dataset", "labels", "seed", "data_hash", "asked", "given", "overlap")
        content = {name: getattr(self, name) for name in fields}
        content["classes"] = list(self.classes)
        return content | {name: _to_ranges(getattr(self, name)) for name in SETS}

    def to_json(self) -> dict[str, Any]:
        """The manifest. It stores indices as inclusive ranges: "0-4,6,8-19"."""
        return {**self._content(), "hash": self.hash}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: str = "split") -> "Split":
        """The split of a manifest. Raises `UserError` if it is incomplete or was changed by hand."""
        try:
            fields = {name: value for name, value in content.items() if name != "hash"}
            fields["classes"] = tuple(fields["classes"])
            split = cls(**fields | {name: _from_ranges(fields[name]) for name in SETS})
            expected = content["hash"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{where}: expected a split manifest ({error!r}); delete it and run again") from error
        if split.hash != expected:
            raise UserError(
                f"{where}: expected hash {expected}, found {split.hash}, so it was changed; delete it and run again"
            )
        return split

    def check(self, prepared: Prepared) -> None:
        """Raise `UserError` unless the split was drawn from these very data."""
        if self.data_hash != prepared.data_hash:
            raise UserError(
                f"split {self.dataset}, {self.labels} labels, seed {self.seed}: drawn from data {self.data_hash}, "
                f"found data {prepared.data_hash} at {prepared.root}; delete the split and run again"
            )


def write_split(path: Path | str, split: Split) -> None:
    """Write a manifest, atomically."""
    write_json(path, split.to_json())


def read_split(path: Path | str) -> Split:
    """Read a manifest. Raises `UserError` if it is missing or damaged."""
    return Split.from_json(read_json(path), str(path))


def make_split(prepared: Prepared, dataset: Dataset, labels: int, seed: int) -> Split:
    """Draw the split of a cell.

    Balanced label draws give all classes the same number of labels; a remainder goes to classes in an order drawn from
    the seed. Natural label draws follow the class shares of the training images. What a class cannot give, the others
    give, evenly. Datasets with official folds (STL-10) use fold `seed` % 10, or all training images.

    Raises `UserError` if there are fewer images than labels asked for, or fewer labels than classes.
    """
    if labels < len(prepared.classes):
        raise UserError(
            f"{dataset.name}: expected labels of at least {len(prepared.classes)}, one per class, found {labels}; ask "
            "for more"
        )
    draw = _official if prepared.folds is not None else _drawn
    asked, labelled, validation = draw(prepared, dataset, labels, seed)
    used = np.concatenate([labelled, validation, dropped(prepared, dataset, validation)])
    training = np.concatenate([prepared.indices("train"), prepared.indices("unlabelled")])
    sets = {
        "labelled": np.sort(labelled),
        "unlabelled": np.setdiff1d(training, used),
        "validation": np.sort(validation),
        "test": prepared.indices("test"),
    }
    hashes = {name: prepared.hashes[indices] for name, indices in sets.items()}
    given = np.bincount(prepared.targets[labelled], minlength=len(prepared.classes))
    return Split(
        dataset=dataset.name,
        labels=labels,
        seed=seed,
        data_hash=prepared.data_hash,
        classes=prepared.classes,
        asked=dict(zip(prepared.classes, asked.tolist(), strict=True)),
        given=dict(zip(prepared.classes, given.tolist(), strict=True)),
        overlap={f"{a}/{b}": shared_images(hashes[a], hashes[b]) for a, b in combinations(SETS, 2)},
        **sets,
    )


def _official(prepared: Prepared, dataset: Dataset, labels: int, seed: int):
    """An official fold with the images outside all folds for validation; or all training images, without validation."""
    train, fold = prepared.indices("train"), prepared.folds[seed % len(prepared.folds)]
    if labels not in (len(fold), len(train)):
        raise UserError(
            f"{dataset.name}: expected labels {len(fold):,} (its official folds) or {len(train):,} (all), found "
            f"{labels:,}; choose one of them"
        )
    everything = labels == len(train)
    labelled = train if everything else fold
    validation = train[:0] if everything else np.setdiff1d(train, np.concatenate(prepared.folds))
    return np.bincount(prepared.targets[labelled], minlength=len(prepared.classes)), labelled, validation


def _drawn(prepared: Prepared, dataset: Dataset, labels: int, seed: int):
    validation = _validation(prepared, dataset)
    kept_out = np.concatenate([validation, dropped(prepared, dataset, validation)])
    pool = np.setdiff1d(prepared.indices("train"), kept_out)
    if labels > len(pool):
        raise UserError(
            f"{dataset.name}: expected at least {labels:,} training images to label, found {len(pool):,} beside "
            f"{len(validation):,} for validation{_and_dropped(len(kept_out) - len(validation))}; ask for at most "
            f"{len(pool):,} labels"
        )
    text = f"labelled {dataset.name} {labels} {seed}"
    order = shuffled(np.arange(len(prepared.classes)), text)
    present = np.bincount(prepared.targets[pool], minlength=len(order))
    asked = natural_shares(labels, present) if dataset.label_draw == "natural" else equal_shares(labels, order)
    given = spill(asked, present, order)
    return asked, _draw_by_class(prepared, pool, given, text), validation


def _and_dropped(count: int) -> str:
    return f" and {count:,} dropped as copies" if count else ""


def dropped(prepared: Prepared, dataset: Dataset, validation: np.ndarray) -> np.ndarray:
    """Sorted indices of the training images to leave out before labels are drawn. With `duplicates: drop` these are the
    exact and near copies of validation and test images; with `keep` there are none."""
    return validation[:0] if dataset.duplicates == "keep" else copies_of_held_out(prepared, validation)


def _validation(prepared: Prepared, dataset: Dataset) -> np.ndarray:
    if "valid" in prepared.parts:
        if "validation" in dataset.changed:
            raise UserError(
                f"{dataset.name}: expected no option validation, since the dataset has its own validation images, "
                f"found {dataset.validation}; remove the option"
            )
        return prepared.indices("valid")
    train = prepared.indices("train")
    present = np.bincount(prepared.targets[train], minlength=len(prepared.classes))
    if isinstance(dataset.validation, float):
        counts = (present * dataset.validation).astype(np.int64)
    else:
        # A subset of a dataset gives a tenth of its images at most: the share that CIFAR gives as a whole.
        order = np.arange(len(present))
        counts = spill(equal_shares(min(dataset.validation, len(train) // 10), order), present, order)
    return _draw_by_class(prepared, train, counts, f"validation {dataset.validated_as}")


def _draw_by_class(prepared: Prepared, pool: np.ndarray, counts: np.ndarray, text: str) -> np.ndarray:
    targets = prepared.targets[pool]
    return np.concatenate(
        [shuffled(pool[targets == label], f"{text} class {label}")[:count] for label, count in enumerate(counts)]
    )


def _to_ranges(indices: np.ndarray) -> str:
    if not len(indices):
        return ""
    breaks = np.flatnonzero(np.diff(indices) != 1)
    starts, stops = indices[np.r_[0, breaks + 1]].tolist(), indices[np.r_[breaks, len(indices) - 1]].tolist()
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))


def _from_ranges(text: str) -> np.ndarray:
    spans = [[int(end) for end in span.split("-")] for span in text.split(",") if span]
    return np.concatenate(
        [np.arange(span[0], span[-1] + 1, dtype=np.int64) for span in spans] or [np.empty(0, np.int64)]
    )
