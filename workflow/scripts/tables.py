"""All finished runs -> results/runs.csv, separability.csv, tables.csv, tables.md and tables.html."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marginmix.errors import run_or_explain
from marginmix.files import write_atomically
from marginmix.reporting.domains import read_separability
from marginmix.reporting.markdown import to_html, to_markdown
from marginmix.reporting.notes import Request
from marginmix.reporting.report import assemble
from marginmix.reporting.runs import csv_text, read_reference, read_runs
from marginmix.reporting.tables import tables_frame


def write_tables(
    runs_root: Path | str,
    reference: Path | str,
    request: Request,
    expected: Mapping[str, Any],
    outputs: Mapping[str, Path | str],
) -> None:
    """Read every result.json under `runs_root`, and every separability.csv there and in the folder embeddings beside
    it, and write `outputs`: runs, separability, csv, markdown and html.

    `expected`: path of each run of the current budget -> its recipe hash (see `read_runs`).
    """
    paper = read_reference(reference)
    runs = read_runs(runs_root, paper, expected)
    separability = read_separability(Path(runs_root).parent)
    entries, content = assemble(runs, paper, separability, request)
    write_atomically(outputs["separability"], csv_text(separability))
    write_atomically(outputs["runs"], csv_text(runs))
    write_atomically(outputs["csv"], csv_text(tables_frame(entries)))
    write_atomically(outputs["markdown"], to_markdown(content))
    write_atomically(outputs["html"], to_html(content, "Results"))


if "snakemake" in globals():
    given = snakemake.params  # noqa: F821
    asked = Request(given.budget, given.reporting, list(given.expected), given.absent, given.claims, given.titles)
    reference_path, written = snakemake.input.reference, dict(snakemake.output.items())  # noqa: F821
    sys.exit(run_or_explain(write_tables, given.runs_root, reference_path, asked, given.expected, written))
