"""The published audit of datasets, as a page and a table: copies between their parts."""

import sys
from collections.abc import Mapping
from pathlib import Path

from marginmix.errors import run_or_explain
from marginmix.files import write_atomically
from marginmix.reporting.copies import audit_blocks, audit_frame, read_audit
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.results import csv_text
from marginmix.runs import paths


def write_copies(folder: Path, outputs: Mapping[str, Path | str]) -> None:
    """`folder`: the published evidence; `outputs`: csv and markdown."""
    frame = audit_frame(read_audit(folder))
    write_atomically(outputs["csv"], csv_text(frame))
    write_atomically(outputs["markdown"], to_markdown(audit_blocks(frame)))


if "snakemake" in globals():
    job = snakemake  # noqa: F821
    sys.exit(run_or_explain(write_copies, Path(paths.PUBLISHED), job.output))
