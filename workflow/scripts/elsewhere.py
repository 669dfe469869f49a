"""Other people's published numbers beside ours, as a page and a table."""

import sys
from collections.abc import Mapping
from pathlib import Path

from marginmix.errors import run_or_explain
from marginmix.files import write_atomically
from marginmix.reporting.elsewhere import elsewhere_blocks, read_elsewhere
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.published import Published
from marginmix.reporting.results import csv_text
from marginmix.runs import paths


def write_elsewhere(reference: Path | str, folder: Path, outputs: Mapping[str, Path | str]) -> None:
    """`reference`: their numbers; `folder`: our published evidence; `outputs`: csv and markdown."""
    frame = read_elsewhere(reference)
    write_atomically(outputs["csv"], csv_text(frame))
    write_atomically(outputs["markdown"], to_markdown(elsewhere_blocks(frame, Published(folder).runs)))


if "snakemake" in globals():
    job = snakemake  # noqa: F821
    reference = Path(job.scriptdir).parent / "reference" / "published.csv"
    sys.exit(run_or_explain(write_elsewhere, reference, Path(paths.PUBLISHED), job.output))
