"""What every table and figure begins with: the results that it is of, read by the one reader."""

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
    """Those of the experiment that is run now, `config`, made here or published; of another one what is published."""
    if experiment == config["experiment"]:
        return of_experiment(Plan(config), published)
    return of_published(Plan(load(workflow, experiment)), published)


def page(job: Any, function: Callable[..., None], *more: Any) -> int:
    """Call `function(results, output, *more)` for a job of the workflow, and return an exit code.

    Its parameters say whose results: `of`, one experiment, or several, of which `function` gets a list; and `more`,
    what else `function` is given. What cannot be read is told, and the rest is drawn.
    """
    workflow, of = Path(job.scriptdir).parent, job.params.of
    learn(job.config.get("told", {}))  # what is not told is imported
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
