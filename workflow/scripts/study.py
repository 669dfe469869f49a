"""metrics.csv of a study's runs -> results/<budget>.csv and .md: what each switch is worth."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from marginmix.errors import run_or_explain
from marginmix.files import write_atomically
from marginmix.recipe import make_recipe
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.runs import csv_text, diverged_runs, read_metrics
from marginmix.reporting.study import changes, label_draw_blocks, study_blocks, study_frame, study_scores

PURPOSE = {
    "validation": "No test image is looked at here, and the seeds are reported nowhere else.",
    "test": "Prices only: nothing is chosen by them.",
}


def write_study(
    metrics: Sequence[Path | str],
    planned: Sequence[tuple[str, int, str]],
    config: Mapping[str, Any],
    titles: Mapping[str, str],
    outputs: Mapping[str, Path | str],
) -> None:
    """`planned`: (dataset, labels, method) of every run of the study, finished or not. Writes `outputs` csv and
    markdown."""
    recipe, study = make_recipe(config["recipe"]), config["study"]
    part = study.get("scored_on", "validation")
    scores = study_scores(read_metrics(metrics), recipe.score_window, part, diverged_runs(metrics))
    variants = changes(config["methods"], study["starts"])
    frame = study_frame(scores, variants, pd.DataFrame(planned, columns=["dataset", "labels", "method"]))
    what = (
        f"Budget {config['budget']}: {recipe.network}, {recipe.steps:,} steps of {recipe.batch_size} + "
        f"{recipe.batch_size} images. Means of the last {recipe.score_window} of {recipe.evaluations} evaluations on "
        f"{part} images, percent, over n seeds; differences from the start over the pairs of seeds that both have. "
        f"{PURPOSE[part]}"
    )
    write_atomically(outputs["csv"], csv_text(frame))
    blocks = [*study_blocks(frame, titles, what, study.get("unjudged")), *label_draw_blocks(scores, titles)]
    write_atomically(outputs["markdown"], to_markdown(blocks))


if "snakemake" in globals():
    given, written = snakemake.params, dict(snakemake.output.items())  # noqa: F821
    arguments = snakemake.input.metrics, given.planned, given.config, given.titles, written  # noqa: F821
    sys.exit(run_or_explain(write_study, *arguments))
