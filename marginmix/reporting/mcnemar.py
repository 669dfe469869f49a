"""Do two methods err on different test images? McNemar's exact test, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from marginmix.reporting.finished import Finished
from marginmix.reporting.markdown import Block, Heading, Paragraph, Table
from marginmix.reporting.names import BASELINE, TREATMENT, method_title

LEAST_P = 0.0001
"""Below this, a table says only that p is smaller."""


@dataclass(frozen=True)
class Discordance:
    """The number of images that only the `first` classifier gets right, and only the `second`. `p`: two-sided p-value
    of the hypothesis that both cases are equally likely."""

    first: int
    second: int
    p: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> Discordance:
    """McNemar's exact test of two classifiers (McNemar 1947, with the binomial distribution).

    `first`, `second`: which of the same images each classifies correctly, bool [N]. If they never differ, p is 1.
    """
    one, other = int((first & ~second).sum()), int((second & ~first).sum())
    return Discordance(one, other, float(binomtest(one, one + other).pvalue) if one + other else 1.0)


def mcnemar_blocks(runs: Sequence[Finished], titles: dict[str, str]) -> list[Block]:
    """One row per cell in which both compared methods kept the predictions of their last evaluation; [] if there is
    none. The `runs` of a cell agree on data and split."""
    kept = {tuple(one.key[1:]): one.predictions for one in runs if one.predictions is not None}
    rows = []
    for dataset, labels, method, seed in sorted(kept):
        baseline = kept.get((dataset, labels, BASELINE, seed))
        if method == TREATMENT and baseline is not None:
            ours = kept[dataset, labels, method, seed]
            found = mcnemar(ours.right[-1], baseline.right[-1])
            p = f"{found.p:.4f}" if found.p >= LEAST_P else f"less than {LEAST_P}"
            images = f"{len(ours.targets):,}"
            rows.append([titles.get(dataset, dataset), f"{labels:,}", str(seed), images, f"{found.first:,}",
                         f"{found.second:,}", p])  # fmt: skip
    if not rows:
        return []
    names = [method_title(method, titles) for method in (TREATMENT, BASELINE)]
    said = (
        f"Test images that only {names[0]}, or only {names[1]}, classifies correctly at the last evaluation of a "
        "seed. p is two-sided and not corrected for the number of rows. It compares these two trained networks. "
        "Whether the methods differ, the interval over seeds must say."
    )
    header = ["dataset", "labels", "seed", "test images", *(f"{name} alone" for name in names), "p"]
    return [Heading("McNemar's exact test, seed by seed", 3), Paragraph(said), Table(header, rows, left=3)]
