"""Bad input gives one line: what, where, expected, found, what to do."""

import difflib
import os
import sys
from collections.abc import Callable, Iterable

DEBUG_VARIABLE = "MARGINMIX_DEBUG"


class UserError(Exception):
    """An error in the user's input. The message is one line and says what to do."""

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message: the nearest known name, or the list of known names where none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"


def run_or_explain(function: Callable[..., None], *args) -> int:
    """Call `function` and return an exit code: 0, or 1 after one line on stderr for a `UserError`.

    With MARGINMIX_DEBUG=1 in the environment the traceback is shown instead.
    """
    try:
        function(*args)
    except UserError as error:
        if os.environ.get(DEBUG_VARIABLE) == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
