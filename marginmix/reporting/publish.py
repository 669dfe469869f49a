"""Publishing: copies an experiment's finished runs from results/runs, which git ignores, into results/published."""

import gzip
import io
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from marginmix.errors import UserError
from marginmix.files import write_atomically, write_json
from marginmix.reporting.finished import Finished, read_local
from marginmix.reporting.predictions import packed
from marginmix.reporting.published import Published, digests, published_row
from marginmix.runs import paths
from marginmix.runs.key import RunKey
from marginmix.runs.paths import CURVES, DIGESTS, PLANES, PREDICTIONS, RECORDS, RUNS_CSV
from marginmix.runs.plan import Plan
from marginmix.runs.record import sealed


def publish(plan: Plan, folder: Path | str = paths.PUBLISHED) -> list[str]:
    """Write every run of the plan that is finished here into the published `folder`. Returns lines that say what
    changed.

    Raises `UserError`, and writes nothing, if a run has another recipe than the experiment's file asks for now, if
    uncommitted code computed it, or if what is already published cannot be read in full.
    """
    before, fresh, missing = {one.key: one for one in Published(Path(folder)).whole()}, [], 0
    for run in plan.runs.values():
        if place := plan.local(run):
            fresh.append(read_local(place))
        elif not plan.published(run):
            _refuse_stale(plan, run.key)
            missing += 1
    for one in fresh:
        _refuse_dirty(one)
    fresh, twins = _one_an_identity(fresh, before)
    replaced = [one for one in fresh if one.key in before and before[one.key].record != _published_record(one)]
    new = [one for one in fresh if one.key not in before]
    write_published({**before, **{one.key: one for one in fresh}}.values(), Path(folder))
    lines = [f"{plan.experiment}: {len(new)} runs published, {len(replaced)} replaced, {missing} of "
             f"{len(plan.runs)} missing"]  # fmt: skip
    lines += [f"new: {_line(one)}" for one in new]
    lines += [f"same as {'/'.join(map(str, key))}, kept once: {_line(one)}" for one, key in twins]
    return [*lines, *(f"replaced: {_line(before[one.key])}, now {_line(one)}" for one in replaced)]


def _one_an_identity(
    fresh: list[Finished], before: Mapping[RunKey, Finished]
) -> tuple[list[Finished], list[tuple[Finished, RunKey]]]:
    """The fresh runs to publish, and the twins: fresh runs that are published, or will be, under another name, with
    that name. Runs with the same identity have the same bits, so one copy is kept."""
    made = {one.key: one for one in fresh}
    staying = [one for one in before.values() if made.get(one.key, one).spec.identity == one.spec.identity]
    names = {one.spec.identity: one.key for one in staying}
    for one in fresh:
        names.setdefault(one.spec.identity, one.key)
    twins = [(one, names[one.spec.identity]) for one in fresh if names[one.spec.identity] != one.key]
    return [one for one in fresh if names[one.spec.identity] == one.key], twins


def write_published(runs: Iterable[Finished], folder: Path) -> None:
    """Write `runs` as the published evidence in `folder`, the digests last. The same runs give the same bytes."""
    ordered = sorted(runs, key=lambda one: one.key)
    records = [_published_record(one) for one in ordered]
    rows = [published_row(one.spec, record) for one, record in zip(ordered, records, strict=True)]
    # Reading drops empty columns. Writing drops them too, so that a round trip gives the same bytes.
    frames = [one.curve.dropna(axis=1, how="all").assign(identity=one.spec.identity) for one in ordered]
    curves = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["identity", "step"])
    kept = {one.spec.identity: planes for one in ordered if (planes := _planes(one))}
    for identity, content in kept.items():
        write_atomically(folder / PLANES / f"{identity}.npz", content)
    predictions = {name: content for name in {one.key.experiment for one in ordered}
                   if (content := _predictions([one for one in ordered if one.key.experiment == name]))}  # fmt: skip
    for experiment, content in predictions.items():
        write_atomically(folder / PREDICTIONS / f"{experiment}.npz", content)
    write_atomically(folder / RECORDS, _zipped(json.dumps(records, indent=0, sort_keys=True)))
    write_atomically(folder / CURVES, _zipped(curves.to_csv(index=False, lineterminator="\n")))
    write_atomically(folder / RUNS_CSV, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))
    for name, wanted in ((PLANES, kept), (PREDICTIONS, predictions)):
        for path in (folder / name).glob("*.npz"):
            if path.stem not in wanted:
                path.unlink()
        if not wanted:
            shutil.rmtree(folder / name, ignore_errors=True)
    write_json(folder / DIGESTS, digests(folder))


def _published_record(one: Finished) -> dict:
    """The record as it is published: marked as published, without the digests of files that are not kept, and sealed
    again."""
    if one.published:
        return one.record
    content = {name: value for name, value in one.record.items() if name not in ("digest", "files")}
    return sealed({**content, "published": {}})


def _planes(one: Finished) -> bytes | None:
    """The planes of an embedding run, as an .npz for figures. Contact sheets stay out: their images are not ours to
    publish."""
    planes = one.arrays("plane/")
    if not planes:
        return None
    if one.published:
        return one.observations.read_bytes()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{f"plane/{name}": array for name, array in planes.items()})
    return buffer.getvalue()


def _predictions(runs: Sequence[Finished]) -> bytes | None:
    """The predictions of an experiment's runs as an .npz; None if no run kept any."""
    kept = [(one.spec.identity, one.spec.bits.data, one.predictions) for one in runs if one.predictions is not None]
    return packed(kept) if kept else None


def _zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)  # a date in it would change the bytes


def _refuse_stale(plan: Plan, key: RunKey) -> None:
    """Refuse a run that is finished only under another identity: it would be published as something it is not."""
    found: Sequence[Path] = sorted(Path(paths.run_folder(key, "x")).parent.glob(f"*/{paths.RESULT}"))
    if found and plan.undecoded(key.dataset):
        raise UserError(
            f"{found[0].parent}: cannot tell whether it was trained on the images at {plan.config['data_root']}: they "
            f"are not decoded yet; decode them with `snakemake --config experiment={plan.experiment}` and the same "
            "data_root"
        )
    if found:
        raise UserError(
            f"{found[0].parent}: expected the run that experiment {plan.experiment} asks for now, found one with "
            "another recipe or other data; run the experiment again, or delete that folder"
        )


def _refuse_dirty(one: Finished) -> None:
    for part in one.record["provenance"]:
        if part.get("clean") is False:
            raise UserError(
                f"{paths.run_folder(one.key, one.spec.identity)}: expected a run of committed code, found one computed "
                f"with uncommitted changes (at {part.get('commit')}); commit them and run again with "
                "--config rebuild=true"
            )


def _line(one: Finished) -> str:
    return f"{'/'.join(map(str, one.key))} {one.record['accuracy']:.2f} % ({one.spec.identity})"
