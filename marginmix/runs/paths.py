"""Every path under results/, relative to the folder that Snakemake works in. Nowhere else is one spelled."""

from pathlib import Path

from marginmix.errors import UserError
from marginmix.runs.key import RunKey

RUNS = "results/runs"
PUBLISHED = "results/published"
STUDIES = "results/studies"
LEFT_OUT = "results/left-out.md"
FIGURES = "figures"
TOY_FIGURE = "figures/toy.png"

SPEC, RESULT, METRICS, OBSERVATIONS, MODEL, SPLIT = (
    "spec.json",
    "result.json",
    "metrics.csv",
    "observations.npz",
    "model.pt",
    "split.json",
)
OUTPUTS = (RESULT, METRICS, OBSERVATIONS, MODEL, SPLIT)
"""What a finished run's folder holds beside its spec."""
READ = (RESULT, METRICS, OBSERVATIONS)
"""What tables and figures read of it."""


def run_folder(key: RunKey, identity: str) -> str:
    """Where a run's files lie. The folder is named by the identity, so what lies in it cannot be stale: another recipe,
    or other data, is another folder."""
    return f"{RUNS}/{key.experiment}/{key.dataset}/{key.labels}/{key.method}/{key.seed}/{identity}"


def key_and_identity(folder: Path | str) -> tuple[RunKey, str]:
    """The names that a run's folder says; a `UserError` where it is not the folder of a run."""
    try:
        experiment, dataset, labels, method, seed, identity = Path(folder).parts[-6:]
        return RunKey(experiment, dataset, int(labels), method, int(seed)), identity
    except ValueError:
        raise UserError(
            f"{folder} is not the folder of a run: expected <experiment>/<dataset>/<labels>/<method>/<seed>/<identity>"
            "; move it elsewhere"
        ) from None


def report(cache: str, dataset: str, key: str) -> str:
    """Where `marginmix prepare` describes a dataset; `key` changes with the files that it is decoded from."""
    return f"{cache}/prepared/{dataset}-{key}.json"


def experiment_page(experiment: str, name: str) -> str:
    """A table or page of one experiment, ignored by git."""
    return f"results/{experiment}/{name}"


def experiment_figure(experiment: str, name: str) -> str:
    """A figure of one experiment, ignored by git."""
    return f"{FIGURES}/{experiment}/{name}.png"
