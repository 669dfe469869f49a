"""One table of how separable the classes are in the embeddings of every published run."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pages import page

from marginmix.files import write_atomically
from marginmix.reporting.results import SEPARABILITY, Results, csv_text


def write_separability(found: Sequence[Results], output: Path | str) -> None:
    """One row per (run, step, part, space)."""
    columns = list(SEPARABILITY)
    frames = [table.reindex(columns=columns) for results in found if len(table := results.separability)]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    write_atomically(output, csv_text(frame))


if "snakemake" in globals():
    sys.exit(page(snakemake, write_separability))  # noqa: F821
