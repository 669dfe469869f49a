"""The results of one experiment as frames: what tables and figures read, and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from marginmix.errors import UserError
from marginmix.reporting.collapse import collapsed
from marginmix.reporting.finished import Finished, evaluations, in_agreement, read_local
from marginmix.reporting.names import Titles
from marginmix.reporting.published import Published
from marginmix.runs.config import EMBEDDING, Config, method_titles
from marginmix.runs.key import RunKey
from marginmix.runs.plan import Plan
from marginmix.runs.recipe import PAPER_STEPS
from marginmix.runs.record import scores
from marginmix.runs.scores import PER_IMAGE_METRICS as MEASURES

WITHOUT_COPIES = "accuracy_without_copies"
COLUMNS = (
    *RunKey._fields, "source", "steps", "paper_steps", *MEASURES, WITHOUT_COPIES, "accuracy_last", "accuracy_median",
    "accuracy_validation_chosen", "optimism", "score_rule", "diverged", "collapsed", "stale", "published", "exact",
    "wall_seconds", "device", "hardware", "overlap", "split", "data", "identity",
)  # fmt: skip
SEPARABILITY = (
    *RunKey._fields, "step", "part", "space", "silhouette", "davies_bouldin", "fisher_ratio", "neighbour_error",
)  # fmt: skip


@dataclass(frozen=True)
class Results:
    """The finished runs of one experiment.

    `runs` has one row per run (`COLUMNS`, percent). `curves` has one row per evaluation: the fields of the run's key
    and the columns of metrics.csv. Both leave out embedding runs, which `embeddings` holds. `problems` names what could
    not be read and is left out.
    """

    plan: Plan
    finished: list[Finished]
    problems: list[str]

    @property
    def config(self) -> Config:
        return self.plan.config

    @property
    def ordinary(self) -> list[Finished]:
        return [one for one in self.finished if one.key.method != EMBEDDING]

    @property
    def embeddings(self) -> list[Finished]:
        return [one for one in self.finished if one.key.method == EMBEDDING]

    @property
    def runs(self) -> pd.DataFrame:
        return pd.DataFrame([_row(one, self.plan, self.window(one)) for one in self.ordinary], columns=list(COLUMNS))

    def window(self, one: Finished) -> int:
        """How many of the run's last evaluations count: as many as the experiment asks for now, if the run has them."""
        planned = self.plan.runs.get(one.key)
        asked = planned.recipe.score_window if planned else one.recipe.score_window
        return asked if asked <= one.record["evaluated"] else one.recipe.score_window

    @property
    def curves(self) -> pd.DataFrame:
        """One row per evaluation, with the fields of the run's key; `window` is how many of the run's last count."""
        frames = [one.curve.assign(**one.key._asdict(), window=self.window(one)) for one in self.ordinary]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*RunKey._fields, "step"])

    @property
    def separability(self) -> pd.DataFrame:
        """One row per measured step, part and space, with the fields of the run's key. Embedding runs use all labels:
        their label count and seed are empty."""
        frames = []
        for one in self.finished:
            if rows := one.record["separability"]:
                names = one.key._asdict()
                if one.key.method == EMBEDDING:
                    names |= {"labels": None, "seed": None}
                frames.append(pd.DataFrame(rows).assign(**names))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(SEPARABILITY))

    @property
    def plain_titles(self) -> Titles:
        """The names to print for datasets and methods."""
        found = {key.dataset: self.plan.row(key.dataset).title for key in self.plan.runs}
        others = {one.key.dataset: one.spec.bits.row for one in self.finished if one.key.dataset not in found}
        return Titles(found | {name: row.title for name, row in others.items()}, method_titles(self.config))

    @property
    def titles(self) -> Titles:
        """`plain_titles` with the copy that was trained on in brackets: "CIFAR-10 (JPEG copy)"."""
        sources = {one.key.dataset: one.record["source"] for one in self.finished}
        copies = {name: "".join(source.partition(" ")[1:]) for name, source in sources.items()}
        plain = self.plain_titles
        return Titles({name: title + copies.get(name, "") for name, title in plain.items()}, plain.methods)


def of_experiment(plan: Plan, published: Published) -> Results:
    """Every finished run of the plan: the local one, else the published one with the same identity."""
    found, problems = [], []
    for key, run in plan.runs.items():
        try:
            if folder := plan.local(run):
                found.append(read_local(folder))
            elif one := _lent(plan, key, published):
                found.append(one)
        except UserError as error:
            problems.append(f"left out: {error}")
    return Results(plan, in_agreement(found, problems), problems + published.problems)


def of_published(plan: Plan, published: Published) -> Results:
    """All runs published under the experiment's name. Those that its config no longer asks for count as stale.

    A planned run that is published under another name only, with the same identity, is taken from there.
    """
    problems: list[str] = []
    own = {one.key: one for one in published.of(plan.experiment)}
    lent = [one for key in plan.runs if key not in own and (one := _lent(plan, key, published))]
    return Results(plan, in_agreement([*own.values(), *lent], problems), problems + published.problems)


def _lent(plan: Plan, key: RunKey, published: Published) -> Finished | None:
    """A published run with the same identity as the planned run `key`, under the name `key`; None if there is none."""
    identity = plan.published(plan.runs[key])
    one = published.with_identity(identity) if identity else None
    return one and replace(one, key=key)


def _row(one: Finished, plan: Plan, window: int) -> dict[str, Any]:
    record, spec, planned = one.record, one.spec, plan.runs.get(one.key)
    accuracies, rules = {name: record[name] for name in MEASURES}, record["scores"]
    if window != one.recipe.score_window:
        accuracies, rules = scores(record, evaluations(one.curve), window)
    made = record["provenance"][-1]
    return {
        **one.key._asdict(),
        "source": record["source"],
        "steps": one.recipe.steps,
        "paper_steps": PAPER_STEPS,
        **accuracies,
        WITHOUT_COPIES: _without_copies(one, window, accuracies["accuracy"]),
        "accuracy_last": rules["last"],
        "accuracy_median": rules["median"],
        "accuracy_validation_chosen": rules["validation"],
        "optimism": rules["best"] - rules["mean"],
        "score_rule": f"mean of the last {window} of {record['evaluated']} evaluations",
        "diverged": record["diverged"],
        "collapsed": collapsed(one),
        "stale": planned is None or planned.recipe_only != spec.bits.recipe_only,
        "published": one.published,
        "exact": record["exact"],
        "wall_seconds": record["wall_seconds"],
        "device": made["device"],
        "hardware": made["name"],
        "overlap": " ".join(f"{pair}={count}" for pair, count in sorted(record["overlap"].items()) if count),
        "split": record["split"],
        "data": spec.bits.data,
        "identity": spec.identity,
    }


def _without_copies(one: Finished, window: int, accuracy: float) -> float | None:
    """A diverged run counts at chance, as its accuracy does."""
    if one.predictions is None:
        return None
    if one.record["diverged"]:
        return accuracy
    return one.predictions.accuracy_without_copies(min(window, one.record["evaluated"]))


def lacking(results: Results) -> list[str]:
    """One line for each observation that the experiment asks for and some finished runs did not keep."""
    lines: dict[str, int] = {}
    for one in results.finished:
        if planned := results.plan.runs.get(one.key):
            asked, kept = planned.recipe, one.recipe
            numbers = ("samples", "diagnosed", "evaluations")
            less = [name for name in numbers if getattr(asked, name) > getattr(kept, name)]
            less += ["snapshots"] if set(asked.snapshots) - set(kept.snapshots) else []
            for name in less:
                lines[name] = lines.get(name, 0) + 1
    return [
        f"{count} finished runs kept fewer {name} than the experiment asks for, or none; train them again with "
        "--config rebuild=true"
        for name, count in lines.items()
    ]


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV with four decimals. The same content gives the same bytes."""
    return frame.to_csv(index=False, float_format="%.4f", lineterminator="\n")


def read_reference(path: Path | str, columns: Iterable[str]) -> pd.DataFrame:
    """The paper's numbers, one row per (table, dataset, labels, method), in the paper's order."""
    try:
        reference = pd.read_csv(path, keep_default_na=True)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the paper's tables at {path}: {error}") from error
    missing = [column for column in columns if column not in reference]
    if missing:
        raise UserError(f"{path}: the column {missing[0]!r} is missing; expected the columns {', '.join(columns)}")
    return reference
