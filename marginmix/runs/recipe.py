"""The settings that every method has, each with its default, allowed values and source.

A method adds its own in a class `Settings` in its file, which extends `Recipe`. Configs hold only what differs from the
defaults by experiment, dataset or method. Beneath them lies a fidelity profile: `pytorch` (YU1ut/MixMatch-pytorch at
cc7ef42, on which Margin-Mix builds; the one where none is named), `google` (google-research/mixmatch), or `plain`: the
bare defaults, which differ from the port in two details of its network.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marginmix.errors import UserError, suggest
from marginmix.network_names import network_shape
from marginmix.runs.setting import checked, setting

PAPER_STEPS = 1_048_576


@dataclass(frozen=True)
class Recipe:
    """The settings of a run. With its cell and its method they define it. `marginmix recipe METHOD` prints a method's
    settings with their texts."""

    # The length
    steps: int = setting(PAPER_STEPS, "optimiser steps; 2^20 in MixMatch and the port", within="[1, inf)")
    evaluations: int = setting(
        1024, "evaluations, evenly spread over the run (the port's 1,024 epochs)", within="[1, inf)"
    )
    score_window: int = setting(
        20, "number of last evaluations whose mean is the reported score (the port: 20)", within="[1, inf)"
    )
    batch_size: int = setting(
        64,
        "labelled images a step, and unlabelled_ratio times as many unlabelled ones (MixMatch: 64)",
        within="[2, inf)",
    )
    unlabelled_ratio: int = setting(
        1, "unlabelled images a step for each labelled one (MixMatch: 1; mu of FixMatch: 7)", within="[1, inf)"
    )
    precision: str = setting("bf16", "arithmetic of the convolutions; weights stay fp32", "bf16", "fp32", "fp64")

    # The network
    network: str = setting(
        "wrn-28-2", "wrn-DEPTH-WIDTH, another name of marginmix.networks, or an import path (MixMatch: WRN-28-2)"
    )
    embedding: str = setting(
        "pooled",
        "the space of the centroids: pooled features, or flattened ones as the authors of Margin-Mix say",
        "pooled",
        "flattened",
    )
    batch_norm_eps: float = setting(1e-5, "profile switch (google: 1e-3)", within="(0, inf)")
    batch_norm_momentum: float = setting(
        0.001, "of the running statistics, in PyTorch's sense (both: 0.001)", within="(0, 1]"
    )
    batch_norm_updates: str = setting(
        "every",
        "which forwards move the running statistics: every one, or only the first interleaved batch (google)",
        "every",
        "first",
    )

    stage_input: str = setting(
        "activated",
        "input of the first convolution of stages 2, 3, … of a WRN: activated features (the original), or raw ones "
        "(the port)",
        "activated",
        "raw",
    )
    head_init: str = setting(
        "uniform",
        "initial weights of a WRN's last layer: PyTorch's own, or Glorot's normal (both profiles)",
        "uniform",
        "glorot",
    )

    # The input
    unlabelled_pool: str = setting(
        "disjoint",
        "disjoint: the unlabelled pool has neither labelled nor validation images (port); all: it has the labelled "
        "ones, and all validation images but one (google)",
        "disjoint",
        "all",
    )
    labelled_pool: str = setting(
        "labelled", "all: fully supervised, with the true labels of the unlabelled pool too", "labelled", "all"
    )
    input_scaling: str = setting(
        "channel", "channel: per-channel mean 0 and sd 1 (port); unit: [-1, 1] (google)", "channel", "unit"
    )
    crop_offsets: str = setting(
        "half-open",
        "half-open: 2p offsets for a padding of p, the last one missing (port); closed: 2p + 1 (google)",
        "half-open",
        "closed",
    )
    shift: int = setting(
        -1,
        "padding p of the random crop in pixels; -1: the dataset's own (an eighth of the side, "
        "as in google-research/mixmatch: 4 at 32, 12 at 96)",
        within="[-1, inf)",
    )
    augmentations: int = setting(
        2, "K, weak views of each unlabelled image (MixMatch and Margin-Mix: 2)", within="[1, inf)"
    )

    # The optimiser
    optimiser: str = setting(
        "adam",
        "Adam, as in MixMatch; or SGD with Nesterov momentum (Sutskever et al. 2013), as in FixMatch",
        "adam",
        "sgd",
    )
    momentum: float = setting(0.9, "of sgd (FixMatch: 0.9); 0: none", within="[0, 1)")
    learning_rate: float = setting(0.002, "at the start (MixMatch: 0.002; FixMatch, by sgd: 0.03)", within="(0, inf)")
    schedule: str = setting(
        "constant",
        "of the learning rate: constant (MixMatch), or its cosine over k of K steps, cos(7 pi k / 16 K) (FixMatch)",
        "constant",
        "cosine",
    )
    decay_last: float = setting(
        0.0,
        "share of the run, at its end, over which the learning rate falls linearly to "
        "zero; 0: constant, as in MixMatch. Short runs need it.",
        within="[0, 1]",
    )
    weight_decay: float = setting(
        0.02,
        "adam: wd in v *= 1 - wd * learning_rate after each step (MixMatch: 0.02, and 0.04 for 26 M parameters); "
        "sgd: the loss gains wd / 2 times the sum of v^2 (FixMatch: 0.0005, and 0.001 on CIFAR-100)",
        within="[0, inf)",
    )
    weight_decay_on: str = setting(
        "state",
        "state: every floating tensor of the network's state, batch-norm's "
        "included (port), or with sgd every parameter; kernels: of convolutions and linear layers (google, FixMatch)",
        "state",
        "kernels",
    )
    ema_decay: float = setting(0.999, "of the averaged weights that are evaluated (MixMatch: 0.999)", within="[0, 1)")
    ema_over: str = setting(
        "state", "state: parameters and batch-norm buffers (port); parameters (google)", "state", "parameters"
    )

    # Label shift: class shares of the unlabelled images
    target_shares: str = setting(
        "labelled",
        "class shares for a prior, an alignment or the prediction: the labelled images'; estimated "
        "without further labels by em (Saerens et al. 2002), em-calibrated (Alexandari et al. 2020) or bbse (Lipton et "
        "al. 2018); or true, from the hidden labels: an upper bound, no method",
        "labelled",
        "em",
        "em-calibrated",
        "bbse",
        "true",
    )
    share_folds: int = setting(
        5, "networks that estimate the shares, each from all labels but a fold", within="[2, inf)"
    )
    share_steps: int = setting(1000, "steps of each of them, on labelled images alone", within="[1, inf)")
    prediction: str = setting(
        "plain",
        "plain: the head's; shares: the head's times target_shares over the labelled shares (Saerens et al. 2002)",
        "plain",
        "shares",
    )

    # A collapse: guesses run away to a few classes
    stop_on_collapse: bool = setting(
        False, "end a run at the alarm: predictions far more one-sided than the classes, at three evaluations running"
    )

    # What is kept
    shares_examined: bool = setting(
        False, "estimate class shares in every way, and evaluate the predictions adjusted to each; see metrics.csv"
    )
    snapshots: tuple = setting(
        (),
        "shares of the run after which to measure the separability of the embeddings, and to keep planes for figures",
        within="(0, 1]",
    )
    diagnosed: int = setting(
        0,
        "unlabelled images, in whole batches, whose guessed labels each evaluation examines; see metrics.csv; 0: none",
        within="[0, inf)",
    )
    samples: int = setting(
        0, "columns of the contact sheet kept at the end: views, mixtures, guesses; 0: none", within="[0, inf)"
    )

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that differ from the method's defaults."""
        return self.differing(type(self)())

    def differing(self, other: "Recipe") -> dict[str, Any]:
        """The settings that differ from `other`, a recipe of the same method."""
        return {
            name: getattr(self, name) for name in fields_of(type(self)) if getattr(self, name) != getattr(other, name)
        }

    def to_json(self) -> dict[str, Any]:
        """Every setting, in JSON types."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def __post_init__(self):
        if not self.score_window <= self.evaluations <= self.steps:
            raise UserError(
                f"recipe: expected score_window <= evaluations <= steps, found score_window {self.score_window}, "
                f"evaluations {self.evaluations}, steps {self.steps}"
            )
        if 0 < self.diagnosed < self.batch_size:
            raise UserError(
                f"recipe: diagnosed must be 0 or at least batch_size ({self.batch_size}), since labels are guessed in "
                f"whole batches, found {self.diagnosed}"
            )
        if self.schedule == "cosine" and self.decay_last > 0:
            raise UserError(
                f"recipe: expected schedule: cosine or decay_last, which both lower the learning rate, found both "
                f"(decay_last {self.decay_last:g}); set decay_last: 0, or schedule: constant"
            )
        network_shape(self.network)


def fields_of(kind: type[Recipe]) -> dict[str, dataclasses.Field]:
    """The settings of a method by name; every method has those of `Recipe`."""
    return {field.name: field for field in dataclasses.fields(kind)}


PROFILES: dict[str, dict[str, Any]] = {
    "plain": {},
    "pytorch": {"stage_input": "raw", "head_init": "glorot"},
    "google": {
        "head_init": "glorot",
        "rampup": 1 / 64,
        "mixup_lambda": "example",
        "weight_decay_on": "kernels",
        "ema_over": "parameters",
        "batch_norm_updates": "first",
        "batch_norm_eps": 1e-3,
        "unlabelled_pool": "all",
        "input_scaling": "unit",
        "crop_offsets": "closed",
    },
}

OLD_SETTINGS = {"centroid_network": "teacher (online stays, ema is now average)"}
"""Old names of settings -> the present ones."""


def make_recipe(settings: Mapping[str, Any], where: str = "recipe", kind: type[Recipe] = Recipe) -> Recipe:
    """A recipe of the method with the settings class `kind`, from what differs from its defaults.

    `profile` names a fidelity profile, which lies beneath `settings` and over the defaults. Raises `UserError`,
    which starts with `where`, on an unknown name (it suggests the nearest), a wrong type or a value that is not
    allowed.
    """
    settings = dict(settings)
    profile = settings.pop("profile", "pytorch")
    if profile not in PROFILES:
        raise UserError(f"{where}: unknown profile {profile!r}; {suggest(str(profile), PROFILES)}")
    beneath = {name: value for name, value in PROFILES[profile].items() if name in fields_of(kind)}
    return kind(**{**beneath, **checked_settings(settings, where, kind)})


def checked_settings(settings: Mapping[str, Any], where: str, kind: type[Recipe]) -> dict[str, Any]:
    """`settings` in the types of `kind`; a `UserError`, which starts with `where`, on an unknown name or wrong
    value."""
    fields = fields_of(kind)
    for name in settings:
        if name in OLD_SETTINGS:
            raise UserError(f"{where}: the setting {name!r} is now called {OLD_SETTINGS[name]}; change it")
        if name not in fields:
            raise UserError(f"{where}: unknown setting {name!r}; {suggest(name, fields)}")
    return {name: checked(fields[name], value, where) for name, value in settings.items()}


def core_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `settings` that every method has."""
    return {name: value for name, value in settings.items() if name in fields_of(Recipe)}
