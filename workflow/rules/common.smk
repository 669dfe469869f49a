# Functions only.
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

# For --software-deployment-method conda; otherwise jobs run in the environment that Snakemake runs in. No name of an
# environment: Snakemake would ask conda what is in it, in every job, also where there is no conda.
ENVIRONMENT = "../../environment.yml"


def command(wildcards, output):
    """How jobs call `marginmix`. A parameter that is a function of the output makes nothing stale where it changes."""
    return calls.command()


def key_of(wildcards):
    """The run that a path names."""
    return RunKey(EXPERIMENT, wildcards.dataset, int(wildcards.labels), wildcards.method, int(wildcards.seed))


def run_files():
    """Input functions, one a dataset, of all files that the experiment's tables and figures read of its own runs.

    The identity of a run, and so its folder, is known when its dataset is decoded: until then they wait for that.
    """

    def files_of(dataset):
        def files(wildcards):
            runs = [run for run in PLAN.to_make if run.key.dataset == dataset]
            if runs and PLAN.data(dataset) is None and PLAN.report(dataset):
                checkpoints.prepare.get(dataset=dataset, key=PLAN.report_key(dataset))
            folders = [PLAN.local(run) or run.folder(PLAN.data(dataset)) for run in runs]
            anew = [REBUILD] if REBUILD and runs else []  # wanted by what is made anyway, else it moves nothing
            return [f"{folder}/{name}" for folder in folders for name in paths.READ] + anew

        return files

    return [files_of(dataset) for dataset in dict.fromkeys(key.dataset for key in PLAN.runs)]


def asked(wildcards):
    """A text that changes with the experiment, its runs and their data: tables and figures are then made anew."""
    return hash_of([config, [[*run.key, PLAN.data(run.key.dataset)] for run in PLAN.to_make]])


def published_files():
    """What lies in results/published, but for its README."""
    found = [os.path.join(folder, name) for folder, _, names in os.walk(paths.PUBLISHED) for name in names]
    return sorted(path for path in found if not path.endswith(".md"))


def code(script):
    """A script of the workflow and all that it imports: an edit draws anew what it draws."""
    return [os.path.relpath(path) for path in sources(f"{workflow.basedir}/scripts/{script}")]


def made_of(script, *more):
    """A text that changes with what a page is made of. Dates do not tell: after a failure Snakemake gives back the page
    that was there, with a new date."""
    return contents([*published_files(), *code(script), *CONFIG_FILES, *more])
