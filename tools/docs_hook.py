"""A hook of MkDocs: takes the files of the repository that pages link to into the site, and refuses what is not there.

Pages link as a reader of the repository needs it: `../results/tables.md`. MkDocs knows docs/ alone, so each such file
is copied below repository/ and the link leads there. Markdown files become pages, and their links are followed too.
"""

import posixpath
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS, ADDED = "docs", "repository"
_CODE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?(?:\s+\"[^\"]*\")?\))")
_LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)")


def place_in_site(path: str) -> str:
    """docs/a.md → a.md; results/tables.md → repository/results/tables.md."""
    return path.removeprefix(f"{DOCS}/") if path.startswith(f"{DOCS}/") else f"{ADDED}/{path}"


def place_in_repository(uri: str) -> str:
    """What `place_in_site` gives, backwards."""
    return uri.removeprefix(f"{ADDED}/") if uri.startswith(f"{ADDED}/") else f"{DOCS}/{uri}"


def prose_of(markdown: str) -> Iterator[tuple[bool, str]]:
    """The pieces of a page in their order: whether it is prose, and its text. The others are code."""
    end = 0
    for code in _CODE.finditer(markdown):
        yield True, markdown[end : code.start()]
        yield False, code[0]
        end = code.end()
    yield True, markdown[end:]


def linked(markdown: str, page: str) -> set[str]:
    """The files, by their paths in the repository, that the page at the path `page` links to."""
    links = (link for prose, text in prose_of(markdown) if prose for link in _LINK.finditer(text))
    return {_target(link[2], page) for link in links}


def relinked(markdown: str, page: str) -> str:
    """The page with its links as they must be in the site."""
    here = posixpath.dirname(place_in_site(page))

    def new(link: re.Match) -> str:
        return link[1] + posixpath.relpath(place_in_site(_target(link[2], page)), here or ".") + link[3]

    return "".join(_LINK.sub(new, text) if prose else text for prose, text in prose_of(markdown))


def needed(pages: dict[str, str], known: set[str], root: Path) -> dict[str, str]:
    """The files outside docs/ that the site needs: each by its path, with the page that links to it. Raises
    `PluginError` for one that is not among `known`, the files of the repository.

    `pages` are the pages to begin with: the content of each by its path.
    """
    found: dict[str, str] = {}
    waiting = dict(pages)
    while waiting:
        page, markdown = waiting.popitem()
        for path in sorted(linked(markdown, page)):
            if path.startswith(f"{DOCS}/") or path in found or path in pages:
                continue
            if path not in known:
                raise PluginError(f"{page}: expected a link to a file of the repository, found {path}; mend the link")
            found[path] = page
            if path.endswith(".md"):
                waiting[path] = (root / path).read_text(encoding="utf-8")
    return found


def files_of(root: Path) -> set[str]:
    """What git keeps below `root`; every file where there is no git."""
    if (root / ".git").exists():
        call = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(call, check=True, capture_output=True, text=True).stdout.split("\0")
        return {path for path in listed if (root / path).is_file()}
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def on_files(files: Files, config: Any) -> Files:
    known = files_of(ROOT)
    named = {place_in_repository(uri) for uri in _named(config.nav) if uri.startswith(f"{ADDED}/")}
    if missing := sorted(named - known):
        raise PluginError(f"mkdocs.yml, nav: expected files of the repository, found {missing[0]}; mend the nav")
    begin = {place_in_repository(file.src_uri): file.content_string for file in files.documentation_pages()}
    begin |= {path: (ROOT / path).read_text(encoding="utf-8") for path in named}
    for path in [*named, *needed(begin, known, ROOT)]:
        inclusion = InclusionLevel.INCLUDED if path in named else InclusionLevel.NOT_IN_NAV
        added = File.generated(config, place_in_site(path), abs_src_path=str(ROOT / path), inclusion=inclusion)
        files.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    return relinked(markdown, place_in_repository(page.file.src_uri))


def on_post_page(output: str, page: Page, config: Any) -> str:
    """A page that loads something from elsewhere would not open without a network."""
    if foreign := _LOADED.search(output):
        raise PluginError(f"{page.file.src_uri}: expected a page that loads nothing, found {foreign[1]}; remove it")
    return output


def _target(link: str, page: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def _named(nav: Any) -> Iterator[str]:
    match nav:
        case str():
            yield nav
        case dict():
            for part in nav.values():
                yield from _named(part)
        case list():
            for part in nav:
                yield from _named(part)
