"""Three steps of every method, and the defaults of all settings.

`python -m tests.training.numerics` writes numerics.json anew.
"""

import json
from dataclasses import asdict
from pathlib import Path

from marginmix.identity import NUMERICS_VERSION
from marginmix.recipe import Recipe
from marginmix.training.running import resolve_method
from marginmix.training.trainer import Trainer
from tests.toy_training import METHODS, small_recipe, toy_data

RECORD = Path(__file__).with_name("numerics.json")


def three_steps(name: str) -> list[float]:
    """Losses of each step, and sums over the trained and the averaged weights and the method's state, in float64."""
    trainer = Trainer(small_recipe(), resolve_method(METHODS[name]), toy_data(), "numerics/15/0")
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
    return {"version": NUMERICS_VERSION, "defaults": defaults, "methods": {name: three_steps(name) for name in METHODS}}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=1) + "\n")
