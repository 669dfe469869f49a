"""The results of a difficulty experiment, as a page and a table."""

import sys
from collections.abc import Mapping
from pathlib import Path

from pages import page

from marginmix.files import write_atomically
from marginmix.reporting.difficulty import difficulty_of
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.results import Results, csv_text


def write_difficulty(results: Results, outputs: Mapping[str, Path | str]) -> None:
    """`outputs`: csv and markdown."""
    blocks, frame = difficulty_of(results)
    write_atomically(outputs["csv"], csv_text(frame))
    write_atomically(outputs["markdown"], to_markdown(blocks))


if "snakemake" in globals():
    sys.exit(page(snakemake, write_difficulty))  # noqa: F821
