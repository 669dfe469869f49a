"""A few steps of every method and of the branches that it does not take by itself, in float64."""

import torch

from benchmarks.gpu_check.toy import METHODS, on_device, toy_data, toy_trainer
from marginmix.training.execution import EAGER, Execution

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


def numbers_of(case: str, steps: int = 3, device: torch.device | str = "cpu", how: Execution = EAGER) -> list[float]:
    """Losses of each step, and sums over the trained and the averaged weights and the method's state, in float64."""
    name, settings = CASES[case]
    trainer = toy_trainer(name, on_device(toy_data(), device), "numerics/15/0", how, **settings)
    trainer.start()
    numbers = []
    for _ in range(steps):
        trainer.step()
        row = trainer.sums.means_and_reset()
        numbers += [row.get(f"loss_{term}", 0.0) for term in TERMS]
    for module in (trainer.network, trainer.average.module, trainer.method):
        numbers += [float(sum(t.double().abs().sum() for t in module.state_dict().values()))]
    if trainer.execution != how:
        raise RuntimeError(f"trained {trainer.execution.name}")
    return numbers
