"""Stands in for `python -m marginmix.cli`: takes the same command lines, writes the same files, trains nothing.

Appends each command line to calls.txt.
"""

import os
import sys
from pathlib import Path

import numpy as np

from marginmix.cli import _parser, _settings
from marginmix.cli import main as cli_main
from marginmix.files import read_json, write_atomically, write_json
from marginmix.identity import recipe_hash, run_identity
from marginmix.recipe import make_recipe


def main() -> None:
    with open("calls.txt", "a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\n")
    sys.exit(train(_parser().parse_args()) if sys.argv[1] == "train" else cli_main())


def train(options) -> None:
    print(f"{options.name}: step 1 of 1", file=sys.stderr)
    if os.environ.get("FAKE_FAILURE"):
        sys.exit(1)
    manifest = read_json(options.split)
    recipe = make_recipe(_settings(options.set), method=options.method)
    accuracy = 60.0 + options.name.startswith("marginmix") + manifest["seed"]
    result = {
        "budget": options.budget, "dataset": options.dataset, "source": options.dataset,
        "labels": manifest["labels"], "method": options.name, "seed": manifest["seed"],
        "steps": recipe.steps, "paper_steps": 1_048_576, "classes": ["a", "b"],
        "accuracy": accuracy, "balanced_accuracy": accuracy,
        "accuracy_centroid": None, "balanced_accuracy_centroid": None,
        "scores": dict.fromkeys(("last", "mean", "median", "validation", "best"), accuracy), "optimism": 0.0,
        "score_rule": "mean of the last 5 of 100 evaluations", "diverged": False, "confusion": [[6, 4], [4, 6]],
        "wall_seconds": 1.0, "hardware": {"device": "cpu", "name": "a processor", "threads": options.threads},
        "versions": {"python": "3"}, "recipe": {"steps": recipe.steps}, "overlap": {}, "exact": True,
        "identity": run_identity(
            recipe_hash(recipe, options.method, options.image_size), manifest["hash"], manifest["data_hash"]
        ),
    }  # fmt: skip
    if recipe.snapshots:
        write_embeddings(options.out / "embeddings.npz", recipe.snapshots)
        header = "step,part,space,silhouette,davies_bouldin,fisher_ratio,neighbour_error"
        write_atomically(options.out / "separability.csv", f"{header}\n1,train,raw,0.1,2.5,0.5,40\n")
    metrics = (
        f"step,accuracy,validation_accuracy,validation_balanced_accuracy\n1,{accuracy},{accuracy - 1},{accuracy - 3}\n"
    )
    write_atomically(options.out / "metrics.csv", metrics)
    write_json(options.out / "result.json", result)


def write_embeddings(path: Path, fractions: tuple) -> None:
    count, rng = len(fractions), np.random.default_rng(0)
    np.savez(
        path, steps=np.arange(1, count + 1), fractions=np.array(fractions), targets=np.repeat([0, 1], 20),
        points=rng.normal(size=(count, 40, 2)).astype(np.float16), classes=np.array(["a", "b"]),
        centroids=np.tile(np.eye(2, dtype=np.float32), (count, 1, 1)), accuracy=np.full(count, 50.0),
    )  # fmt: skip


if __name__ == "__main__":
    main()
