"""Do guessed labels run away to the large classes? The class imbalance of guesses over a run, by the prior's exponent.

Sharpened memberships with a class prior π are u_k ∝ (π_k^ρ d_k^(−1/(m−1)))^(1/T). π is a running mean of the guesses.
Where distances say little, one round maps π to π^(ρ/T), normalised.
"""

import pandas as pd

from marginmix.reporting.markdown import Block, Heading, Paragraph, Table
from marginmix.reporting.results import Results
from marginmix.runs.scores import reported

DERIVATION = (
    "Memberships with a class prior π, sharpened with T, are u_k ∝ (π_k^ρ d_k^(−1/(m−1)))^(1/T). π is a running mean "
    "of the guesses. Where distances say little, u_k ∝ π_k^(ρ/T). So one round maps the ratio of two shares, "
    "π_a/π_b, to (π_a/π_b)^(ρ/T). Below ρ/T = 1 the ratio approaches 1, so the shares become equal. At 1 it stays as "
    "it is. Above 1 it grows every round, until one class has all guesses."
)
RISE = 20.0
"""A run counts as run away if its imbalance ends at least this many points above its own lowest value."""
COLUMNS = ("dataset", "labels", "source", "exponent", "seed", "step", "window", "guess_imbalance",
           "validation_accuracy", "validation_balanced_accuracy")  # fmt: skip


def drift_curves(results: Results) -> pd.DataFrame:
    """One row per evaluation of every run whose guesses were examined (`diagnosed`): `COLUMNS`, percent. `exponent` is
    ρ/T; `source` is what π follows."""
    frames = []
    for one in results.ordinary:
        recipe = one.recipe
        if "guess_imbalance" in one.curve:
            frames.append(one.curve.assign(
                dataset=one.key.dataset, labels=one.key.labels, seed=one.key.seed, source=recipe.prior_source,
                exponent=recipe.prior_exponent / recipe.membership_temperature, window=results.window(one),
            ).reindex(columns=list(COLUMNS)))  # fmt: skip
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))


def drift_frame(curves: pd.DataFrame) -> pd.DataFrame:
    """One row per (dataset, labels, source, exponent), over n seeds: accuracy and balanced accuracy (means of the run's
    last `window` evaluations on validation images), the lowest and the last imbalance, and how many runs ran away."""
    runs = []
    for names, run in curves.groupby(["dataset", "labels", "source", "exponent", "seed"]):
        run = run.sort_values("step")
        window, imbalance = run["window"].iloc[0], run["guess_imbalance"]
        scored = reported(run.to_dict("records"), window, "validation")
        runs.append((*names[:4], scored["accuracy"], scored["balanced_accuracy"], imbalance.min(),
                     imbalance.iloc[-1], imbalance.iloc[-1] - imbalance.min() >= RISE))  # fmt: skip
    keys, numbers = list(COLUMNS[:4]), ["accuracy", "balanced_accuracy", "lowest", "last"]
    frame = pd.DataFrame(runs, columns=[*keys, *numbers, "ran_away"])
    grouped = frame.groupby(keys, as_index=False)
    counts = grouped.agg(n=("ran_away", "size"), ran_away=("ran_away", "sum"))
    return grouped[numbers].mean().merge(counts, on=keys)


def drift_blocks(results: Results) -> tuple[list[Block], pd.DataFrame]:
    """The section of the study's page, and its table (`drift_frame`)."""
    frame, titles = drift_frame(drift_curves(results)), results.plain_titles
    blocks: list[Block] = [
        Heading("Where guesses run away"),
        Paragraph(DERIVATION),
        Paragraph(
            "The column “ran away” counts the runs whose class imbalance of guesses (total variation between the mean "
            f"guess and the true class shares) ends {RISE:.0f} points or more above its own lowest value."
        ),
    ]
    header = ("π follows", "ρ/T", "accuracy", "balanced", "imbalance, lowest", "imbalance, last", "ran away")
    for (dataset, labels), rows in frame.groupby(["dataset", "labels"], sort=False):
        cells = [(row.source, f"{row.exponent:g}", f"{row.accuracy:.1f}", f"{row.balanced_accuracy:.1f}",
                  f"{row.lowest:.0f}", f"{row.last:.0f}", f"{row.ran_away} of {row.n}")
                 for row in rows.sort_values(["source", "exponent"], ascending=[False, True]).itertuples()]  # fmt: skip
        blocks += [Heading(f"{titles[dataset]}, {labels:,} labels", 3), Table(header, cells)]
    return blocks, frame
