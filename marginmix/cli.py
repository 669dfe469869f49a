"""`marginmix`: prepare data, draw splits, train, predict. The workflow calls these; a person can too."""

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from marginmix import datasets
from marginmix.errors import UserError, run_or_explain
from marginmix.files import write_json
from marginmix.recipe import FIELDS, FROZEN, PROFILES, make_recipe
from marginmix.splits import make_split, read_split, write_split
from marginmix.training.job import DataSource, Job


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0, or 1 after one line on stderr."""
    options = _parser().parse_args(arguments)
    return run_or_explain(options.function, options)


def _prepare(options: argparse.Namespace) -> None:
    write_json(options.out, datasets.describe(_source(options).prepare()))


def _split(options: argparse.Namespace) -> None:
    row = datasets.get(options.dataset, options.family)
    write_split(options.out, make_split(_source(options).prepare(), row, options.labels, options.seed))


def _train(options: argparse.Namespace) -> None:
    from marginmix.training.running import train  # torch takes seconds to import, and only training needs it

    job = Job(
        budget=options.budget,
        source=_source(options),
        split=read_split(options.split),
        name=options.name,
        method=options.method,
        recipe=make_recipe(_settings(options.set), where="--set", method=options.method),
        device=options.device,
        threads=options.threads,
        execution=options.execution,
        exact=options.exact,
    )
    result = train(job, options.checkpoints, options.out)
    print(f"{job.cell} {job.name}: {result['accuracy']:.2f} % in {result['wall_seconds']:.0f} s", file=sys.stderr)


def _predict(options: argparse.Namespace) -> None:
    from marginmix.training.predict import predict

    print(f"{predict(options.model, options.images, options.out)} images: {options.out}", file=sys.stderr)


def _toy(options: argparse.Namespace) -> None:
    from marginmix.toy import run_toy

    run_toy(options.first, dict(_pair(pair, "--methods") for pair in options.methods), options.draws, options.out)


def _recipe(_: argparse.Namespace) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `marginmix recipe | head` is no error
    for name, field in FIELDS.items():
        allowed = " | ".join(field.metadata["choices"]) or field.metadata["within"]
        print(f"{name} = {field.default}{f'  ({allowed})' if allowed else ''}")
        print(f"    {field.metadata['doc']}")
    for name, settings in PROFILES.items():
        print(f"profile {name}: {_spell(settings) or 'the above'}")
    for method, settings in FROZEN.items():
        print(f"{method}, over any profile: {_spell(settings)}")


def _spell(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _source(options: argparse.Namespace) -> DataSource:
    return DataSource(
        options.dataset, options.data_root, options.cache, options.root, options.family,
        getattr(options, "image_size", None), options.verify_counts,
    )  # fmt: skip


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    settings = {}
    for pair in pairs:
        name, value = _pair(pair, "--set")
        try:
            settings[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--set: {name} must be a value in YAML, found {value!r}") from None
    return settings


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{option}: expected name=value, found {text!r}")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="marginmix", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--dataset", required=True, help="name of a dataset, or of your own with --family folder")
    data.add_argument("--family", help="the registry row that reads it, where the name does not say")
    data.add_argument("--root", type=Path, help="where its files lie; default: DATA_ROOT/<dataset>, then DATA_ROOT")
    data.add_argument("--data-root", type=Path, default=Path("data"))
    data.add_argument("--cache", type=Path, default=Path(".cache"), help="where decoded images are kept")
    data.add_argument("--no-verify-counts", dest="verify_counts", action="store_false", help="accept a subset")
    out = argparse.ArgumentParser(add_help=False)
    out.add_argument("--out", type=Path, required=True)

    def add(name: str, function: Any, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=parents)
        command.set_defaults(function=function)
        return command

    add("prepare", _prepare, "decode a dataset into the cache and describe it (JSON)", data, out)
    split = add("split", _split, "draw the labelled images of a cell and write its manifest (JSON)", data, out)
    split.add_argument("--labels", type=int, required=True)
    split.add_argument("--seed", type=int, required=True)
    training = add("train", _train, "train one method on one cell, resuming where a killed run was", data, out)
    training.add_argument("--image-size", type=int, help="side in pixels; default: the dataset's own")
    training.add_argument("--split", type=Path, required=True, help="manifest that `marginmix split` wrote")
    training.add_argument("--budget", required=True, help="name of the budget, for the tables")
    training.add_argument("--name", required=True, help="name of the method, for the tables")
    training.add_argument("--method", required=True, help="import path, e.g. baselines.mixmatch:MixMatch")
    training.add_argument("--device", default="auto", help="cuda (refused without a GPU), cpu or auto")
    training.add_argument("--threads", type=int, default=1, help="CPU threads; part of what makes runs repeatable")
    training.add_argument("--execution", default="auto", help="auto, eager, compiled, graph or compiled-graph")
    training.add_argument("--inexact", dest="exact", action="store_false", help="faster GPU kernels that do not repeat")
    training.add_argument("--checkpoints", type=Path, required=True)
    training.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings: see `marginmix recipe`")
    predicting = add("predict", _predict, "classify a folder of images with a trained network (CSV)", out)
    predicting.add_argument("--model", type=Path, required=True, help="model.pt of a finished run")
    predicting.add_argument("--images", type=Path, required=True, help="a folder; images of any size")
    toy = add("toy", _toy, "two classes in the plane: borders before and after self-labelling (.npz and .csv)", out)
    toy.add_argument("--first", required=True, metavar="METHOD", help="import path: what the first border is made by")
    toy.add_argument("--methods", nargs="+", required=True, metavar="NAME=METHOD", help="what goes on from it")
    toy.add_argument("--draws", type=int, default=20, help="of the labelled points")
    add("recipe", _recipe, "print every setting, its default, allowed values and source")
    return parser


if __name__ == "__main__":
    sys.exit(main())
