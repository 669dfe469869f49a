# Functions that the other rule files use. No rules.
import os
import re
import shlex
import sys

from marginmix.files import hash_of
from marginmix.reporting.figures import figures_of, published_figures
from marginmix.runs import calls, paths
from marginmix.runs.calls import or_explain
from marginmix.runs.config import experiments, load, method_classes
from marginmix.runs.key import RunKey
from marginmix.runs.methods import tell
from marginmix.runs.plan import Plan, published_experiments
from marginmix.runs.sources import contents, sources
from marginmix.runs.spec import NUMERICS_VERSION

calls.prepare_environment()

# For --software-deployment-method conda. Otherwise jobs run in Snakemake's own environment. This is a file, not the
# name of an environment: with a name, Snakemake asks conda about it in every job, even where conda is not installed.
ENVIRONMENT = "../../environment.yml"


def command(wildcards, output):
    """How jobs call `marginmix`. It takes `output` since Snakemake reruns nothing when such a parameter changes."""
    return calls.command()


def key_of(wildcards):
    """The key of the run that the wildcards of a path name."""
    return RunKey(EXPERIMENT, wildcards.dataset, int(wildcards.labels), wildcards.method, int(wildcards.seed))


def run_files():
    """Input functions, one per dataset: the files of the experiment's own runs that tables and figures read.

    The identity of a run, and so its folder, is known only once its dataset is decoded. The functions wait for that.
    """

    def files_of(dataset):
        def files(wildcards):
            runs = [run for run in PLAN.to_make if run.key.dataset == dataset]
            if runs and PLAN.data(dataset) is None and PLAN.report(dataset):
                checkpoints.prepare.get(dataset=dataset, key=PLAN.report_key(dataset))
            folders = [PLAN.local(run) or run.folder(PLAN.data(dataset)) for run in runs]
            # Snakemake makes a missing intermediate file only if a job that runs anyway needs it. So tables need it
            # too.
            anew = [REBUILD] if REBUILD and runs else []
            return [f"{folder}/{name}" for folder in folders for name in paths.READ] + anew

        return files

    return [files_of(dataset) for dataset in dict.fromkeys(key.dataset for key in PLAN.runs)]


def asked(wildcards):
    """A text that changes with the experiment, its runs and their data. Tables and figures are redrawn when it does."""
    return hash_of([config, [[*run.key, PLAN.data(run.key.dataset)] for run in PLAN.to_make]])


def published_files():
    """All files in results/published except its README."""
    found = [os.path.join(folder, name) for folder, _, names in os.walk(paths.PUBLISHED) for name in names]
    return sorted(path for path in found if not path.endswith(".md"))


def code(script):
    """A script of the workflow and all project files that it imports. An edit to any of them redraws its output."""
    return [os.path.relpath(path) for path in sources(f"{workflow.basedir}/scripts/{script}")]


def made_of(script, *more):
    """A text that changes with the content of everything that a page is made of. File dates would not do: after a
    failure Snakemake restores the old page with a new date."""
    return contents([*published_files(), *code(script), *CONFIG_FILES, *more])
