"""Three steps of every method, and the defaults of all settings, as of the last numerics version.

`python -m tests.training.numerics` adds what the record lacks, such as a new method. Under a new version it writes all
anew.
"""

import json
from pathlib import Path
from typing import Any

from marginmix.runs.methods import resolve_method
from marginmix.runs.spec import NUMERICS_VERSION
from tests.toy_training import METHODS, toy_trainer

RECORD = Path(__file__).with_name("numerics.json")

# Every method as it comes, and the branches that it does not take by itself.
SOFT = {"margin": "triplet", "membership_temperature": 1.0}
CASES = {name: (name, {}) for name in METHODS} | {
    "marginmix": ("marginmix", SOFT),
    "marginmix, frozen": ("marginmix", {}),
    "marginmix, google": ("marginmix", SOFT | {"profile": "google"}),
    "mixmatch, google": ("mixmatch", {"profile": "google"}),
    "mixmatch, pytorch": ("mixmatch", {"stage_input": "raw", "head_init": "glorot"}),
    "marginmix, mixtures": ("marginmix", SOFT | {"label_what": "mixtures", "margin": "hinge", "margin_on": "all"}),
    "marginmix, ema": ("marginmix", SOFT | {"teacher": "average", "prior_source": "guesses", "decay_last": 0.9}),
}
TERMS = ("labelled", "unlabelled", "margin")


def three_steps(case: str) -> list[float]:
    """Losses of each step, and sums over the trained and the averaged weights and the method's state, in float64."""
    name, settings = CASES[case]
    trainer = toy_trainer(name, cell="numerics/15/0", **settings)
    trainer.start()
    numbers = []
    for _ in range(3):
        trainer.step()
        row = trainer.sums.means_and_reset()
        numbers += [row.get(f"loss_{term}", 0.0) for term in TERMS]
    for module in (trainer.network, trainer.average.module, trainer.method):
        numbers += [float(sum(t.double().abs().sum() for t in module.state_dict().values()))]
    return numbers


def defaults(name: str) -> dict[str, Any]:
    """The defaults of a method, by setting."""
    return resolve_method(METHODS[name]).Settings().to_json()


def record(earlier: dict[str, Any]) -> dict[str, Any]:
    """`earlier`, and what it lacks; everything anew where it is of another version."""
    kept = earlier if earlier.get("version") == NUMERICS_VERSION else {"cases": {}, "defaults": {}}
    return {
        "version": NUMERICS_VERSION,
        "defaults": {name: defaults(name) | kept["defaults"].get(name, {}) for name in METHODS},
        "cases": {case: kept["cases"].get(case) or three_steps(case) for case in CASES},
    }


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(json.loads(RECORD.read_text())), indent=1) + "\n")
