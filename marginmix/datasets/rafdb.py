"""RAF-DB, basic emotions (Li, Deng and Du 2017), in the official layout with aligned faces."""

from pathlib import Path

import numpy as np

from marginmix.datasets.decode import Raw, check_targets, decode_images, read_text
from marginmix.datasets.row import Dataset
from marginmix.errors import UserError


def load(root: Path, row: Dataset, layout: str) -> Raw:
    """The images listed in EmoLabel/list_patition_label.txt (sic), with labels 1..7. The start of a file's name gives
    its part."""
    table = root / "EmoLabel" / "list_patition_label.txt"
    listed = {"train": ([], []), "test": ([], [])}
    for number, line in enumerate(read_text(table).splitlines(), 1):
        if not line.strip():
            continue
        name, _, label = line.strip().rpartition(" ")
        part = name.partition("_")[0]
        if part not in listed or not label.isdecimal() or not name.endswith(".jpg"):
            raise UserError(
                f"line {number} of {table}: expected a line such as 'train_00001.jpg 5', or 'test_…', found "
                f"{line[:60]!r}; restore it from its source"
            )
        listed[part][0].append(root / "Image" / "aligned" / name.replace(".jpg", "_aligned.jpg"))
        listed[part][1].append(int(label))
    parts = {}
    for part, (paths, labels) in listed.items():
        if not paths:
            raise UserError(
                f"{table}: expected train and test images, found no {part} image; restore it from its source"
            )
        targets = check_targets(np.array(labels), len(row.classes), f"{table} ({part})", first=1)
        parts[part] = decode_images(paths, row.shape), targets
    return Raw(parts, row.classes, row.name)
