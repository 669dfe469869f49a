"""Runs of before part 5 (results/runs/<budget>/…/result.json of an old checkout) -> results/published.

    python -m tools.carry_over OLD_CHECKOUT

Every run keeps its numbers, curve and confusion matrix; its spec is written from the recipe that its result.json holds,
and gets the identity that the same run would have now. The old identity stays in a column.
"""

import dataclasses
import datetime
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from marginmix.reporting.finished import Finished, evaluations
from marginmix.reporting.publish import write_published
from marginmix.reporting.published import Published
from marginmix.runs import paths
from marginmix.runs.import_paths import MOVED
from marginmix.runs.recipe import FIELDS, Recipe
from marginmix.runs.record import check_record, sealed
from marginmix.runs.scores import PER_IMAGE_METRICS
from marginmix.runs.spec import Bits, Machine, Spec, bits_settings, observation_of

TODAY = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")


def carry(
    result: Path, sizes: dict[tuple[str, str], int | None], dates: dict[str, str], top: Path
) -> tuple[Finished, bytes | None]:
    """One old run as a finished one, and its planes as the bytes of an .npz."""
    old = json.loads(result.read_text())
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in old["recipe"].items()}
    recipe = Recipe(**{name: settings[name] for name in FIELDS if name in settings})
    family = "folder" if old["source"].endswith("(image folder)") else None
    labels, seed = old["labels"], old["seed"]
    bits = Bits(
        old["dataset"], family, sizes[old["budget"], old["dataset"]], old["identity"]["data"], labels, seed,
        MOVED.get(old["method_path"], old["method_path"]), bits_settings(recipe),
    )  # fmt: skip
    hardware = old["hardware"]
    machine = Machine("auto", hardware["threads"], "auto", old.get("exact", True))
    spec = Spec(old["budget"], old["method"], bits, observation_of(recipe), machine)
    curve = pd.read_csv(result.with_name("metrics.csv"))
    table = result.with_name("separability.csv")
    rows = pd.read_csv(table).astype(object).to_dict("records") if table.exists() else []
    rows = [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows]
    made = [{**part, **old["versions"], "driver": None, "commit": None, "clean": None, "lock": None,
             "date": dates.get(result.relative_to(top).as_posix(), TODAY)}
            for part in [*old.get("hardware_before", []), hardware]]  # fmt: skip
    record = {
        **{name: old[name] for name in PER_IMAGE_METRICS},
        "spec": spec.to_json(), "identity": spec.identity, "source": old["source"], "split": old["identity"]["split"],
        "overlap": old["overlap"], "classes": old["classes"], "scores": old["scores"], "optimism": old["optimism"],
        "evaluated": len(curve), "diverged": old["diverged"], "confusion": old["confusion"], "separability": rows,
        "wall_seconds": old["wall_seconds"], "provenance": made, "exact": old.get("exact", True),
        "published": {"identity_before": old["identity"]["run"], "method_class_before": old["method_path"]},
    }  # fmt: skip
    record = sealed(json.loads(json.dumps(record)))
    check_record(record, evaluations(curve))
    planes = None
    if (result.with_name("embeddings.npz")).exists():
        with np.load(result.with_name("embeddings.npz"), allow_pickle=False) as file:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **{f"plane/{name}": file[name] for name in file.files})
            planes = buffer.getvalue()
    return Finished(spec.key, spec, record, curve, None), planes


def image_sizes(top: Path) -> dict[tuple[str, str], int | None]:
    """(budget, dataset) -> the side that its images were trained at, by the old config."""
    import yaml

    found: dict[tuple[str, str], int | None] = {}
    for path in (top / "workflow/config").glob("*.yaml"):
        config = yaml.safe_load(path.read_text())
        name = config.get("budget") or config["experiment"]
        for dataset, entry in config["datasets"].items():
            found[name, dataset] = (entry or {}).get("image_size")
    return found


def added_on(top: Path) -> dict[str, str]:
    """path -> the day on which git first had it; today for those that it does not have."""
    call = [
        "git",
        "-C",
        str(top),
        "log",
        "--no-renames",
        "--diff-filter=AM",
        "--format=@%as",
        "--name-only",
        "--",
        "results",
    ]
    found: dict[str, str] = {}
    day = ""
    for line in subprocess.run(call, capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("@"):
            day = line[1:]
        elif line:
            found.setdefault(line, day)
    return found


def main(top: Path, only: list[str]) -> None:
    published = Path(paths.PUBLISHED)
    kept = {one.key: one for one in Published(published).runs}
    sizes, dates, planes = image_sizes(top), added_on(top), {}
    results = sorted([*top.glob("results/runs/*/*/*/*/*/result.json"), *top.glob("results/embeddings/*/*/result.json")])
    count = 0
    for result in results:
        budget = result.relative_to(top).parts[2]
        if budget == "quick" or (only and budget not in only):
            continue
        one, plane = carry(result, sizes, dates, top)
        kept[one.key] = one
        count += 1
        if plane:
            planes[one.key] = plane
    (published / "observations").mkdir(parents=True, exist_ok=True)
    for key, content in planes.items():
        path = published / "observations" / f"{kept[key].spec.identity}.npz"
        path.write_bytes(content)
        kept[key] = dataclasses.replace(kept[key], observations=path)
    write_published(kept.values(), published)
    print(f"{count} runs carried over, {len(kept)} published")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
