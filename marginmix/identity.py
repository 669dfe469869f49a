"""What a run is: a hash of its recipe, split, data and the numerics version. The same identity means the same bits."""

from marginmix.files import hash_of
from marginmix.recipe import Recipe

NUMERICS_VERSION = 1
"""Raised by one when three steps of any method or a default of `Recipe` change: results of another version are stale.

A test forces it. A new setting whose default is what was done before needs none: hashes are of what differs from the
defaults.
"""


def recipe_hash(recipe: Recipe, method: str, image_size: int | None) -> str:
    """Hash of all that a config says of a run's training: settings, import path of the method, side of the images."""
    return hash_of({"recipe": recipe.changes, "method": method, "image_size": image_size})


def run_identity(recipe: str, split: str, data: str) -> dict[str, str | int]:
    """The identity of a run from the hashes of its recipe (`recipe_hash`), its split manifest and its data."""
    parts = {"recipe": recipe, "split": split, "data": data, "numerics": NUMERICS_VERSION}
    return {"run": hash_of(parts), **parts}
