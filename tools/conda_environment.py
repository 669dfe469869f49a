"""Writes environment.yml with the pins of uv.lock, for users of conda. `make environment.yml` runs it."""

import shutil
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYTHON = "3.11"
PLATFORMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64"), ("win32", "AMD64"))
HEADER = f"""\
# The pins of uv.lock for users of conda, written by `make environment.yml`; a test keeps the two equal.
# The lock serves several versions of Python, some packages pinned per version; this file is for Python {PYTHON}.
#
#   conda env create -f environment.yml && conda activate marginmix && pip install --no-deps --editable .
#
# The last step is apart, so that Snakemake can make the environment too (--software-deployment-method conda): its jobs
# find the package by PYTHONPATH.
name: marginmix
channels: [conda-forge, nodefaults]
dependencies:
  - python={PYTHON}
  - pip
  - pip:
"""


def find_uv() -> str | None:
    """The uv that the Makefile fetched, or else the one on the PATH; None if there is none."""
    return shutil.which("uv", path=ROOT / ".uv" / "bin") or shutil.which("uv")


def export(uv: str) -> list[Requirement]:
    """The locked requirements of the package, without those for development."""
    options = ["--frozen", "--no-dev", "--no-hashes", "--no-annotate", "--no-header", "--no-emit-project"]
    call = [uv, "export", "--format", "requirements.txt", *options]
    lines = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [Requirement(line) for line in lines if line.strip()]


def pin(requirement: Requirement) -> str | None:
    """`name==version`, with its marker if only some platforms need it; None if no platform needs it under `PYTHON`."""
    if requirement.marker is None:
        return str(requirement)
    python = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    needed = [
        requirement.marker.evaluate({**python, "sys_platform": platform, "platform_machine": machine})
        for platform, machine in PLATFORMS
    ]
    if all(needed):
        return f"{requirement.name}{requirement.specifier}"
    return str(requirement) if any(needed) else None


def environment(requirements: list[Requirement]) -> str:
    """The content of environment.yml."""
    pins = [text for requirement in requirements if (text := pin(requirement))]
    quoted = [f"'{text}'" if '"' in text else text for text in pins]
    return HEADER + "".join(f"      - {text}\n" for text in quoted)


if __name__ == "__main__":
    uv = find_uv()
    if uv is None:
        sys.exit("error: expected uv in .uv/bin or on the PATH, found none; run `make env` first")
    (ROOT / "environment.yml").write_text(environment(export(uv)))
