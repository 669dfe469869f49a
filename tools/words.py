"""Counts words per sentence in README.md, docs/ and other pages for readers. Exits with 1 if a page is too wordy.

    python tools/words.py [FILE.md ...]

Code blocks, tables, headings, images and the targets of links do not count. A list item counts as a sentence.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

MEAN, LONGEST = 18, 45
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/**/*.md",
    "workflow/config/README.md",
    "CHANGELOG.md",
    "results/published/README.md",
)
RELEASED = re.compile(r"^## \[\d", re.MULTILINE)
"""The first released version in a changelog. The text from there on is no longer edited."""

_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`[^`]*`")
_ITEM = re.compile(r"^ *(?:[-*+]|\d+\.) +")
_NO_PROSE = re.compile(r"^ *(?:#{1,6} |\||\[[^\]]+\]: )")
_STOP = re.compile(r"[.!?][\"”’)*_]*(?=\s|$)")
_ABBREVIATIONS = ("et al.", "e.g.", "i.e.", "eq.", "vs.", "cf.")


def sentences(text: str) -> list[str]:
    """The sentences of a Markdown text, each on one line."""
    text = _COMMENT.sub("", _FENCE.sub("\n", text))
    paragraphs: list[list[str]] = [[]]
    for line in text.splitlines():
        item = _ITEM.match(line)
        if not line.strip() or _NO_PROSE.match(line):
            paragraphs.append([])
        elif item:
            paragraphs.append([line[item.end() :]])
        else:
            paragraphs[-1].append(line.lstrip("> "))
    return [sentence for lines in paragraphs for sentence in _split(" ".join(lines))]


def _split(paragraph: str) -> list[str]:
    plain = _CODE.sub("code", _LINK.sub(lambda link: "" if link[1] else link[2], paragraph))
    ends = [stop.end() for stop in _STOP.finditer(plain) if not plain[: stop.end()].endswith(_ABBREVIATIONS)]
    parts = [plain[start:end].strip() for start, end in zip([0, *ends], [*ends, len(plain)], strict=True)]
    return [part for part in parts if words(part)]


def words(sentence: str) -> int:
    """The number of words. Spaces separate words; a word has at least one letter or digit; inline code is one word."""
    return sum(any(sign.isalnum() for sign in word) for word in sentence.split())


def judge(name: str, text: str) -> tuple[str, list[str]]:
    """A line with the page's numbers, and a list with one line per fault."""
    if name.endswith("CHANGELOG.md"):
        text = RELEASED.split(text)[0]
    found = sentences(text)
    counts = [words(sentence) for sentence in found]
    mean = sum(counts) / max(len(counts), 1)
    summary = f"{name}: {len(counts)} sentences, mean {mean:.1f} words, longest {max(counts, default=0)}"
    too_long = f"{name}: expected at most {MEAN} words per sentence on average, found {mean:.1f}"
    faults = [] if mean <= MEAN else [too_long]
    for sentence, count in zip(found, counts, strict=True):
        if count > LONGEST:
            faults.append(f"{name}: expected at most {LONGEST} words in a sentence, found {count}: {sentence}")
    return summary, faults


def main(names: Sequence[str]) -> int:
    pages = [Path(name) for name in names] or [page for pattern in PAGES for page in sorted(Path().glob(pattern))]
    faults = []
    for page in pages:
        summary, too_long = judge(page.as_posix(), page.read_text(encoding="utf-8"))
        print(summary)
        faults += too_long
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
