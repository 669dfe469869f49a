"""Where the alarm for a collapse goes off: how its threshold was chosen, with every hit, miss and false alarm.

Runs made before there was an alarm kept no predicted class shares. Those that examined their guesses (`diagnosed`) have
a stand-in for them: the imbalance of the guesses on unlabelled images, which reads hidden labels.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from marginmix.reporting.finished import Finished, evaluations
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.runs.collapse import AFTER, COLUMNS, RUNNING, THRESHOLD, collapsed_at
from marginmix.runs.key import RunKey

ENDED = 85.0
"""A run has collapsed if its one-sidedness at the end is above this."""
THRESHOLDS = (60.0, 65.0, 70.0, 75.0, 80.0, 85.0, 90.0)
FRAME = (*RunKey._fields, "steps", "measure", "end", "accuracy", "balanced_accuracy",
         *(f"alarm_{threshold:.0f}" for threshold in THRESHOLDS))  # fmt: skip

TEXT = (
    "One-sidedness is the distance of the predicted class shares from the expected ones (total variation), in percent "
    "of the distance that there would be if every image were of the commonest class. The alarm goes off where it is "
    f"above {THRESHOLD:.0f} % at {RUNNING} evaluations running, after the first {AFTER:.0%} of the run."
)
STAND_IN = (
    "These runs were made before there was an alarm. In place of predictions for validation images they have guesses "
    "on unlabelled images, compared with the true class shares. The threshold was chosen on these runs. A lower one "
    "gives more false alarms, for runs that recover. A higher one misses runs that collapse late."
)
MEASURED = "These runs recorded the one-sidedness of their predictions, so the alarm read no hidden label."
LEGEND = [
    ("hit:", "the alarm went off, and the run ended collapsed."),
    ("miss:", "the run ended collapsed without an alarm."),
    (
        "ended collapsed:",
        f"the last one-sidedness is above {ENDED:.0f} %. More than 100 % is possible: all of a rarer class.",
    ),
    ("false alarm:", f"the alarm went off, but the run ended at {ENDED:.0f} % or below."),
]


def stand_in(one: Finished) -> list[dict[str, float]]:
    """Step and one-sidedness of a run's examined guesses at each evaluation; [] if it examined none. The commonest
    class is that of the test images."""
    if "guess_imbalance" not in one.curve:
        return []
    counts = np.array(one.record["confusion"]).sum(1)
    alone = 1 - counts.max() / counts.sum()
    return [{"step": step, "one_sidedness": imbalance / alone}
            for step, imbalance in one.curve[["step", "guess_imbalance"]].itertuples(index=False)]  # fmt: skip


def watched(one: Finished) -> tuple[str, Sequence[dict[str, float]], Sequence[str]]:
    """How a run is judged: by its `predictions` if it has the alarm's columns, else by its `guesses`, the stand-in.
    Then the curve to read, empty if the run has neither, and its columns."""
    curve = evaluations(one.curve)
    if any(name in row for row in curve for name in COLUMNS):
        return "predictions", curve, COLUMNS
    return "guesses", stand_in(one), ("one_sidedness",)


def collapsed(one: Finished) -> bool:
    """Whether the alarm went off in a run; in an older one, whether it would have by the stand-in."""
    _, curve, columns = watched(one)
    return collapsed_at(curve, one.recipe.steps, columns) is not None


def collapse_frame(runs: Sequence[Finished]) -> pd.DataFrame:
    """One row per run that can be judged (`FRAME`): the measure, its one-sidedness at the end in percent, its scores,
    and the step of the alarm for each threshold."""
    rows = []
    for one in runs:
        measure, curve, columns = watched(one)
        if curve:
            end = next(curve[-1][name] for name in columns if name in curve[-1])
            alarms = [collapsed_at(curve, one.recipe.steps, columns, threshold) for threshold in THRESHOLDS]
            scores = one.record["accuracy"], one.record["balanced_accuracy"]
            rows.append((*one.key, one.recipe.steps, measure, end, *scores, *alarms))
    return pd.DataFrame(rows, columns=list(FRAME))


def collapse_blocks(frame: pd.DataFrame) -> list[Block]:
    """The page, from `collapse_frame`."""
    blocks: list[Block] = [Heading("Collapses, and when the alarm goes off", 1), Paragraph(TEXT), Bullets(LEGEND)]
    for measure, title, text in (
        ("predictions", "With the alarm", MEASURED),
        ("guesses", "Runs made before the alarm existed", STAND_IN),
    ):
        rows = frame[frame["measure"] == measure]
        if rows.empty:
            continue
        blocks += [Heading(f"{title}: {len(rows)} run{'s' * (len(rows) != 1)}"), Paragraph(text), _thresholds(rows)]
        alarm = f"alarm_{THRESHOLD:.0f}"
        told = rows[rows[alarm].notna() | (rows["end"] > ENDED)].sort_values("end", ascending=False, kind="stable")
        if len(told):
            cells = [(row["experiment"], f"{row['dataset']} {row['labels']:,}", row["method"], str(row["seed"]),
                      f"{row['steps']:,}", "none" if pd.isna(row[alarm]) else f"{row[alarm]:,.0f}", f"{row['end']:.0f}",
                      f"{row['accuracy']:.1f}", f"{row['balanced_accuracy']:.1f}")
                     for row in told.to_dict("records")]  # fmt: skip
            header = ("experiment", "dataset, labels", "method", "seed", "steps", "alarm at step",
                      "one-sidedness at the end", "accuracy", "balanced accuracy")  # fmt: skip
            blocks += [Heading("Every run with an alarm, or collapsed at the end", 3), Table(header, cells, left=3)]
    return blocks


def _thresholds(rows: pd.DataFrame) -> Table:
    ended, cells = rows["end"] > ENDED, []
    for threshold in THRESHOLDS:
        alarm = rows[f"alarm_{threshold:.0f}"].notna()
        mark = ", in use" if threshold == THRESHOLD else ""
        counts = (alarm & ended).sum(), (~alarm & ended).sum(), (alarm & ~ended).sum()
        cells.append((f"{threshold:.0f} %{mark}", *map(str, counts)))
    return Table(("threshold", "hits", "misses", "false alarms"), cells)
