"""Three steps of every method, and the defaults of all settings.

`python -m tests.training.numerics` writes numerics.json anew.
"""

import json
from dataclasses import asdict
from pathlib import Path

from marginmix.runs.recipe import FROZEN, Recipe
from marginmix.runs.spec import NUMERICS_VERSION
from marginmix.training.running import resolve_method
from marginmix.training.trainer import Trainer
from tests.toy_training import METHODS, small_recipe, toy_data

RECORD = Path(__file__).with_name("numerics.json")

# Every method as it comes, and the branches that it does not take by itself.
CASES = {name: (path, {}) for name, path in METHODS.items()} | {
    "marginmix, frozen": (METHODS["marginmix"], FROZEN[METHODS["marginmix"]]),
    "marginmix, google": (METHODS["marginmix"], {"profile": "google"}),
    "mixmatch, google": (METHODS["mixmatch"], {"profile": "google"}),
    "mixmatch, pytorch": (METHODS["mixmatch"], {"stage_input": "raw", "head_init": "glorot"}),
    "marginmix, mixtures": (METHODS["marginmix"], {"label_what": "mixtures", "margin": "hinge", "margin_on": "all"}),
    "marginmix, ema": (METHODS["marginmix"], {"centroid_network": "ema", "prior_source": "guesses", "decay_last": 0.9}),
}


def three_steps(case: str) -> list[float]:
    """Losses of each step, and sums over the trained and the averaged weights and the method's state, in float64."""
    path, settings = CASES[case]
    trainer = Trainer(small_recipe(**settings), resolve_method(path), toy_data(), "numerics/15/0")
    trainer.start()
    numbers = []
    for _ in range(3):
        trainer.step()
        row = trainer.sums.means_and_reset()
        numbers += [row["loss_labelled"], row["loss_unlabelled"], row["loss_margin"]]
    for module in (trainer.network, trainer.average.module, trainer.method):
        numbers += [float(sum(t.double().abs().sum() for t in module.state_dict().values()))]
    return numbers


def record() -> dict:
    defaults = json.loads(json.dumps(asdict(Recipe())))
    return {"version": NUMERICS_VERSION, "defaults": defaults, "cases": {case: three_steps(case) for case in CASES}}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=1) + "\n")
