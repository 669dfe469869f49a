# Functions only.
import glob
import os
import shlex
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

from marginmix import config as budgets
from marginmix import datasets, plan
from marginmix.errors import DEBUG_VARIABLE, UserError
from marginmix.files import read_json, write_atomically
from marginmix.identity import NUMERICS_VERSION
from marginmix.recipe import FROZEN


def read_config(given):
    """The budget's file with what the command line said over it; ends the run with one line where that cannot be."""
    folder, schema = Path(workflow.basedir, "config"), Path(workflow.basedir, "schemas", "config.schema.yaml")
    if workflow.overwrite_configfiles:
        raise UserError(
            "--configfile would merge into a budget; put the complete file into workflow/config/NAME.yaml and "
            "say --config budget=NAME"
        )
    return budgets.load(folder, str(given.get("budget", "paper")), schema, given)


def or_explain(function, *arguments):
    """The function's value; after a `UserError` its one line on stderr, and the end."""
    try:
        return function(*arguments)
    except UserError as error:
        if os.environ.get(DEBUG_VARIABLE) == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def standings(trainings):
    """folder -> "new", "kept" or why it does not count. What git tracks is kept, unless a rebuild is asked for."""
    tracked = plan.committed("results/runs", "results/embeddings")
    found = {}
    for folder, training in trainings.items():
        outputs = ["result.json", *(["embeddings.npz", "separability.csv"] if folder in EMBEDDINGS else [])]
        if not all(os.path.exists(f"{folder}/{output}") for output in outputs):
            found[folder] = "new"
        elif config.get("rebuild"):
            found[folder] = "a rebuild is asked for"
        elif f"{folder}/result.json" in tracked:
            found[folder] = "kept"
        else:
            found[folder] = plan.stale_because(training, data_now(training.dataset)) or "kept"
    return found


@cache
def data_now(dataset):
    """Hash of a dataset as its files are at this moment; None where they are absent or cannot be read.

    Decoding is cached, so that this takes no time unless the files changed. Jobs that a cluster runs need not look again.
    """
    source = SOURCES[dataset]
    return plan.data_hash(source) if workflow.is_main_process else None


def missing_data():
    """dataset -> how to get it, where trainings that are not finished need it; with `missing_data: fail` an error."""
    missing = plan.absent(config, [t for f, t in TRAININGS.items() if STANDING[f] != "kept"])
    if missing and config["missing_data"] == "fail":
        raise UserError(f"{len(missing)} datasets are missing (missing_data: fail): {'. '.join(missing.values())}")
    return missing


def can_be_made(trainings):
    """The folders of those that are finished or whose data can be had."""
    return [f for f, t in trainings.items() if STANDING[f] == "kept" or t.dataset not in MISSING]


def younger(name, reason):
    """A file that is younger than any result, as an input of what has to be made again.

    Of Snakemake's triggers, time alone holds wherever the results came from. The content is never the same twice, since
    equal content counts as unchanged.
    """
    write_atomically(path := f"{config['cache']}/stale/{name}", f"{reason} {time.time_ns()}\n")
    return [path]


def training_inputs(rule, folder):
    """A finished training needs nothing, so that no file's time makes it run again; another one needs its split."""
    standing, asked = STANDING[folder], workflow.dag_settings
    forced = asked.forceall or rule in asked.forcerun or f"{folder}/result.json" in asked.forcerun
    if standing == "kept" and not forced:
        return []
    return [TRAININGS[folder].split, *(younger(folder, standing) if standing not in ("kept", "new") else [])]


def data_inputs(path, dataset):
    """None, unless the report or manifest at `path` is of other data than those that are here now."""
    if not os.path.exists(path) or data_now(dataset) in (None, read_json(path).get("data_hash")):
        return []
    return younger(path, "data changed")


def tell_stale():
    """One line for each reason why finished trainings are run again."""
    reasons = Counter(standing for standing in STANDING.values() if standing not in ("kept", "new"))
    for reason, count in reasons.items():
        print(f"{count} finished training(s) do not count: {reason}", file=sys.stderr)


def trainer_command(wildcards, output):
    """How jobs call `marginmix`: by this interpreter, so that none of another environment is found on the PATH.

    A function of `output`, like the arguments: what is called and how is no reason to run a job again.
    """
    return os.environ.get("MARGINMIX_COMMAND", f"{shlex.quote(sys.executable)} -m marginmix.cli")


def metrics_of(folders):
    """Their learning curves; committed runs may have come without."""
    return [p for f in folders if os.path.exists(p := f"{f}/metrics.csv") or STANDING[f] != "kept"]


def sampled():
    """dataset -> the run whose contact sheet is drawn: of those that keep one or will, the first with fewest labels,
    of Margin-Mix where it is among them.

    Sheets show images of the dataset, so that git does not have them: a committed run may have come without.
    """
    runs = [(training.labels, training.seed, not training.method.startswith("marginmix.method:"), folder, training.dataset) for folder, training in RUNS.items()
            if training.recipe.samples and folder in PLANNED
            and (STANDING[folder] != "kept" or os.path.exists(f"{folder}/samples.npz"))]  # fmt: skip
    return {dataset: folder for *_, folder, dataset in sorted(runs, reverse=True)}


def sampled_result(dataset):
    """result.json of the run whose contact sheet is drawn; a `UserError` where none keeps one."""
    if dataset not in SAMPLED:
        raise UserError(
            f"figures/samples_{dataset}.png: expected a run of budget {BUDGET} on {dataset} that keeps samples, found "
            f"{', '.join(SAMPLED) or 'none'}; set samples: 8 in a recipe, and run it anew if it is committed"
        )
    return f"{SAMPLED[dataset]}/result.json"


def check_other_results():
    """Ends the run where a result that is not to be made again cannot be read: the tables would fail, and Snakemake
    would remove those that are there."""
    if workflow.is_main_process:
        for path in sorted(glob.glob("results/runs/*/*/*/*/*/result.json")):
            if STANDING.get(os.path.dirname(path), "kept") == "kept":
                read_json(path)


def other_results():
    """Finished runs of the other budgets that belong in the tables."""
    others = sorted(budget for budget, report in REPORTING.items() if report and budget != BUDGET)
    return [path for budget in others for path in sorted(glob.glob(f"results/runs/{budget}/*/*/*/*/result.json"))]


def reporting_budgets():
    """budget -> do its runs belong in the tables?"""
    written = {file.stem: budgets.read_yaml(file) for file in sorted(Path(workflow.basedir, "config").glob("*.yaml"))}
    reports = {budget: isinstance(said, dict) and said.get("report") is True for budget, said in written.items()}
    return {**reports, BUDGET: config["report"]}


def declared_claims():
    """The pooled tests of this budget and of the others in the tables, each with the budget that declares it."""
    files = {
        budget: Path(workflow.basedir, "config", f"{budget}.yaml") for budget, report in REPORTING.items() if report
    }
    declaring = {budget: config if budget == BUDGET else budgets.read_yaml(file) for budget, file in files.items()}
    return [{**claim, "budget": budget} for budget, said in declaring.items() for claim in said.get("claims") or []]


def embedding_source(dataset):
    """The embeddings to draw: of the budgets in the tables that have them, and this one, that with most steps."""
    ours = f"results/embeddings/{BUDGET}/{dataset}"
    steps = {ours: TRAININGS[ours].recipe.steps}
    for budget, report in REPORTING.items():
        folder = f"results/embeddings/{budget}/{dataset}"
        if report and budget != BUDGET and os.path.exists(f"{folder}/embeddings.npz"):
            steps[folder] = read_json(f"{folder}/result.json")["steps"]
    return f"{max(steps, key=lambda folder: (steps[folder], folder))}/embeddings.npz"
