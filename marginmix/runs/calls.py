"""The command lines with which the workflow calls `marginmix` and itself."""

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import marginmix
from marginmix.errors import DEBUG_VARIABLE, UserError

T = TypeVar("T")
CONDA_ENVIRONMENTS = "*/.snakemake/conda/*"
"""Where Snakemake makes them, unless --conda-prefix says another place; jobs there keep this interpreter."""


def or_explain(function: Callable[[], T]) -> T:
    """The function's value; after a `UserError` its one line on stderr, and the end."""
    try:
        return function()
    except UserError as error:
        if os.environ.get(DEBUG_VARIABLE) == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def prepare_environment() -> None:
    """Let jobs find this package in any environment. Snakemake does not quote Python's path when it runs a script:
    where that path has a space or a quote, put Python on the PATH."""
    above = [str(Path(marginmix.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(os.pathsep.join(above).split(os.pathsep)))
    if shlex.quote(sys.executable) != sys.executable:
        os.environ["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
        sys.executable = os.path.basename(sys.executable)


def command() -> str:
    """How jobs call `marginmix` in a shell: with this interpreter, so that they do not find another environment's on
    the PATH. A job in an environment that Snakemake has made by conda calls that environment's Python."""
    made = (
        f'case "${{CONDA_PREFIX-}}" in {CONDA_ENVIRONMENTS}) echo python;; *) echo {shlex.quote(sys.executable)};; esac'
    )
    return os.environ.get("MARGINMIX_COMMAND", f'"$({made})" -m marginmix')


def token() -> str:
    """A text of this call of Snakemake, the same in all its jobs, on a cluster too."""
    return os.environ.setdefault("MARGINMIX_TOKEN", str(time.time_ns()))


def finished_only(snakefile: str, given: Mapping[str, Any]) -> str:
    """The command that draws tables and figures of what exists, for the same `--config`."""
    words = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", "--snakefile", snakefile, "--config"]
    said = {name: value for name, value in given.items() if name != "rebuild"}
    said |= {"only": "finished", "missing": "skip"}
    return shlex.join([*words, *(f"{name}={json.dumps(value)}" for name, value in said.items())])
