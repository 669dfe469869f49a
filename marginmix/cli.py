"""Prepare and audit data, write specs, train, predict and publish. The workflow calls these commands; so can you."""

import argparse
import dataclasses
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import marginmix
from marginmix import datasets
from marginmix.datasets.splits import make_split, write_split
from marginmix.errors import UserError, run_or_explain
from marginmix.files import check_writable, write_json
from marginmix.runs import paths
from marginmix.runs.key import RunKey
from marginmix.runs.recipe import PROFILES, Recipe, fields_of
from marginmix.runs.record import finished_already
from marginmix.runs.spec import read_spec

# Modules that training does not need (yaml, jsonschema), or that take seconds to import (torch), are imported where
# they are used. So `python -m marginmix train spec.json` runs on a machine with only torch, numpy, pandas and
# scikit-learn.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0, or 1 after one line on stderr."""
    options = _parser().parse_args(arguments)
    return run_or_explain(options.function, options)


def _prepare(options: argparse.Namespace) -> None:
    check_writable(options.out.parent)
    write_json(options.out, datasets.describe(_prepared(options)))


def _split(options: argparse.Namespace) -> None:
    prepared = _prepared(options)
    write_split(options.out, make_split(prepared, prepared.row, options.labels, options.seed))


def _spec(options: argparse.Namespace) -> None:
    from marginmix.runs.config import load
    from marginmix.runs.plan import Plan

    plan = Plan(load(options.workflow, options.experiment))
    key = RunKey(options.experiment, options.dataset, options.labels, options.method, options.seed)
    if key not in plan.runs:
        raise UserError(
            f"experiment {options.experiment}: expected one of its runs, found {'/'.join(map(str, key[1:]))}; see its "
            "file"
        )
    entry, config = plan.runs[key].entry, plan.config
    prepared = datasets.prepare(
        key.dataset, entry["root"], config["data_root"], config["cache"], entry["verify_counts"], **entry["options"]
    )
    write_json(options.out, plan.spec(key, prepared.data_hash).to_json())


def _train(options: argparse.Namespace) -> None:
    spec = read_spec(options.spec)
    machine = {name: value for name in ("device", "threads") if (value := getattr(options, name)) is not None}
    spec = dataclasses.replace(spec, machine=dataclasses.replace(spec.machine, **machine))
    # This comes first, since importing the method takes seconds. A planned spec is already normalised.
    if not options.anew and (result := finished_already(spec, options.out)):
        print(f"{spec.key.cell} {spec.method}: already finished, {result['accuracy']:.2f} %", file=sys.stderr)
        return
    spec = spec.normalised(str(options.spec))
    check_writable(options.out)
    from marginmix.training.running import train

    result = train(spec, options.out, options.anew)
    print(
        f"{spec.key.cell} {spec.method}: {result['accuracy']:.2f} % in {result['wall_seconds']:.0f} s", file=sys.stderr
    )


def _predict(options: argparse.Namespace) -> None:
    from marginmix.analysis.predict import predict

    print(f"{predict(options.model, options.images, options.out)} images: {options.out}", file=sys.stderr)


def _toy(options: argparse.Namespace) -> None:
    from marginmix.analysis.toy import run_toy

    methods = dict(_pair(pair, "--methods") for pair in options.methods)
    run_toy(options.first, methods, options.draws, options.out)


def _publish(options: argparse.Namespace) -> None:
    from marginmix.reporting.publish import publish
    from marginmix.runs.config import load
    from marginmix.runs.plan import Plan

    for line in publish(Plan(load(options.workflow, options.experiment, dict(_pair(p, "--set") for p in options.set)))):
        print(line)


def _audit(options: argparse.Namespace) -> None:
    from marginmix.reporting.copies import add_audit

    for line in add_audit(datasets.describe(_prepared(options)), options.published):
        print(line)


def _recipe(options: argparse.Namespace) -> None:
    from marginmix.runs.methods import facts_of

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # so that `marginmix recipe | head` is no error
    kind = facts_of(options.method, "METHOD").settings if options.method else Recipe
    for name, field in fields_of(kind).items():
        allowed = " | ".join(field.metadata["choices"]) or field.metadata["within"]
        print(f"{name} = {field.default}{f'  ({allowed})' if allowed else ''}")
        print(f"    {field.metadata['doc']}")
    for name, settings in PROFILES.items():
        print(f"profile {name}: {_spell(settings) or 'the defaults above'}")


def _spell(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _prepared(options: argparse.Namespace) -> datasets.Prepared:
    given = dict(datasets.option_of(text) for text in options.option)
    given |= {"family": options.family} if options.family else {}
    datasets.refuse_old_name(options.dataset, given, datasets.ROWS)
    row = datasets.get(options.dataset, **given)
    return datasets.prepare(
        row.name, options.root, options.data_root, options.cache, options.verify_counts, **row.changed
    )


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{option}: expected name=value, found {text!r}")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="marginmix", description=__doc__)
    parser.add_argument("--version", action="version", version=f"marginmix {marginmix.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--dataset", required=True, help="name of a dataset, or any name together with --family")
    data.add_argument("--family", help="known dataset whose format it has, such as folder for your own images")
    data.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE",
        help=f"an option of the dataset, as in an experiment's file: {', '.join(datasets.OPTIONS)}; may be repeated",
    )  # fmt: skip
    data.add_argument(
        "--root", type=Path, help="folder with its files; default: DATA_ROOT/<dataset>, DATA_ROOT/<family>, DATA_ROOT"
    )
    data.add_argument("--data-root", type=Path, default=Path("data"), help="folder with all datasets; default: data")
    data.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded images; default: .cache")
    data.add_argument("--no-verify-counts", dest="verify_counts", action="store_false", help="accept a subset")
    out = argparse.ArgumentParser(add_help=False)
    out.add_argument("--out", type=Path, required=True, help="the file to write; for train, the folder of the run")
    configs = argparse.ArgumentParser(add_help=False)
    configs.add_argument("experiment", help="name of a file in workflow/config, without .yaml")
    configs.add_argument("--workflow", type=Path, default=Path("workflow"), help="the folder that holds config/")

    def add(name: str, function: Any, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=parents)
        command.set_defaults(function=function)
        return command

    add("prepare", _prepare, "decode a dataset into the cache and write its description (JSON)", data, out)
    text = "draw the labelled, unlabelled, validation and test images of a cell and write their indices (JSON)"
    split = add("split", _split, text, data, out)
    split.add_argument("--labels", type=int, required=True, help="number of labelled images")
    split.add_argument("--seed", type=int, required=True)
    spec = add("spec", _spec, "write the spec of one run of an experiment (JSON)", configs, out)
    for name, kind in (("dataset", str), ("labels", int), ("method", str), ("seed", int)):
        spec.add_argument(name, type=kind)
    training = add("train", _train, "train the run of a spec; a killed run resumes from its checkpoint", out)
    training.add_argument("spec", type=Path, help="spec.json, written by Snakemake or by `marginmix spec`")
    training.add_argument("--device", help="cuda, cpu or auto; overrides the spec")
    training.add_argument("--threads", type=int, help="CPU threads; overrides the spec")
    training.add_argument("--anew", action="store_true", help="train again even if --out holds the finished run")
    predicting = add("predict", _predict, "classify a folder of images with a trained network (CSV)", out)
    predicting.add_argument("--model", type=Path, required=True, help="model.pt of a finished run")
    predicting.add_argument("--images", type=Path, required=True, help="folder with images of any size")
    toy = add("toy", _toy, "run the paper's toy: borders before and after self-labelling (.npz and .csv)", out)
    toy.add_argument(
        "--first", required=True, metavar="METHOD", help="import path of the method that makes the first border"
    )
    toy.add_argument(
        "--methods", nargs="+", required=True, metavar="NAME=METHOD", help="methods that continue from the first border"
    )
    toy.add_argument("--draws", type=int, default=20, help="number of draws of the labelled points; default: 20")
    publishing = add("publish", _publish, "copy an experiment's finished runs into results/published", configs)
    publishing.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="keys of the experiment to set, as Snakemake's --config",
    )
    text = "count the copies between the parts of a dataset, and publish the counts"
    audit = add("audit", _audit, text, data)
    audit.add_argument("--published", type=Path, default=Path(paths.PUBLISHED), help="the folder of published evidence")
    recipe = add("recipe", _recipe, "print every setting of a method with its default, allowed values and source")
    recipe.add_argument("method", nargs="?", metavar="METHOD", help="import path; default: the settings of all methods")
    return parser


if __name__ == "__main__":
    sys.exit(main())
