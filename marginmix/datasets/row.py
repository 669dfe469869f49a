"""What is known of a dataset before any of its files is read: a row of the registry."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTS = ("train", "unlabelled", "valid", "test")
EMBEDDED = "embedded"
NATURAL = "-natural"
"""What the name of a dataset ends in whose labels are drawn as its classes are, not balanced."""


@dataclass(frozen=True)
class Layout:
    """One way in which a dataset may lie on disk, relative to its root.

    `sign` is the path by which it is recognised; `inputs` are the files and folders that its content depends on.
    """

    sign: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A row of the registry.

    `classes` and `shape` (H, W, C) are None where the user's images decide. `counts` are the images per part, by
    layout. `validation` is how validation images are drawn where the dataset has no part of its own for them: an
    integer is that many, balanced over the classes; a float is that share of every class. `label_draw` is balanced or
    natural: a class's part of the labels is its part of the training images that are not for validation. `loader` is
    "module:function", called as `function(root, row, layout) -> Raw`.
    """

    name: str
    family: str
    title: str
    loader: str
    get: str
    licence: str
    classes: tuple[str, ...] | None = None
    shape: tuple[int, int, int] | None = None
    flip: bool = True
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    validation: int | float = 0.1
    label_draw: str = "balanced"
    variant: str | float | None = None
    downloadable: bool = False
    embedded: bool = False

    @property
    def validated_as(self) -> str:
        """The name that its validation images are drawn by: the same however the labels are drawn."""
        return self.name.removesuffix(NATURAL)
