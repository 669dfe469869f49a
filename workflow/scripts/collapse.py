"""The collapses among all published runs as a page and a table."""

import sys
from collections.abc import Mapping
from pathlib import Path

from marginmix.errors import run_or_explain
from marginmix.files import write_atomically
from marginmix.reporting.collapse import collapse_blocks, collapse_frame
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.published import Published
from marginmix.reporting.results import csv_text
from marginmix.runs import paths


def write_collapses(folder: Path, outputs: Mapping[str, Path | str]) -> None:
    """`folder`: the published evidence; `outputs`: csv and markdown."""
    frame = collapse_frame(Published(folder).runs)
    write_atomically(outputs["csv"], csv_text(frame))
    write_atomically(outputs["markdown"], to_markdown(collapse_blocks(frame)))


if "snakemake" in globals():
    job = snakemake  # noqa: F821
    sys.exit(run_or_explain(write_collapses, Path(paths.PUBLISHED), job.output))
