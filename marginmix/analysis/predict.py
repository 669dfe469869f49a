"""Predictions of a trained network for images without labels."""

import csv
import io
import pickle
from pathlib import Path

import torch

from marginmix.datasets.folder import image_files, read_squares
from marginmix.errors import UserError
from marginmix.files import write_atomically
from marginmix.networks import make_network
from marginmix.runs.recipe import Recipe, core_settings
from marginmix.training.evaluate import embed
from marginmix.views.augment import Scaling


def predict(model: Path, images: Path, out: Path) -> int:
    """Write one CSV row (image, class, confidence in percent) per image file under `images`. Returns how many.

    `model` is the model.pt of a finished run. Images are cut to their centre squares and resized to the size that the
    run trained at. Raises `UserError` if the model or an image cannot be read, or if there is no image.
    """
    try:
        content = torch.load(model, map_location="cpu", weights_only=True)
        recipe, classes, side, channels = (content[key] for key in ("recipe", "classes", "side", "channels"))
        network = make_network(Recipe(**core_settings(recipe)), len(classes), channels, side)
        scaling = Scaling(**content["scaling"])
        network.to(scaling.factor.dtype, memory_format=torch.channels_last)
        network.load_state_dict(content["network"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise UserError(
            f"{model}: expected the model.pt of a finished run, found something else ({error}); see results/runs"
        ) from error
    paths = image_files(images) if images.is_dir() else []
    if not paths:
        raise UserError(f"{images}: expected a folder with images, found none; put some there")
    pixels = torch.from_numpy(read_squares(paths, side, channels))
    logits, _ = embed(network, pixels, scaling, recipe["precision"])
    if (adjustment := content.get("adjustment")) is not None:
        logits = logits + adjustment
    confidence, best = logits.softmax(1).max(1)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["image", "class", "confidence"])
    for path, index, share in zip(paths, best.tolist(), confidence.tolist(), strict=True):
        writer.writerow([path.relative_to(images).as_posix(), classes[index], f"{100 * share:.1f}"])
    write_atomically(out, buffer.getvalue())
    return len(paths)
