"""A row of the registry: what is known about a dataset before any file is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marginmix.datasets.options import COMMON, OPTIONS

PARTS = ("train", "unlabelled", "valid", "test")
EMBEDDED = "embedded"


@dataclass(frozen=True)
class Layout:
    """One arrangement of a dataset's files under its root.

    `sign` is the path that identifies the layout. `inputs` are the files and folders that the content depends on.
    """

    sign: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A row of the registry, or one with options applied (see `get`).

    `classes` and `shape` (H, W, C) are None if the user's images decide them. `counts` has the images per part, by
    layout; `counts_by_rule` has such counts for each vote rule. `loader` is "module:function", called as
    `function(root, row, layout) -> Raw`.

    `options` names the options that the dataset has. The fields with these names hold the defaults: see `OPTIONS`.
    `validation` is used only if the dataset has no validation part. `changed` holds the options that differ from the
    registry's row, and `family` if the name is not that of a row. A spec stores `changed` beside the name.
    """

    name: str
    family: str
    title: str
    loader: str
    get: str
    licence: str
    classes: tuple[str, ...] | None = None
    shape: tuple[int, int, int] | None = None
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    counts_by_rule: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    downloadable: bool = False
    embedded: bool = False
    options: tuple[str, ...] = COMMON
    changed: Mapping[str, Any] = field(default_factory=dict)
    vote_rule: str | None = None
    ambiguity: float | None = None
    label_draw: str = "balanced"
    duplicates: str = "keep"
    flip: bool = True
    validation: int | float = 0.1

    @property
    def decoded(self) -> dict[str, Any]:
        """The changed options that change images or labels."""
        return {name: value for name, value in self.changed.items() if name in OPTIONS and OPTIONS[name].decoded}

    @property
    def validated_as(self) -> str:
        """The text that seeds the draw of validation images: the family, and the options that change images or labels.
        So datasets that differ only in their label draw share validation images. Users' own images use their name."""
        if self.classes is None:
            return self.name
        values = (value if isinstance(value, str) else f"{value:g}" for value in self.decoded.values())
        return "-".join([self.family, *values])
