"""Every hyperparameter: its default, its allowed values and where it comes from, once.

Configs hold only what differs from these by experiment, dataset or method. A fidelity profile lies beneath them:
`pytorch` (YU1ut/MixMatch-pytorch at cc7ef42, on which Margin-Mix was built) where none is named, `google`
(google-research/mixmatch), or `plain`: the defaults as they stand, which are the port's but for two details of its
network. `FROZEN` holds the defaults of Margin-Mix's open choices that were decided by measurement.
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
    """What defines a training run apart from its cell. `marginmix recipe` prints this list with its texts."""

    # The length
    steps: int = setting(PAPER_STEPS, "optimiser steps; 2^20 in MixMatch and the port", within="[1, inf)")
    evaluations: int = setting(
        1024, "evaluations, evenly spread over the run (the port's 1,024 epochs)", within="[1, inf)"
    )
    score_window: int = setting(
        20, "last evaluations that the reported score is the mean of (the port: 20)", within="[1, inf)"
    )
    batch_size: int = setting(
        64, "labelled images a step, and as many unlabelled ones (MixMatch: 64)", within="[2, inf)"
    )
    precision: str = setting("bf16", "arithmetic of the convolutions; weights stay fp32", "bf16", "fp32", "fp64")

    # The network
    network: str = setting("wrn-28-2", "a name of marginmix.networks, or wrn-DEPTH-WIDTH (MixMatch: WRN-28-2)")
    embedding: str = setting(
        "pooled",
        "the vector that centroids live in: pooled features, or flattened as the authors of Margin-Mix say",
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
        "what the first convolution of stages 2, 3, … of a WRN reads: activated features (the original), or raw ones, "
        "as in the port",
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
        "disjoint: labelled and validation images are not in the unlabelled "
        "pool (port); all: the labelled are, and all validation images but one (google)",
        "disjoint",
        "all",
    )
    labelled_pool: str = setting(
        "labelled", "all: fully supervised, the unlabelled pool with its true labels too", "labelled", "all"
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
    learning_rate: float = setting(0.002, "of Adam, constant (MixMatch)", within="(0, inf)")
    decay_last: float = setting(
        0.0,
        "share of the run, at its end, over which the learning rate falls linearly to "
        "zero; 0: constant, as in MixMatch. Short runs need it.",
        within="[0, 1]",
    )
    weight_decay: float = setting(
        0.02,
        "wd in v *= 1 - wd * learning_rate after each step (MixMatch: 0.02, and 0.04 for 26 M parameters)",
        within="[0, inf)",
    )
    weight_decay_on: str = setting(
        "state",
        "state: every floating tensor of the network's state, batch-norm's "
        "included (port); kernels: of convolutions and linear layers (google)",
        "state",
        "kernels",
    )
    ema_decay: float = setting(0.999, "of the averaged weights that are evaluated (MixMatch: 0.999)", within="[0, 1)")
    ema_over: str = setting(
        "state", "state: parameters and batch-norm buffers (port); parameters (google)", "state", "parameters"
    )

    # Mixing and the unlabelled loss
    alpha: float = setting(
        0.75, "of Beta(alpha, alpha), from which MixUp's lambda is drawn (MixMatch: 0.75)", within="(0, inf)"
    )
    mixup_lambda: str = setting("batch", "one lambda per batch (port) or per example (google)", "batch", "example")
    temperature: float = setting(
        0.5, "T of sharpening predictions; 1 leaves guessed labels as they are (MixMatch: 0.5)", within="(0, inf)"
    )
    lambda_u: float = setting(
        75.0,
        "weight of the unlabelled loss (MixMatch: CIFAR-10 75, SVHN 250, STL-10 50, CIFAR-100 150)",
        within="[0, inf)",
    )
    rampup: float = setting(
        1.0,
        "share of the run over which lambda_u rises linearly from 0 (port: the whole run; google: 1/64)",
        within="[0, 1]",
    )
    unlabelled_loss: str = setting(
        "squared", "squared error of the probabilities (MixMatch) or cross-entropy", "squared", "cross-entropy"
    )
    confidence_threshold: float = setting(
        0.0,
        "pseudo-label only: guesses below it do not count (Lee 2013 has none; Oliver et al. 2018: 0.95)",
        within="[0, 1]",
    )

    # Margin-Mix: centroids and memberships (step 1 and 3)
    fuzzifier: float = setting(
        1.5, "m > 1 of fuzzy C-means (Bezdek 1981); start value of the small experiments", within="(1, inf)"
    )
    distance_floor: float = setting(1e-6, "squared distances are clamped at it", within="(0, inf)")
    centroid_momentum: float = setting(0.99, "of the running numerators and denominators over batches", within="[0, 1)")
    centroid_network: str = setting(
        "online",
        "which network labels are guessed with, and centroids taken from, on the weak views",
        "online",
        "ema",
    )
    centroid_start: str = setting(
        "labelled",
        "labelled: means of the labelled embeddings before the first step; zero: nothing, the first batch decides",
        "labelled",
        "zero",
    )
    centroid_normalise: bool = setting(False, "put the centroids back onto the unit sphere")
    centroid_rise: float = setting(
        1.0,
        "passes over the unlabelled pool in which the weight of unlabelled points in "
        "the centroids rises from 0 to 1 (the authors: small at first, even afterwards); each of K views is a point",
        within="[0, inf)",
    )
    membership_temperature: float = setting(
        1.0,
        "T of sharpening the memberships; multiplies 1/(m-1) by 1/T. 1: soft "
        "labels stay soft, the authors' idea (small experiments: 1 beat 0.5)",
        within="(0, inf)",
    )
    prior_exponent: float = setting(
        1.0, "rho in u_k ~ pi_k^rho d_k^(-1/(m-1)); 0 is the authors' form", within="[0, 1]"
    )
    prior_source: str = setting(
        "head",
        "pi: running mean of the head's predictions, of the guessed labels, the labelled class shares, or the "
        "target_shares",
        "head",
        "guesses",
        "labelled",
        "target",
    )
    prior_momentum: float = setting(0.99, "of the running mean that is the class prior", within="[0, 1]")
    prior_hold: float = setting(
        1.0, "share of the run after which the running mean is held where it is; 1: never", within="[0, 1]"
    )
    label_what: str = setting(
        "views",
        "what is labelled: the unlabelled views, their labels then mixed as in "
        "MixMatch; or the mixtures themselves, by their own embedding",
        "views",
        "mixtures",
    )

    # Margin-Mix: the margin loss (step 4)
    margin: str = setting(
        "triplet",
        "form of the margin loss; the authors' is not public",
        "hinge",
        "ratio",
        "triplet",
        "triplet-nearest",
        "softmax",
        "none",
    )
    margin_width: float = setting(
        0.3, "mu of hinge and triplet, in squared distance on the unit sphere (0 to 4)", within="[0, inf)"
    )
    margin_temperature: float = setting(0.1, "tau of the distance softmax", within="(0, inf)")
    margin_delta: float = setting(1.0, "delta of the ratio form (Qi & Su 2017: 1)", within="(0, inf)")
    margin_weight: float = setting(1.0, "weight of the margin loss", within="[0, inf)")
    margin_on: str = setting("labelled", "the part of the mixtures that it applies to", "labelled", "all")

    # Label shift: class shares of the unlabelled images
    target_shares: str = setting(
        "labelled",
        "the shares that a class prior, an alignment or the prediction is set to: the labelled images'; estimated "
        "without further labels by em (Saerens et al. 2002), em-calibrated (Alexandari et al. 2020) or bbse (Lipton et "
        "al. 2018); or true, by the hidden labels: an upper bound, no method",
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

    # What is kept
    shares_examined: bool = setting(
        False, "estimate class shares in every way, and evaluate predictions adjusted to each, see metrics.csv"
    )
    snapshots: tuple = setting(
        (),
        "shares of the run after which the separability of the embeddings is measured, and planes are kept to be drawn",
        within="(0, 1]",
    )
    diagnosed: int = setting(
        0,
        "unlabelled images, in whole batches, whose guessed labels are examined at each evaluation, see metrics.csv; "
        "0: none",
        within="[0, inf)",
    )
    samples: int = setting(
        0, "columns of the contact sheet that is kept at the end: views, mixtures, guesses; 0: none", within="[0, inf)"
    )

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that are not the defaults."""
        return self.differing(Recipe())

    def differing(self, other: "Recipe") -> dict[str, Any]:
        """The settings that are not those of `other`."""
        return {name: getattr(self, name) for name in FIELDS if getattr(self, name) != getattr(other, name)}

    def __post_init__(self):
        if not self.score_window <= self.evaluations <= self.steps:
            raise UserError(
                f"recipe: score_window <= evaluations <= steps must hold, found score_window {self.score_window}, "
                f"evaluations {self.evaluations}, steps {self.steps}"
            )
        if 0 < self.diagnosed < self.batch_size:
            raise UserError(
                f"recipe: diagnosed must be 0 or at least batch_size, since labels are guessed in whole batches of "
                f"{self.batch_size}, found {self.diagnosed}"
            )
        network_shape(self.network)


FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}

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

FROZEN: dict[str, dict[str, Any]] = {
    # FER+, validation images, 1,500 steps, means over seeds 10 to 13 at 320 and 2,000 labels: 36.3 and 46.0 %; at T 1
    # 33.6 and 46.8, hinge margin at T 1 32.7 and 46.5 (results/studies/study.md: margin=softmax, lambda_u=10,
    # membership_temperature=0.5). lambda_u 10 is that experiment's own and not a default, nor is what was frozen for
    # MixMatch. In 6,000 steps at 320 labels of FER+, and at 250 of CIFAR-10, guesses under it ran away to few classes
    # (experiment longer), since T sharpens the prior too (results/studies/runaway.md).
    "marginmix.methods.marginmix:MarginMix": {"margin": "softmax", "membership_temperature": 0.5},
}
"""Import path of a method -> its own defaults, decided by the study (`workflow/config/study.yaml`). They are of that
path alone: a subclass elsewhere says them again."""


def make_recipe(settings: Mapping[str, Any], where: str = "recipe", method: str | None = None) -> Recipe:
    """A `Recipe` from what differs from the defaults; `profile` names a fidelity profile that lies beneath.

    Over the profile lie the defaults of the `method` (import path) itself, where the study froze some. Raises
    `UserError` on an unknown name (the nearest is suggested), a wrong type or a value that is not allowed; `where` is
    named in the message.
    """
    settings = dict(settings)
    profile = settings.pop("profile", "pytorch")
    if profile not in PROFILES:
        raise UserError(f"{where}: unknown profile {profile!r}; {suggest(str(profile), PROFILES)}")
    for name in settings:
        if name not in FIELDS:
            raise UserError(f"{where}: unknown setting {name!r}; {suggest(name, FIELDS)}")
    allowed = {name: checked(FIELDS[name], value, where) for name, value in settings.items()}
    return Recipe(**{**PROFILES[profile], **FROZEN.get(method, {}), **allowed})
