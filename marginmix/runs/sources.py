"""The files that a script depends on: itself and every module here that it imports. An edit of one redraws it."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import marginmix
from marginmix.files import hash_of

PACKAGE = Path(marginmix.__file__).parent


def sources(script: Path | str) -> list[str]:
    """The script and the modules of `marginmix`, and of the script's own folder, that it imports, directly or not."""
    found, pending = set(), [Path(script).resolve()]
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += _imported(path, Path(script).resolve().parent)
    return sorted(map(str, found))


def contents(files: Iterable[Path | str]) -> str:
    """A text that changes with the content of the files, not with their dates."""
    return hash_of([_digest(path) for path in files])


@cache
def _digest(path: Path | str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@cache
def _imported(path: Path, folder: Path) -> tuple[Path, ...]:
    names = set(_names(ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(file for name in sorted(names) if (file := _file_of(name, folder)))


def _names(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that a module may import: of `from a import b` both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file_of(name: str, folder: Path) -> Path | None:
    parts = name.split(".")
    if parts[0] == "marginmix":
        place = PACKAGE.joinpath(*parts[1:])
        candidates = [place.with_suffix(".py"), place / "__init__.py"]
    else:
        candidates = [folder / f"{name}.py"]
    return next((path for path in candidates if path.is_file()), None)
