"""One training step, shared by all methods, in the paper's four parts: prepare, augment and mix, self-label, update."""

import torch
from torch import Tensor, nn

from marginmix.methods.base import Batch, Method, Outputs, expect_shape
from marginmix.methods.mixing import interleave_order, reordered
from marginmix.networks import batch_parts
from marginmix.networks.precision import convolutions_in
from marginmix.views.step_draws import Draws


def forward(network: nn.Module, images: Tensor, parts: int, tracked: int, precision: str) -> tuple[Tensor, Tensor]:
    """Logits and embeddings of the `parts` consecutive batches in `images`."""
    with convolutions_in(precision, images.device), batch_parts(network, parts, tracked):
        return network(images)


def guess_labels(method: Method, looking: nn.Module, images: Tensor, labels: Tensor, step: Tensor,
                 tracked: bool) -> Tensor | None:  # fmt: skip
    """Steps 1 and 3: the guessed labels [µB, C]; None where the method looks at nothing.

    images [(1 + K µ) B, channels, H, W]: the weak views, labelled first. Where the method wants strong views, µB more
    follow, which this function ignores. labels [B, C]. `looking` is the network that guesses: the one in training, or
    its average. `tracked`: these forwards move its running statistics.
    """
    if method.looks_at == "nothing":
        return None
    size, count = len(labels), method.recipe.unlabelled_ratio * len(labels)
    weak = images[:-count] if method.strong else images
    labelled = size if method.looks_at == "all" else 0
    looked_at = weak[size - labelled :]
    parts = len(looked_at) // size
    with torch.no_grad():
        outputs = forward(looking, looked_at, parts, parts if tracked else 0, method.recipe.precision)
        seen = Outputs.of(outputs, labelled, count)
        method.prepare(seen, labels, step)
        guesses = method.self_label(seen, step)
    expect_shape(method, "self_label", guesses, (count, labels.shape[1]))
    return guesses


def mixed_losses(method: Method, network: nn.Module, images: Tensor, labels: Tensor, guesses: Tensor | None,
                 draws: Draws, step: Tensor) -> dict[str, Tensor]:  # fmt: skip
    """Steps 2 and 4: the terms of the loss on the mixed views. Shapes as in `guess_labels`."""
    recipe, size = method.recipe, len(labels)
    if guesses is None:
        images = images[:size]
    else:
        labels = torch.cat([labels, *[guesses] * ((len(images) - size) // len(guesses))])
    batch = method.mix(Batch(images, labels, size), draws)
    parts = len(batch.images) // size
    expect_shape(method, "mix", batch.images, (parts * size, *images.shape[1:]))
    expect_shape(method, "mix", batch.labels, (parts * size, labels.shape[1]))
    order = interleave_order(size, parts, images.device)
    tracked = parts if recipe.batch_norm_updates == "every" else 1
    logits, embeddings = forward(network, batch.images[order], parts, tracked, recipe.precision)
    terms = method.losses(reordered(logits, order), reordered(embeddings, order), batch, step)
    for name, term in terms.items():
        expect_shape(method, f"losses, {name!r}", term, ())
    return terms


def compute_losses(method: Method, network: nn.Module, looking: nn.Module, images: Tensor, labels: Tensor,
                   draws: Draws, step: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:  # fmt: skip
    """One step without the update: the terms of its loss, and the guessed labels. Shapes as in `guess_labels`."""
    tracked = method.recipe.batch_norm_updates == "every" and looking is network
    guesses = guess_labels(method, looking, images, labels, step, tracked)
    return mixed_losses(method, network, images, labels, guesses, draws, step), guesses
