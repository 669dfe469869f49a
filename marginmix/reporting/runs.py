"""What runs there are: `result.json` and `metrics.csv` files as frames."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from marginmix.errors import UserError
from marginmix.files import read_json

RESULT = "result.json"
METRICS = "metrics.csv"
REFERENCE_COLUMNS = ("table", "dataset", "metric", "labels", "method", "value", "sd", "n", "origin", "note")
MEASURES = ("accuracy", "balanced_accuracy", "accuracy_centroid", "balanced_accuracy_centroid")
COLUMNS = (
    "budget", "dataset", "source", "labels", "method", "seed", "steps", "paper_steps", "metric", "score",
    *MEASURES, "accuracy_last", "accuracy_median", "accuracy_validation_chosen", "optimism",
    "score_rule", "diverged", "stale", "exact", "wall_seconds", "device", "hardware", "overlap", "path", "metrics",
)  # fmt: skip


class Cell(NamedTuple):
    """Which run: the five folders of `results/runs/<budget>/<dataset>/<labels>/<method>/<seed>`."""

    budget: str
    dataset: str
    labels: int
    method: str
    seed: int


def cell_of(path: Path | str) -> Cell:
    """What run the path of its folder, or of a file in it, names. `UserError` where it names none."""
    folders = Path(path).parts
    if folders and folders[-1] in (RESULT, METRICS):
        folders = folders[:-1]
    try:
        budget, dataset, labels, method, seed = folders[-5:]
        return Cell(budget, dataset, int(labels), method, int(seed))
    except ValueError:
        raise UserError(
            f"{path} is not the path of a run: expected <budget>/<dataset>/<labels>/<method>/<seed>; move it elsewhere"
        ) from None


def read_reference(path: Path | str) -> pd.DataFrame:
    """The paper's numbers, one row per (table, dataset, labels, method), in the paper's order."""
    try:
        reference = pd.read_csv(path, keep_default_na=True)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the paper's tables at {path}: {error}") from error
    missing = [column for column in REFERENCE_COLUMNS if column not in reference]
    if missing:
        raise UserError(f"{path}: the column {missing[0]!r} is missing; expected are {', '.join(REFERENCE_COLUMNS)}")
    return reference


def read_runs(
    root: Path | str, reference: pd.DataFrame, expected: Mapping[str, str | Mapping[str, Any]] | None = None
) -> pd.DataFrame:
    """Every finished run under `root` (results/runs), whatever its budget; one row each, `COLUMNS`, sorted by cell.

    `score` is in the metric of the paper's table that has the dataset, accuracy elsewhere; all are percent.
    `expected` says what the runs of the current budget should be: the run's path -> its recipe hash, or a mapping of
    keys of `identity` ({"recipe": hash, "numerics": 1}). A run that differs is `stale`; it is read all the same.
    Paths are relative to the folder that holds `results`. Raises `UserError` on a broken result.json.
    """
    root = Path(root)
    metrics = dict(zip(reference["dataset"], reference["metric"], strict=True))
    wanted = {cell_of(path): identity for path, identity in (expected or {}).items()}
    rows = [_row(path, root.parent.parent, metrics, wanted) for path in sorted(root.glob(f"*/*/*/*/*/{RESULT}"))]
    runs = pd.DataFrame(rows, columns=list(COLUMNS))
    return runs.sort_values(list(Cell._fields), ignore_index=True)


def _row(path: Path, top: Path, metrics: Mapping[str, str], wanted: Mapping[Cell, Any]) -> dict[str, Any]:
    result, cell = read_json(path), cell_of(path)
    try:
        found = Cell(*(result[name] for name in Cell._fields))
        if found != cell:
            raise UserError(f"{path}: its folders say {tuple(cell)}, its content {tuple(found)}; move it back")
        metric = metrics.get(cell.dataset, "accuracy_percent")
        scores, hardware, overlap = result["scores"], result["hardware"], result.get("overlap", {})
        return cell._asdict() | {
            "source": result["source"],
            "steps": result["steps"],
            "paper_steps": result["paper_steps"],
            "metric": metric,
            "score": in_metric(result["accuracy"], metric),
            **{name: result[name] for name in MEASURES},
            "accuracy_last": scores["last"],
            "accuracy_median": scores["median"],
            "accuracy_validation_chosen": scores["validation"],
            "optimism": result["optimism"],
            "score_rule": result["score_rule"],
            "diverged": bool(result["diverged"]),
            "stale": cell in wanted and not _matches(result["identity"], wanted[cell]),
            "exact": result.get("exact"),
            "wall_seconds": result["wall_seconds"],
            "device": hardware["device"],
            "hardware": hardware.get("name"),
            "overlap": " ".join(f"{pair}={count}" for pair, count in sorted(overlap.items()) if count),
            "path": path.relative_to(top).as_posix(),
            "metrics": (path.parent / METRICS).relative_to(top).as_posix(),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: {error} is missing or of the wrong type; delete the file and run again") from error


def _matches(identity: Mapping[str, Any], wanted: str | Mapping[str, Any]) -> bool:
    wanted = {"recipe": wanted} if isinstance(wanted, str) else wanted
    return all(identity[part] == value for part, value in wanted.items())


def in_metric(accuracy, metric: str):
    """An accuracy in percent as the table's metric: itself, or the error."""
    return 100.0 - accuracy if metric == "error_percent" else accuracy


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV with four decimals: the same content is the same bytes."""
    return frame.to_csv(index=False, float_format="%.4f", lineterminator="\n")


def read_metrics(paths: Iterable[Path | str]) -> pd.DataFrame:
    """The `metrics.csv` of many runs below each other, with the columns of `Cell`. Absent files are left out."""
    frames = []
    for path in sorted(map(Path, paths), key=str):
        if not path.exists():
            continue
        try:
            frame = pd.read_csv(path)
        except ValueError as error:
            raise UserError(f"{path} is not a table ({error}); delete it and run again") from error
        frames.append(frame.assign(**cell_of(path)._asdict()))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*Cell._fields, "step"])


def diverged_runs(paths: Iterable[Path | str]) -> dict[tuple[str, int, str, int], float]:
    """(dataset, labels, method, seed) -> the accuracy of chance in percent, of those runs that diverged.

    From the result.json beside each of `paths`, absent ones left out.
    """
    found = {}
    for path in (Path(path).with_name(RESULT) for path in paths):
        try:
            if path.exists() and (result := read_json(path))["diverged"]:
                found[cell_of(path)[1:]] = 100 / len(result["classes"])
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: {error} is missing or of the wrong type; delete it and run again") from error
    return found


def printed_titles(paths: Iterable[Path | str], titles: Mapping[str, str]) -> dict[str, str]:
    """dataset -> its title, and in brackets which copy of it: "CIFAR-10 (JPEG copy)".

    From the result.json beside each of `paths`, absent ones left out; `titles`: dataset -> its plain title.
    """
    found = dict(titles)
    for path in (Path(path).with_name(RESULT) for path in paths):
        if path.exists():
            result = read_json(path)
            dataset, source = result["dataset"], result["source"]
            found[dataset] = titles.get(dataset, dataset) + source.removeprefix(dataset)
    return found
