"""The tables of one experiment, or of all published experiments: tables.csv, tables.md and tables.html."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pages import page

from marginmix.files import write_atomically
from marginmix.reporting.markdown import to_html, to_markdown
from marginmix.reporting.report import assemble
from marginmix.reporting.results import Results, csv_text, read_reference
from marginmix.reporting.tables import REFERENCE_COLUMNS


def write_tables(found: Sequence[Results], outputs: Mapping[str, Path | str], reference: Path | str) -> None:
    """`outputs`: csv, markdown and html; `reference`: the paper's numbers."""
    frame, content = assemble(found, read_reference(reference, REFERENCE_COLUMNS))
    write_atomically(outputs["csv"], csv_text(frame))
    write_atomically(outputs["markdown"], to_markdown(content))
    write_atomically(outputs["html"], to_html(content, "Results"))


if "snakemake" in globals():
    sys.exit(page(snakemake, write_tables, snakemake.input.reference))  # noqa: F821
