"""Which figures an experiment ends in, and which script of the workflow draws each of them."""

from dataclasses import dataclass
from typing import Any

from marginmix.runs import paths
from marginmix.runs.config import Config
from marginmix.runs.plan import Plan


@dataclass(frozen=True)
class Drawn:
    """One file that a script draws. `name` names it in the report. `of` is the experiment, or the list of experiments,
    whose results it shows. `more` is a further argument of the script."""

    name: str
    output: str
    script: str
    of: str | list[str]
    category: str
    more: Any = None

    @property
    def caption(self) -> str:
        """The name of its caption's file. Figures of the same kind for different datasets share one."""
        return self.name.partition("_")[0] if self.more else self.name


def figures_of(plan: Plan) -> list[Drawn]:
    """The figures of the current experiment, in figures/<experiment>, which git ignores."""
    config, experiment = plan.config, plan.experiment
    if "study" in config or "difficulty" in config:
        trials = _of_trials(config, experiment)
        return [_at(figure, paths.experiment_figure(experiment, figure.name)) for figure in trials]
    grid = _of_grid(config, experiment)
    for dataset in dict.fromkeys(run.key.dataset for run in plan.runs.values() if run.recipe.samples):
        grid.append(Drawn(f"samples_{dataset}", "", "figure_samples.py", experiment, "Samples", dataset))
    planes = list(config.get("embeddings", {}).get("datasets", {}))
    for dataset in planes:
        grid.append(Drawn(f"embeddings_{dataset}", "", "figure_embeddings.py", [experiment], "Embeddings", [dataset]))
    if len(planes) > 1:
        grid.append(Drawn("embeddings", "", "figure_embeddings.py", [experiment], "Embeddings", planes))
    return [_at(figure, paths.experiment_figure(experiment, figure.name)) for figure in grid]


def published_figures(configs: dict[str, Config], planes: dict[str, list[str]]) -> list[Drawn]:
    """The figures of published evidence, in figures/, which git keeps.

    `configs`: the configs of the experiments with published runs. `planes`: dataset -> the experiments with published
    embeddings of it.
    """
    found = []
    for experiment, config in configs.items():
        if "study" in config or "difficulty" in config:
            for figure in _of_trials(config, experiment):
                called = experiment if figure.name in ("study", "difficulty") else f"{figure.name}_{experiment}"
                found.append(_at(figure, paths.published_figure(called)))
        else:
            named = _of_grid(config, experiment)
            found += [_at(figure, paths.published_figure(f"{figure.name}_{experiment}")) for figure in named]
    for dataset, of in planes.items():
        name = f"embeddings_{dataset}"
        found.append(Drawn(name, paths.published_figure(name), "figure_embeddings.py", of, "Embeddings", [dataset]))
    if len(planes) > 1:
        of = sorted({experiment for names in planes.values() for experiment in names})
        output = paths.published_figure("embeddings")
        found.append(Drawn("embeddings", output, "figure_embeddings.py", of, "Embeddings", list(planes)))
    return found


def _of_trials(config: Config, experiment: str) -> list[Drawn]:
    """The figures of a study, or of a difficulty experiment."""
    name = "study" if "study" in config else "difficulty"
    if config.get("study", {}).get("drift"):  # its figure shows what `_why` would
        return [Drawn(name, "", "figure_drift.py", experiment, "Studies")]
    if config.get("study", {}).get("label_shift"):
        return [Drawn(name, "", "figure_shift.py", experiment, "Studies")]
    return [Drawn(name, "", f"figure_{name}.py", experiment, "Studies"), *_why(config, experiment)]


def _of_grid(config: Config, experiment: str) -> list[Drawn]:
    found = [
        Drawn("learning_curves", "", "figure_curves.py", experiment, "Training"),
        Drawn("label_quality", "", "figure_labels.py", experiment, "Training"),
        Drawn("confusion", "", "figure_confusion.py", experiment, "Training"),
    ]
    return found + _why(config, experiment)


def _why(config: Config, experiment: str) -> list[Drawn]:
    """The figure of the guessed labels, if any run examines them."""
    recipes = [config["recipe"], *(entry.get("recipe", {}) for entry in config["datasets"].values())]
    recipes += [method.get("recipe", {}) for method in config["methods"].values()]
    asked = any(recipe.get("diagnosed") for recipe in recipes)
    return [Drawn("why", "", "figure_why.py", experiment, "Training")] if asked else []


def _at(figure: Drawn, output: str) -> Drawn:
    return Drawn(figure.name, output, figure.script, figure.of, figure.category, figure.more)
