"""A study as a page and a table: what each switch is worth."""

import sys
from collections.abc import Mapping
from pathlib import Path

from pages import page

from marginmix.files import write_atomically
from marginmix.reporting.choice import choice_blocks
from marginmix.reporting.drift import drift_blocks
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.results import Results, csv_text
from marginmix.reporting.shift import shift_blocks
from marginmix.reporting.study import study_of

PARTS = {"drift": drift_blocks, "label_shift": shift_blocks, "choice": choice_blocks}
"""Keys of `study` -> what they add to the page."""


def write_study(results: Results, outputs: Mapping[str, Path | str]) -> None:
    """`outputs`: csv and markdown."""
    blocks, frame = study_of(results)
    for name, more in PARTS.items():
        if results.config["study"].get(name):
            blocks += more(results)[0]
    write_atomically(outputs["csv"], csv_text(frame))
    write_atomically(outputs["markdown"], to_markdown(blocks))


if "snakemake" in globals():
    sys.exit(page(snakemake, write_study))  # noqa: F821
