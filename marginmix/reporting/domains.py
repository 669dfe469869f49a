"""How separable the classes of each dataset are: separability.csv files as one frame, and what tables.md says of it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from marginmix.errors import UserError
from marginmix.reporting.cells import NOTHING
from marginmix.reporting.markdown import Block, Heading, Paragraph, Table
from marginmix.reporting.notes import METHOD_TITLES

FILE = "separability.csv"
MEASURES = {
    "silhouette": ("silhouette", 1),
    "davies_bouldin": ("Davies-Bouldin", -1),
    "fisher_ratio": ("Fisher ratio", 1),
    "neighbour_error": ("error of the 15 nearest neighbours, %", -1),
}
"""Column -> its name, and whether more (1) or less (-1) of it is more separable."""
NETWORKS = {"embedding": "2-unit AlexNet", **METHOD_TITLES}
SPACES = {"raw": "the plane", "normalised": "normalised"}
_KEYS = ["budget", "dataset", "labels", "method", "seed"]
_COLUMNS = [*_KEYS, "step", "part", "space", *MEASURES]


def read_separability(results: Path | str) -> pd.DataFrame:
    """Every separability.csv under `results`: of the embedding runs (embeddings/<budget>/<dataset>, method "embedding",
    no labels and seed) and of ordinary ones (runs/<budget>/<dataset>/<labels>/<method>/<seed>)."""
    root, frames = Path(results), []
    for path in sorted([*root.glob(f"embeddings/*/*/{FILE}"), *root.glob(f"runs/*/*/*/*/*/{FILE}")]):
        folders = path.relative_to(root).parts[1:-1]
        cell = [*folders, None, "embedding", None] if len(folders) == 2 else folders
        try:
            frames.append(pd.read_csv(path).assign(**dict(zip(_KEYS, cell, strict=True)))[_COLUMNS])
        except (ValueError, KeyError) as error:
            raise UserError(f"{path} is not a table of separability ({error}); delete it and run again") from error
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_COLUMNS)


def domain_blocks(frame: pd.DataFrame, titles: Mapping[str, str]) -> list[Block]:
    """A table of the last step of each dataset's longest run by method, space and part, and a sentence on it; nothing
    where fewer than two datasets were measured."""
    if frame["dataset"].nunique() < 2:
        return []
    last = frame.sort_values("step").groupby(["dataset", "method", "space", "part"], sort=False).tail(1)
    names = list(dict.fromkeys(last["dataset"]))
    called = {name: titles.get(name, name) for name in names}
    rows, wins = [], dict.fromkeys(names, 0)
    for (method, space, part), found in last.groupby(["method", "space", "part"], sort=False):
        found = found.set_index("dataset").reindex(names)
        for column, (title, sign) in MEASURES.items():
            values = found[column]
            best = (sign * values).idxmax() if values.notna().sum() > 1 else None
            if best is not None:
                wins[best] += 1
            shown = [f"{value:.2f}" if pd.notna(value) else NOTHING for value in values]
            network = NETWORKS.get(method, method)
            rows.append((network, SPACES[space], part, title, *shown, NOTHING if best is None else called[best]))
    header = ("network", "embeddings", "images", "measure", *called.values(), "more separable")
    compared = sum(wins.values())
    ranked = sorted(names, key=wins.get, reverse=True)
    said = ", ".join(f"{called[name]} by {wins[name]}" for name in ranked)
    text = f"Which is the more separable domain, by {compared} comparisons of one measure each: {said}."
    return [Heading("How separable the domains are"), Paragraph(text), Table(header, rows, left=4)]
