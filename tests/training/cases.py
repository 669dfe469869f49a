"""What tests of every method and of every shipped setting run over."""

import importlib
import pkgutil

import baselines
from marginmix import methods
from marginmix.methods.base import Method


def in_repository() -> list[str]:
    """The import path of every method of `baselines` and `marginmix.methods`."""
    found = {}
    for package in (baselines, methods):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.name:
                    found[f"{module.name}:{name}"] = value
    return sorted(path for path, value in found.items() if value is not Method)


MARGIN_MIX = [
    {}, {"profile": "google"}, {"profile": "pytorch", "stage_input": "raw"}, {"teacher": "average"},
    {"label_what": "mixtures"}, {"label_what": "mixtures", "margin_on": "all", "margin": "triplet"},
    {"margin": "hinge", "margin_on": "all", "margin_width": 0.7}, {"margin": "ratio", "margin_delta": 0.5},
    {"margin": "triplet", "margin_width": 0.4, "margin_weight": 2.0}, {"margin": "triplet-nearest"},
    {"margin": "softmax", "margin_temperature": 0.45, "margin_on": "all"}, {"membership_temperature": 1.0},
    {"centroid_start": "zero", "centroid_rise": 0.0}, {"centroid_normalise": True}, {"centroid_rise": 0.05},
    {"prior_source": "guesses"}, {"prior_source": "labelled", "prior_exponent": 0.5}, {"prior_exponent": 0.0},
    {"prior_hold": 0.3, "prior_momentum": 0.5}, {"unlabelled_loss": "cross-entropy"}, {"augmentations": 1},
    {"augmentations": 3}, {"decay_last": 0.8}, {"rampup": 0.5}, {"fuzzifier": 2.0, "centroid_momentum": 0.5},
]  # fmt: skip
MIXMATCH = [
    {}, {"profile": "google"}, {"profile": "pytorch", "stage_input": "raw"}, {"teacher": "average"},
    {"temperature": 0.8, "augmentations": 3}, {"unlabelled_loss": "cross-entropy", "rampup": 0.0},
    {"decay_last": 0.5, "weight_decay": 0.5, "learning_rate": 0.01},
]  # fmt: skip
GOOGLE = {"batch_norm_eps": 0.001, "batch_norm_momentum": 0.3}
IN_TABLES = ("marginmix.methods.marginmix:MarginMix", "baselines.mixmatch:MixMatch", "baselines.fixmatch:FixMatch",
             "baselines.mean_teacher:MeanTeacher")  # fmt: skip
"""The methods whose profiles are tried one by one."""
