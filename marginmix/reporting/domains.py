"""How separable the classes of each dataset are, measured on the embeddings of one experiment's runs."""

from collections.abc import Mapping

import pandas as pd

from marginmix.reporting.cells import NOTHING
from marginmix.reporting.markdown import Block, Heading, Paragraph, Table
from marginmix.reporting.names import method_title

MEASURES = {
    "silhouette": ("silhouette", 1),
    "davies_bouldin": ("Davies-Bouldin", -1),
    "fisher_ratio": ("Fisher ratio", 1),
    "neighbour_error": ("error of the 15 nearest neighbours, %", -1),
}
"""Column -> its title, and whether larger (1) or smaller (-1) values mean more separable."""
SPACES = {"raw": "the plane", "normalised": "normalised"}
_COMPARED = ["method", "step", "space", "part"]


def domain_blocks(frame: pd.DataFrame, titles: Mapping[str, str]) -> list[Block]:
    """A table by method, space and part, and a sentence that sums it up; [] if no two datasets can be compared.

    It compares datasets whose runs ended at the same step, by means over their label counts and seeds.
    """
    frame = frame[frame["step"] == frame.groupby("method")["step"].transform("max")]
    names = list(dict.fromkeys(frame["dataset"]))
    called = {name: titles.get(name, name) for name in names}
    rows, wins = [], dict.fromkeys(names, 0)
    for (method, step, space, part), found in frame.groupby(_COMPARED, sort=False):
        means = found.groupby("dataset")[list(MEASURES)].mean().reindex(names)
        for column, (title, sign) in MEASURES.items():
            values = sign * means[column].dropna()
            if len(values) < 2:
                continue
            best = [name for name in values.index if values[name] == values.max()]
            if len(best) == 1:
                wins[best[0]] += 1
            shown = [f"{value:.2f}" if pd.notna(value) else NOTHING for value in means[column]]
            said = called[best[0]] if len(best) == 1 else NOTHING
            rows.append((method_title(method, titles), f"{step:,}", SPACES[space], part, title, *shown, said))
    if not rows:
        return []
    header = ("network", "steps", "embeddings", "images", "measure", *called.values(), "more separable")
    ranked = sorted((name for name in names if wins[name]), key=wins.get, reverse=True)
    said = ", ".join(f"{called[name]} in {wins[name]}" for name in ranked)
    text = f"The more separable domain in {len(rows)} comparisons, each of one measure: {said}."
    return [Heading("How separable the domains are", 3), Paragraph(text), Table(header, rows, left=5)]
