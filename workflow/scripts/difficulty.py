"""result.json of a dial's runs -> results/difficulty.csv and .md: two methods against the overlap of the classes."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from marginmix import datasets
from marginmix.errors import run_or_explain
from marginmix.files import read_json, write_atomically
from marginmix.recipe import make_recipe
from marginmix.reporting.difficulty import difficulty_blocks, difficulty_frame, trend
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.notes import METHOD_TITLES
from marginmix.reporting.runs import csv_text


def write_difficulty(
    results: Iterable[Path | str], config: Mapping[str, Any], outputs: Mapping[str, Path | str]
) -> None:
    """`results`: result.json of every run of the budget `config`. Writes `outputs` csv and markdown."""
    recipe, dial = make_recipe(config["recipe"]), config["difficulty"]
    methods, ceiling = dial["methods"], dial["ceiling"]
    columns = ["dataset", "labels", "method", "seed", "accuracy"]
    runs = pd.DataFrame([{name: run[name] for name in columns} for run in map(read_json, results)], columns=columns)
    frame = difficulty_frame(runs, {name: datasets.get(name).variant for name in config["datasets"]}, methods, ceiling)
    labels = sorted({count for entry in config["datasets"].values() for count in entry["labels"]})
    what = (
        f"Budget {config['budget']}: drawn faces, {' and '.join(map(str, labels))} labels, {recipe.network}, "
        f"{recipe.steps:,} steps of {recipe.batch_size} + {recipe.batch_size} images. Accuracy on the test images, "
        f"percent, mean ± standard deviation over seeds; the difference paired by seed. Overlap: the error of the same "
        f"network trained with all labels."
    )
    page = difficulty_blocks(frame, trend(runs, frame, methods), methods, METHOD_TITLES, what)
    write_atomically(outputs["csv"], csv_text(frame))
    write_atomically(outputs["markdown"], to_markdown(page))


if "snakemake" in globals():
    written = dict(snakemake.output.items())  # noqa: F821
    sys.exit(run_or_explain(write_difficulty, snakemake.input, snakemake.params.config, written))  # noqa: F821
