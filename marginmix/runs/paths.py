"""Every path under results/, relative to Snakemake's working folder. No other module spells one."""

from pathlib import Path

from marginmix.errors import UserError
from marginmix.runs.key import RunKey

RUNS = "results/runs"
PUBLISHED = "results/published"
STUDIES = "results/studies"
TABLES = "results/tables"
"""The tables of published evidence, but for their suffix."""
LEFT_OUT = "results/left-out.md"
GPU_CHECK = "results/gpu-check"
FIGURES = "figures"
TOY_FIGURE = "figures/toy.png"

RUNS_CSV, RECORDS, CURVES, DIGESTS, PLANES, PREDICTIONS, COPIES = (
    "runs.csv",
    "records.json.gz",
    "curves.csv.gz",
    "digests.json",
    "observations",
    "predictions",
    "copies.csv",
)
"""The files of results/published. `PLANES` is a folder of .npz files named by identity, `PREDICTIONS` one of .npz files
named by experiment."""

SPEC, RESULT, METRICS, OBSERVATIONS, MODEL, SPLIT = (
    "spec.json",
    "result.json",
    "metrics.csv",
    "observations.npz",
    "model.pt",
    "split.json",
)
OUTPUTS = (RESULT, METRICS, OBSERVATIONS, MODEL, SPLIT)
"""The files of a finished run, beside its spec."""
READ = (RESULT, METRICS, OBSERVATIONS)
"""The files that tables and figures read."""


def run_folder(key: RunKey, identity: str) -> str:
    """The folder of a run. Its name is the identity, so its content cannot be stale: another recipe, or other data, has
    another folder."""
    return f"{RUNS}/{key.experiment}/{key.dataset}/{key.labels}/{key.method}/{key.seed}/{identity}"


def key_and_identity(folder: Path | str) -> tuple[RunKey, str]:
    """The run of a folder, by its names; a `UserError` where it is not the folder of a run."""
    try:
        experiment, dataset, labels, method, seed, identity = Path(folder).parts[-6:]
        return RunKey(experiment, dataset, int(labels), method, int(seed)), identity
    except ValueError:
        raise UserError(
            f"{folder}: expected the folder of a run, <experiment>/<dataset>/<labels>/<method>/<seed>/<identity>; "
            "move it elsewhere"
        ) from None


def report(cache: str, dataset: str, key: str) -> str:
    """Where `marginmix prepare` describes a dataset; `key` changes with the dataset's files."""
    return f"{cache}/prepared/{dataset}-{key}.json"


def toy(recipe: str, published: bool) -> str:
    """Points and table of the toy, but for their suffix; `recipe` is the hash of what it is made by."""
    return f"{PUBLISHED if published else 'results'}/toy/{recipe}"


def experiment_page(experiment: str, name: str) -> str:
    """A table or page of one experiment, ignored by git."""
    return f"results/{experiment}/{name}"


def published_figure(name: str) -> str:
    """A figure of published evidence, which git keeps."""
    return f"{FIGURES}/{name}.png"


def experiment_figure(experiment: str, name: str) -> str:
    """A figure of one experiment, ignored by git."""
    return f"{FIGURES}/{experiment}/{name}.png"
