"""The names of the networks. They lie apart from the networks, so that checking a config needs no torch."""

import re

from marginmix.errors import UserError

ALEXNET = "alexnet-2d"

# depth, filters of the first stage, stages (MixMatch: 135 filters are its 26 M network; STL-10 has one more stage)
_NAMED = {"wrn-28-2-large": (28, 135, 3), "wrn-28-2-stl": (28, 32, 4)}


def is_import_path(name: str) -> bool:
    """Whether it names a function or class of a module, package.module:name."""
    return bool(re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name))


def network_shape(name: str) -> tuple[int, int, int] | None:
    """Depth, filters of the first stage and number of stages of a WRN; None for alexnet-2d and for an import path.

    Raises `UserError` for a name that is none of wrn-DEPTH-WIDTH (DEPTH = 6 n + 4), wrn-28-2-large, wrn-28-2-stl,
    alexnet-2d, package.module:function.
    """
    if name == ALEXNET or is_import_path(name):
        return None
    if name in _NAMED:
        return _NAMED[name]
    match = re.fullmatch(r"wrn-(\d+)-(\d+)", name)
    if match:
        depth, width = int(match[1]), int(match[2])
        if depth >= 10 and depth % 6 == 4 and width >= 1:
            return depth, 16 * width, 3
    raise UserError(
        f"recipe: unknown network {name!r}; expected wrn-DEPTH-WIDTH with DEPTH = 10, 16, 22, 28, …, "
        f"{', '.join(_NAMED)}, {ALEXNET} or package.module:function"
    )
