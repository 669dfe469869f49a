"""Headings, paragraphs, lists and tables. The same content becomes Markdown or one small HTML page."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Bullets:
    """Points, each a (lead, text) pair. The lead is set in bold and may be empty."""

    points: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Cells of plain text. The first `left` columns are left-aligned, the others right-aligned."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


Block = Heading | Paragraph | Bullets | Table

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 1.5rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
table { display: block; overflow-x: auto }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ccc; text-align: right; white-space: nowrap }
th { border-bottom: 2px solid #222 } .left { text-align: left }
"""


def to_markdown(blocks: Sequence[Block]) -> str:
    """Markdown. Its tables are aligned in the raw text, too."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_escape(text)}"
        case Paragraph(text):
            return _escape(text)
        case Bullets(points):
            return "\n".join(f"- {f'**{_escape(lead)}** ' if lead else ''}{_escape(text)}" for lead, text in points)
        case Table(header, rows, left):
            return _markdown_table(header, rows, left)


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    lines = [[_escape(cell) for cell in line] for line in (header, *rows)]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(header))]
    rule = ["-" * width if i < left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    padded = [[f"{cell:{'<' if i < left else '>'}{widths[i]}}" for i, cell in enumerate(line)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in (padded[0], rule, *padded[1:]))


def _escape(text: str) -> str:
    return re.sub(r"([\\|<*`])", r"\\\1", text)


def to_html(blocks: Sequence[Block], title: str) -> str:
    """One self-contained HTML page."""
    body = "\n".join(_html(block) for block in blocks)
    head = f'<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n<style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{html.escape(text)}</p>"
        case Bullets(points):
            items = (f"<b>{html.escape(lead)}</b> {html.escape(text)}".replace("<b></b> ", "") for lead, text in points)
            return "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"
        case Table(header, rows, left):
            lines = [_html_row(header, "th", left), *(_html_row(row, "td", left) for row in rows)]
            return "<table>\n" + "\n".join(lines) + "\n</table>"


def _html_row(cells: Sequence[str], tag: str, left: int) -> str:
    where = [' class="left"' if i < left else "" for i in range(len(cells))]
    inner = "".join(f"<{tag}{place}>{html.escape(cell)}</{tag}>" for place, cell in zip(where, cells, strict=True))
    return f"<tr>{inner}</tr>"
