"""Which variant of each method may be trusted with long runs, by the rule in the experiment's file.

The score of a variant is the mean of accuracy and balanced accuracy on validation images, averaged over all label
counts. A variant with a collapsed run is not eligible.
"""

import pandas as pd

from marginmix.reporting.collapse import collapsed
from marginmix.reporting.entries import NOT_RUN
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.results import Results
from marginmix.reporting.study import MEASURES, changes, study_scores

TEXT = (
    "The rule was written into the experiment's file before its runs. A variant's score is the mean of accuracy and "
    "balanced accuracy, each averaged over the label counts. Of each method the eligible variant with the highest "
    "score is chosen. A variant is eligible if all its runs are done and none collapsed. Finalists have more seeds "
    "than the others, and are compared over all of them."
)
COLUMNS = ("start", "changes", "variant", "stage", "runs", "planned", "collapsed", "score")
SCREENED, FINAL = "every variant, on the seeds that all have", "the finalists, on all their seeds"


def choice_frame(results: Results) -> pd.DataFrame:
    """One row per (stage, start, variant): `COLUMNS`, and a column such as accuracy_320 for each measure and label
    count, percent on validation images. All variants of the first stage have the same seeds."""
    config, scores = results.config, study_scores(results.curves, "validation")
    alarms = {one.key for one in results.ordinary if collapsed(one)}
    seeds: dict[str, set[int]] = {}
    for key in results.plan.runs:
        seeds.setdefault(key.method, set()).add(key.seed)
    common = set.intersection(*seeds.values())
    frames = []
    for stage, of in ((SCREENED, list(seeds)), (FINAL, [name for name in seeds if seeds[name] > common])):
        for (variant, start), what in changes(config["methods"]).items():
            own = variant == start and "of" in config["methods"][variant]  # a start that is itself a variant
            if variant not in of or own:
                continue
            chosen = common if stage == SCREENED else seeds[variant]
            planned = [key for key in results.plan.runs if key.method == variant and key.seed in chosen]
            runs = scores[(scores["method"] == variant) & scores["seed"].isin(chosen)]
            means = runs.groupby("labels")[list(MEASURES)].mean()
            values = {f"{measure}_{labels}": means[measure].get(labels) for labels in {key.labels for key in planned}
                      for measure in MEASURES}  # fmt: skip
            whole = len(runs) == len(planned)
            frames.append({"start": start, "changes": what, "variant": variant, "stage": stage, "runs": len(runs),
                           "planned": len(planned), "collapsed": sum(key in alarms for key in planned), **values,
                           "score": means.to_numpy().mean() if whole else float("nan")})  # fmt: skip
    labels = sorted({key.labels for key in results.plan.runs})
    measured = [f"{measure}_{count}" for count in labels for measure in MEASURES]
    return pd.DataFrame(frames).reindex(columns=[*COLUMNS, *measured])


def best(frame: pd.DataFrame) -> dict[str, str]:
    """Start -> the chosen variant, a finalist if there are any. A start without an eligible variant is absent."""
    found = {}
    for start, rows in frame.groupby("start", sort=False):
        stage = FINAL if (rows["stage"] == FINAL).any() else SCREENED
        eligible = rows[(rows["stage"] == stage) & (rows["collapsed"] == 0)].dropna(subset="score")
        if len(eligible):
            found[start] = eligible.loc[eligible["score"].idxmax(), "variant"]
    return found


def choice_blocks(results: Results) -> tuple[list[Block], pd.DataFrame]:
    """The page and its table."""
    frame = choice_frame(results)
    blocks: list[Block] = [Heading("The choice"), Paragraph(TEXT)]
    labels = sorted({key.labels for key in results.plan.runs})
    header = ("changed", "runs", *(f"{name}, {count:,}" for count in labels for name in ("accuracy", "balanced")),
              "score", "collapsed")  # fmt: skip
    for (start, stage), rows in frame.groupby(["start", "stage"], sort=False):
        ordered = rows.sort_values("score", ascending=False, na_position="last", kind="stable")
        cells = [(row["changes"] or "(start)", f"{row['runs']} of {row['planned']}",
                  *(_percent(row[f"{measure}_{count}"]) for count in labels for measure in MEASURES),
                  _percent(row["score"], 2), str(row["collapsed"])) for row in ordered.to_dict("records")]  # fmt: skip
        blocks += [Heading(f"{start}: {stage}", 3), Table(header, cells)]
    chosen = best(frame)
    if (frame["runs"] == frame["planned"]).all() and chosen:
        blocks.append(Bullets([(f"Chosen, {start}:", variant) for start, variant in chosen.items()]))
    else:
        blocks.append(Paragraph("Nothing is chosen yet: runs are missing."))
    return blocks, frame


def _percent(value: float, decimals: int = 1) -> str:
    return NOT_RUN if pd.isna(value) else f"{value:.{decimals}f}"
