"""What every table and figure starts with: its results, read by the one reader."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from marginmix.errors import run_or_explain
from marginmix.reporting.published import Published
from marginmix.reporting.results import Results, of_experiment, of_published
from marginmix.runs import paths
from marginmix.runs.config import Config, load
from marginmix.runs.methods import learn
from marginmix.runs.plan import Plan


def results_of(experiment: str, config: Config, workflow: Path, published: Published) -> Results:
    """The results of `experiment`. For the current experiment, that of `config`, these are local or published runs. For
    any other experiment they are published runs."""
    if experiment == config["experiment"]:
        return of_experiment(Plan(config), published)
    return of_published(Plan(load(workflow, experiment)), published)


def page(job: Any, function: Callable[..., None], *more: Any) -> int:
    """Call `function(results, output, *more)` for a job of the workflow. Returns an exit code.

    The job's parameter `of` names one experiment, or a list of experiments; for a list, `function` gets a list of
    results. Its parameter `more` is a further argument of `function`. Runs that cannot be read are reported on stderr;
    the others are drawn.
    """
    workflow, of = Path(job.scriptdir).parent, job.params.of
    learn(job.config.get("told", {}))  # methods that planning did not tell about are imported
    more += tuple(value for value in [job.params.get("more")] if value is not None)

    def run() -> None:
        names = [of] if isinstance(of, str) else list(of)
        published = Published(Path(paths.PUBLISHED))
        found = [results_of(name, job.config, workflow, published) for name in names]
        for problem in dict.fromkeys(problem for results in found for problem in results.problems):
            print(f"warning: {problem}", file=sys.stderr)
        written = job.output[0] if len(job.output) == 1 else dict(job.output.items())
        function(found[0] if isinstance(of, str) else found, written, *more)

    return run_or_explain(run)
