"""The code blocks of the documents."""

import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its page by the path in the repository, its language, its text."""

    page: str
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0]


def pages() -> list[str]:
    """README.md, CONTRIBUTING.md and every page of docs/."""
    found = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return ["README.md", "CONTRIBUTING.md", *found]


def blocks_of(text: str, page: str = "") -> list[Block]:
    """The blocks of a Markdown text that name a language."""
    return [Block(page, language, dedent(block)) for _, language, block in _FENCE.findall(text)]


def blocks(*languages: str) -> list[Block]:
    """Those of all pages in these languages."""
    found = [block for page in pages() for block in blocks_of((ROOT / page).read_text(encoding="utf-8"), page)]
    return [block for block in found if block.language in languages]


def write_modules(folder: Path, package: str = "my_package") -> None:
    """Put the Python blocks that begin with a file's name in `package` where they say, below `folder`."""
    for block in blocks("python"):
        if name := re.match(rf"# ({package}/\S+)$", block.first):
            path = folder / name[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
