"""One training step, shared by all methods, in the paper's four parts: prepare, augment and mix, self-label, update.

A method is a subclass of `Method` and changes what it names; it never touches the optimiser, the loop, the EMA or
files.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from marginmix.methods.mixing import interleave_order, mixup, ramp_up, reordered, soft_cross_entropy, squared_error
from marginmix.networks import batch_parts
from marginmix.networks.precision import convolutions_in
from marginmix.runs.recipe import Recipe
from marginmix.step_draws import Draws


@dataclass(frozen=True)
class Task:
    """What a method may know of its data: C classes, D dimensions of the embedding, the labelled images of each class
    [C], the number of images in the unlabelled pool, and the class shares [C] that `target_shares` asks for, which are
    there from `Method.start` on."""

    classes: int
    dimensions: int
    labelled_counts: Tensor
    unlabelled: int
    target_shares: Tensor


@dataclass(frozen=True)
class Seen:
    """The network's output on weak views, without gradient: V views of B images each.

    logits [V, B, C], embeddings [V, B, D]. Where the method looks at all views, the first is the labelled batch.
    """

    logits: Tensor
    embeddings: Tensor


@dataclass(frozen=True)
class Batch:
    """Inputs of a forward [P * B, channels, H, W] and soft labels [P * B, C]; the first B are the labelled images'."""

    images: Tensor
    labels: Tensor
    size: int


def labelled_and_last(batch: Batch) -> Batch:
    """The labelled views and the last unlabelled ones, for methods that label by one view and learn on another."""
    parts = slice(batch.size), slice(-batch.size, None)
    images, labels = (torch.cat([values[part] for part in parts]) for values in (batch.images, batch.labels))
    return Batch(images, labels, batch.size)


class Method(nn.Module):
    """What a method may change. Its buffers are saved and resumed with the network."""

    looks_at = "unlabelled"
    """Which weak views are put through the network before labelling: nothing, unlabelled, or all."""

    strong = False
    """Whether it wants a strong view of each unlabelled image, behind the weak ones (`marginmix.strong`)."""

    def __init__(self, recipe: Recipe, task: Task):
        super().__init__()
        self.recipe, self.task = recipe, task

    def start(self, embeddings: Tensor, labels: Tensor) -> None:
        """Called once before the first step with the embeddings [N, D] and one-hot labels [N, C] of the labelled."""

    # Below, `step` is a tensor of no dimension, the steps done so far in the weights' type. It stays on the device: a
    # step that never asks the host for a number can be recorded once and replayed.

    def prepare(self, seen: Seen, labels: Tensor, step: Tensor) -> None:
        """Step 1: bring the method's own state up to date. `labels` [B, C] are those of the labelled batch."""

    def self_label(self, seen: Seen, step: Tensor) -> Tensor:
        """Step 3: soft labels [B, C] of the unlabelled images, shared by their K views."""
        raise NotImplementedError

    def mix(self, batch: Batch, draws: Draws) -> Batch:
        """Step 2: MixUp over labelled and unlabelled together (Berthelot et al. 2019, algorithm 1)."""
        images = mixup(batch.images, draws.partners, draws.lam)
        return Batch(images, mixup(batch.labels, draws.partners, draws.lam), batch.size)

    def losses(self, logits: Tensor, embeddings: Tensor, batch: Batch, step: Tensor) -> dict[str, Tensor]:
        """Step 4: the weighted terms of the loss by name; their sum is descended. Logits [P * B, C]."""
        labelled, unlabelled = logits[: batch.size], logits[batch.size :]
        distance = squared_error if self.recipe.unlabelled_loss == "squared" else soft_cross_entropy
        return {
            "labelled": soft_cross_entropy(labelled, batch.labels[: batch.size]),
            "unlabelled": self.unlabelled_weight(step) * distance(unlabelled, batch.labels[batch.size :]),
        }

    def unlabelled_weight(self, step: Tensor) -> Tensor:
        """λ_u, ramped up."""
        return self.recipe.lambda_u * ramp_up(step, self.recipe.steps, self.recipe.rampup)

    def centroid_distances(self, embeddings: Tensor) -> Tensor | None:
        """Squared distances [N, C] for prediction by the nearest centroid; None where the method has no centroids."""
        return None


def forward(network: nn.Module, images: Tensor, parts: int, tracked: int, precision: str) -> tuple[Tensor, Tensor]:
    """Logits and embeddings of `parts` batches that lie one after the other in `images`."""
    with convolutions_in(precision, images.device), batch_parts(network, parts, tracked):
        return network(images)


def guess_labels(method: Method, looking: nn.Module, images: Tensor, labels: Tensor, step: Tensor,
                 tracked: bool) -> Tensor | None:  # fmt: skip
    """Steps 1 and 3: the guessed labels [B, C], None where the method looks at nothing.

    images [(1 + K) B, channels, H, W]: the weak views, labelled first, and a strong one last where the method wants it,
    which is not looked at; labels [B, C]. `looking` is the network whose
    output is looked at: the one in training, or its average. `tracked`: these forwards move its running statistics.
    """
    if method.looks_at == "nothing":
        return None
    size = len(labels)
    weak = images[:-size] if method.strong else images
    looked_at = weak if method.looks_at == "all" else weak[size:]
    views = len(looked_at) // size
    with torch.no_grad():
        outputs = forward(looking, looked_at, views, views if tracked else 0, method.recipe.precision)
        seen = Seen(*(output.unflatten(0, (views, size)) for output in outputs))
        method.prepare(seen, labels, step)
        return method.self_label(seen, step)


def mixed_losses(method: Method, network: nn.Module, images: Tensor, labels: Tensor, guesses: Tensor | None,
                 draws: Draws, step: Tensor) -> dict[str, Tensor]:  # fmt: skip
    """Steps 2 and 4: the terms of the loss on the mixed views. Shapes as in `guess_labels`."""
    recipe, size = method.recipe, len(labels)
    if guesses is None:
        images = images[:size]
    else:
        labels = torch.cat([labels, *[guesses] * (len(images) // size - 1)])
    batch = method.mix(Batch(images, labels, size), draws)
    parts = len(batch.images) // size
    order = interleave_order(size, parts, images.device)
    tracked = parts if recipe.batch_norm_updates == "every" else 1
    logits, embeddings = forward(network, batch.images[order], parts, tracked, recipe.precision)
    return method.losses(reordered(logits, order), reordered(embeddings, order), batch, step)


def compute_losses(method: Method, network: nn.Module, looking: nn.Module, images: Tensor, labels: Tensor,
                   draws: Draws, step: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:  # fmt: skip
    """One step but for the update: the terms of its loss, and the guessed labels. Shapes as in `guess_labels`."""
    tracked = method.recipe.batch_norm_updates == "every" and looking is network
    guesses = guess_labels(method, looking, images, labels, step, tracked)
    return mixed_losses(method, network, images, labels, guesses, draws, step), guesses
