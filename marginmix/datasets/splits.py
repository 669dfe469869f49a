"""Split manifests: which images are labelled, unlabelled, validation and test, the same for every method.

What is in them is drawn from (dataset, label count, seed) alone; the validation set from the dataset's images alone, so
that all seeds, label counts and ways to draw labels share it.
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
    """One cell's four sets, as sorted int64 indices into `Prepared.images`.

    `asked` and `given` are labels per class before and after the spill rule; `overlap` {"a/b": images of b with an
    exact copy in a}.
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
        """Hash of all that the split says; part of a run's identity."""
        return hash_of(self._content())

    def _content(self) -> dict[str, Any]:
        fields = ("dataset", "labels", "seed", "data_hash", "asked", "given", "overlap")
        content = {name: getattr(self, name) for name in fields}
        content["classes"] = list(self.classes)
        return content | {name: _to_ranges(getattr(self, name)) for name in SETS}

    def to_json(self) -> dict[str, Any]:
        """The manifest; indices as ranges with both ends: "0-4,6,8-19"."""
        return {**self._content(), "hash": self.hash}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: str = "split") -> "Split":
        """The split of a manifest; raises `UserError` where it is incomplete or was changed by hand."""
        try:
            fields = {name: value for name, value in content.items() if name != "hash"}
            fields["classes"] = tuple(fields["classes"])
            split = cls(**fields | {name: _from_ranges(fields[name]) for name in SETS})
            expected = content["hash"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{where}: not a split manifest ({error!r}); delete it and run again") from error
        if split.hash != expected:
            raise UserError(
                f"{where}: expected hash {expected}, found {split.hash}; it was changed: delete it and rerun"
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
    """Read a manifest; a missing or damaged one is a `UserError`."""
    return Split.from_json(read_json(path), str(path))


def make_split(prepared: Prepared, dataset: Dataset, labels: int, seed: int) -> Split:
    """Draw the split of a cell.

    Classes get equal shares of the labels, the remainder in an order drawn from the seed, or with natural label draws
    shares as of the training images; what a class cannot give goes to the others, evenly. Datasets with official folds
    (STL-10) have fold `seed` % 10, or all. Raises `UserError` where there are fewer images than labels asked for, or
    fewer labels than classes.
    """
    if labels < len(prepared.classes):
        raise UserError(
            f"{dataset.name}: expected at least a label for each of {len(prepared.classes)} classes, "
            f"found labels {labels}; ask for more"
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
    """An official fold, validated on the images of no fold; or all training images, and none left to validate on."""
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
            f"{dataset.name}: {labels:,} labels asked for, found {len(pool):,} training images beside "
            f"{len(validation):,} for validation{_and_dropped(len(kept_out) - len(validation))}; ask for "
            f"{len(pool):,} at most"
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
    """The training images, with labels and without, that are not to be trained on: with `duplicates: drop` the exact
    and near copies of a validation or test image. Sorted indices; known before labels are drawn."""
    return validation[:0] if dataset.duplicates == "keep" else copies_of_held_out(prepared, validation)


def _validation(prepared: Prepared, dataset: Dataset) -> np.ndarray:
    if "valid" in prepared.parts:
        if "validation" in dataset.changed:
            raise UserError(
                f"{dataset.name}: expected no option validation, since the dataset has validation images of its own, "
                f"found {dataset.validation}; remove the option"
            )
        return prepared.indices("valid")
    train = prepared.indices("train")
    present = np.bincount(prepared.targets[train], minlength=len(prepared.classes))
    if isinstance(dataset.validation, float):
        counts = (present * dataset.validation).astype(np.int64)
    else:
        # A subset of the dataset gives a tenth, as the whole of CIFAR does.
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
