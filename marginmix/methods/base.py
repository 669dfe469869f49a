"""A method is a subclass of `Method`. It overrides what it does differently, and owns its settings, losses and
predictions.

It never touches the optimiser, the loop, the average or files. A training step has the paper's four parts: prepare,
augment and mix, self-label, update; `marginmix.methods.step` runs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from marginmix.errors import UserError
from marginmix.methods.mixing import mixup, ramp_up, soft_cross_entropy, squared_error
from marginmix.runs.recipe import Recipe
from marginmix.runs.setting import setting
from marginmix.views.step_draws import Draws


@dataclass(frozen=True)
class Task:
    """What a method may know of its data: C classes, D dimensions of the embedding, the number of labelled images of
    each class [C], the number of images in the unlabelled pool, and the class shares [C] that the setting
    `target_shares` chooses. These shares are ready when `Method.start` is called."""

    classes: int
    dimensions: int
    labelled_counts: Tensor
    unlabelled: int
    target_shares: Tensor


@dataclass(frozen=True)
class Outputs:
    """The network's outputs on images, without gradient.

    A step has K weak views of N = µB unlabelled images (µ is `unlabelled_ratio`): logits [K, N, C] and embeddings
    [K, N, D]. Where the method looks at all views, it also has those of the labelled batch, [B, C] and [B, D]. An
    evaluation has N images: logits [N, C] and embeddings [N, D].
    """

    logits: Tensor
    embeddings: Tensor
    labelled_logits: Tensor | None = None
    labelled_embeddings: Tensor | None = None

    @classmethod
    def of(cls, outputs: Sequence[Tensor], labelled: int, count: int) -> "Outputs":
        """From logits and embeddings of `labelled` images (0 or B), followed by views of `count` unlabelled images."""
        logits, embeddings = (output[labelled:].unflatten(0, (-1, count)) for output in outputs)
        return cls(logits, embeddings, *(output[:labelled] if labelled else None for output in outputs))


@dataclass(frozen=True)
class Batch:
    """Inputs of a forward [P * B, channels, H, W] and soft labels [P * B, C]: the B labelled images, then views of all
    µB unlabelled ones, one view after the other."""

    images: Tensor
    labels: Tensor
    size: int


def labelled_and_last(batch: Batch, ratio: int) -> Batch:
    """The labelled views and the last view of each unlabelled image, `ratio` (µ) times as many. For methods that guess
    labels on one view and learn on another."""
    parts = slice(batch.size), slice(-ratio * batch.size, None)
    images, labels = (torch.cat([values[part] for part in parts]) for values in (batch.images, batch.labels))
    return Batch(images, labels, batch.size)


class Method(nn.Module):
    """What a method may override. Checkpoints hold its buffers beside the network.

    A GPU records a step once, as operations on places in its memory, and replays it. So a step changes buffers in place
    (`copy_`, `lerp_`, `+=`), and counts in them. Nothing else of it is repeated. It may not

    - replace a buffer (`self.seen = self.seen + x`) or count in Python,
    - branch on the step's number or ask a tensor for its value (`item`, `float`, `if`, a boolean index),
    - draw random numbers of the host.

    `marginmix.training.execution.Recorded` refuses to record such a step where it can see it.
    """

    title = ""
    """Its name in tables and figures; where it is empty, the name of the class."""

    @dataclass(frozen=True)
    class Settings(Recipe):
        """The settings of every method, and those of the shared step. A method that has more extends this class by its
        own `Settings`."""

        teacher: str = setting(
            "online",
            "the network that guesses labels on the weak views and gives the embeddings for centroids: the one in "
            "training, or its average",
            "online",
            "average",
        )
        alpha: float = setting(
            0.75, "of Beta(alpha, alpha), the distribution of MixUp's lambda (MixMatch: 0.75)", within="(0, inf)"
        )
        mixup_lambda: str = setting("batch", "one lambda per batch (port) or per example (google)", "batch", "example")
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

    looks_at = "unlabelled"
    """Which weak views the network sees before labelling: nothing, unlabelled, or all."""

    strong = False
    """Whether it wants a strong view of each unlabelled image, after the weak ones (`marginmix.views.strong`)."""

    def __init__(self, recipe: Settings, task: Task):
        super().__init__()
        self.recipe, self.task = recipe, task

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        """Called once, before the first step. Takes the embeddings [N, D] and one-hot labels [N, C] of labelled
        images."""

    # Below, `step` is a scalar tensor in the weights' type: the steps done so far. It stays on the device.

    def prepare(self, seen: Outputs, labels: Tensor, step: Tensor) -> None:
        """Step 1: update the method's own state. `labels` [B, C] belong to the labelled batch."""

    def self_label(self, seen: Outputs, step: Tensor) -> Tensor:
        """Step 3: soft labels [N, C] of the unlabelled images, shared by their K views. A row of zeros means no
        guess."""
        raise NotImplementedError

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        """Step 2: MixUp over labelled and unlabelled together (Berthelot et al. 2019, algorithm 1)."""
        images = mixup(batch.images, draws.partners, draws.lam)
        return Batch(images, mixup(batch.labels, draws.partners, draws.lam), batch.size)

    def losses(self, logits: Tensor, embeddings: Tensor, batch: Batch, step: Tensor) -> dict[str, Tensor]:
        """Step 4: the weighted terms of the loss, scalars under names of the method's choice. Training minimises their
        sum, and metrics.csv holds each. Logits [P * B, C], embeddings [P * B, D]."""
        labelled, unlabelled = logits[: batch.size], logits[batch.size :]
        distance = squared_error if self.recipe.unlabelled_loss == "squared" else soft_cross_entropy
        return {
            "labelled": soft_cross_entropy(labelled, batch.labels[: batch.size]),
            "unlabelled": self.unlabelled_weight(step) * distance(unlabelled, batch.labels[batch.size :]),
        }

    def unlabelled_weight(self, step: Tensor) -> Tensor:
        """λ_u at this step of its ramp-up."""
        return self.recipe.lambda_u * ramp_up(step, self.recipe.steps, self.recipe.rampup)

    # At an evaluation, outside the recorded step:

    def predict(self, seen: Outputs) -> dict[str, Tensor]:
        """Scores [N, C] of N images by name; the largest score predicts the class. The first prediction decides the
        method's score. For each other one, NAME, metrics.csv has accuracy_NAME and balanced_accuracy_NAME."""
        return {"head": seen.logits}

    def report(self, seen: Outputs, targets: Tensor, step: Tensor) -> dict[str, float]:
        """Numbers for metrics.csv, by column. `seen` is the averaged network's output on the test images. `targets` [N]
        are their true classes; use them for this record only."""
        return {"lambda_u": float(self.unlabelled_weight(step))}


def expect_shape(method: Method, what: str, found: Tensor, shape: tuple[int, ...]) -> None:
    """Raises `UserError`, which names the method, unless `found`, the result of its `what`, has this shape."""
    if tuple(found.shape) != shape:
        raise UserError(
            f"{type(method).__module__}:{type(method).__name__}.{what}: expected shape {shape}, found "
            f"{tuple(found.shape)}"
        )
