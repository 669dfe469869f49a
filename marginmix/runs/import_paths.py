"""Import paths of methods, checked while planning: from the source, since importing a method means importing torch."""

import ast
import importlib.util
import pkgutil
from pathlib import Path

from marginmix.errors import UserError, suggest

MOVED = {
    "marginmix.method:MarginMix": "marginmix.methods.marginmix:MarginMix",
    "marginmix.embedding:MarginSupervised": "marginmix.methods.margin_supervised:MarginSupervised",
}
"""Import paths of before -> where the class is now."""


def check_import_path(path: str, where: str) -> None:
    """A `UserError` that starts with `where` unless `path`, module:Class, names a class."""
    if path in MOVED:
        raise UserError(f"{where}: {path} is now {MOVED[path]}; write that")
    module, _, name = path.partition(":")
    package = module.rpartition(".")[0]
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        raise UserError(f"{where}: there is no package {package!r}; write package.module:Class") from None
    if spec is None or not spec.origin:
        parent = importlib.util.find_spec(package) if package else None
        siblings = [found.name for found in pkgutil.iter_modules(parent.submodule_search_locations)] if parent else []
        known = [f"{package}.{sibling}" for sibling in siblings]
        raise UserError(f"{where}: there is no module {module!r}; {suggest(module, known)}")
    try:
        tree = ast.parse(Path(spec.origin).read_text())
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{where}: cannot read {module} ({error}); write package.module:Class") from error
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    imported = [
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    if name not in [*classes, *imported]:
        raise UserError(f"{where}: {module} has no class {name!r}; {suggest(name, classes)}")
