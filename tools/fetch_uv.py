"""Fetches uv into a folder of this repository, using only Python: fetch_uv.py VERSION FOLDER.

It tries pip in a fresh virtual environment, then the installed pip (both respect configured mirrors). For a Python with
neither venv nor pip, it downloads from PyPI itself. It writes nothing outside the folder.
"""

import hashlib
import io
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

INDEX = "https://pypi.org/simple/uv/"
TIMEOUT_S = 600


def by_venv(version: str, place: Path) -> Path:
    _call(sys.executable, "-m", "venv", str(place))
    _call(str(place / "bin" / "python"), "-m", "pip", "install", "--no-cache-dir", f"uv=={version}")
    return place / "bin" / "uv"


def by_pip(version: str, place: Path) -> Path:
    _call(sys.executable, "-m", "pip", "install", "--no-cache-dir", "--target", str(place), f"uv=={version}")
    return place / "bin" / "uv"


def by_download(version: str, place: Path) -> Path:
    index = urllib.request.Request(INDEX, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(index, timeout=60) as answer:
        wheels = [
            f for f in json.load(answer)["files"] if re.fullmatch(rf"uv-{re.escape(version)}-.*\.whl", f["filename"])
        ]
    system = {"Linux": "musllinux" if platform.libc_ver()[0] != "glibc" else "manylinux", "Darwin": "macosx"}
    wanted = system.get(platform.system(), platform.system()), platform.machine()
    wheel = next((file for file in wheels if all(word in file["filename"] for word in wanted)), None)
    if wheel is None:
        raise OSError(f"PyPI has no uv {version} for {' '.join(wanted)}")
    with urllib.request.urlopen(wheel["url"], timeout=TIMEOUT_S) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != wheel["hashes"]["sha256"]:
        raise OSError(f"{wheel['filename']}: its SHA-256 differs from the one that PyPI lists")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next(name for name in archive.namelist() if name.endswith("scripts/uv"))
        place.mkdir()
        (place / "uv").write_bytes(archive.read(name))
    return place / "uv"


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise OSError(said[-1] if said else f"exit code {done.returncode}")


def main(version: str, folder: Path) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever python3 the user has runs this
        sys.exit(f"error: expected python3 3.11 or later, found {platform.python_version()} at {sys.executable}")
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    failures = []
    for way in (by_venv, by_pip, by_download):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            try:
                found = way(version, Path(scratch, "uv"))
                shutil.copy2(found, folder / "bin" / "fetched")
            except (OSError, ValueError, StopIteration, subprocess.TimeoutExpired) as error:
                failures.append(f"{way.__name__}: {error}")
                continue
        (folder / "bin" / "fetched").chmod(0o755)
        (folder / "bin" / "fetched").replace(folder / "bin" / "uv")
        return
    sys.exit(f"error: cannot fetch uv {version}; install uv (https://docs.astral.sh/uv) or pip. {'; '.join(failures)}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
