"""Small grey faces with seven expressions, drawn by code: a benchmark that needs no file and has an adjustable
difficulty.

All random numbers are drawn first, then all faces are painted at once. Only +, -, *, / and comparisons touch the
values. IEEE 754 fixes their results to the bit, so every machine draws the same bytes.
"""

from pathlib import Path

import numpy as np

from marginmix.datasets.decode import Raw
from marginmix.datasets.faces_paint import FEATURES, NUISANCES, paint
from marginmix.datasets.row import Dataset
from marginmix.draws import shuffled, uniform

SIDE = 24
# Features of an expression, in units of half the face's height unless stated otherwise:
#   brow_up; brow_tilt (> 0: inner ends up); eye (opening, 1 = relaxed); squint (lower lid up);
#   width of the mouth (1 = relaxed); curve (> 0: corners up); open (gap between the lips); teeth (share of the gap);
#   lip (raised upper lip, lopsided); nose (wrinkles).
EXPRESSIONS = {
    #             brow_up brow_tilt eye   squint width curve  open  teeth lip   nose
    "surprise": (+0.150, +0.00, 1.55, 0.00, 0.62, +0.00, 0.300, 0.0, 0.00, 0.0),
    "fear": (+0.100, +0.50, 1.50, 0.00, 1.10, -0.10, 0.200, 1.0, 0.00, 0.0),
    "disgust": (-0.070, -0.20, 0.55, 0.60, 0.90, -0.10, 0.090, 0.5, 0.14, 1.0),
    "happiness": (+0.020, +0.00, 0.80, 0.60, 1.30, +0.24, 0.200, 1.0, 0.00, 0.0),
    "sadness": (+0.020, +0.65, 0.60, 0.00, 0.85, -0.20, 0.000, 0.0, 0.00, 0.0),
    "anger": (-0.100, -0.60, 0.95, 0.30, 0.80, -0.03, 0.000, 0.0, 0.00, 0.3),
    "neutral": (+0.000, +0.00, 1.00, 0.00, 1.00, +0.00, 0.000, 0.0, 0.00, 0.0),
}


def load(root: Path | None, row: Dataset, layout: str) -> Raw:
    """4,000 training faces and 1,000 test faces with the ambiguity `row.ambiguity`. Classes are in RAF-DB's order."""
    images, targets = draw_faces(sum(row.counts[layout].values()), row.ambiguity)
    train = row.counts[layout]["train"]
    parts = {"train": (images[:train], targets[:train]), "test": (images[train:], targets[train:])}
    return Raw(parts, row.classes, row.name)


def draw_faces(count: int, ambiguity: float, text: str = "faces") -> tuple[np.ndarray, np.ndarray]:
    """`count` faces, seeded by `text`: images uint8 [N, 24, 24, 1] and targets int64 [N], with classes as equal in size
    as possible.

    Each face slides towards another class, by a share of the way drawn from 0 to `ambiguity`, which is in [0, 1]. At 1
    the label no longer says what is seen. `ambiguity` only scales the slide: the other class, and all else about a
    face, do not depend on it.
    """
    classes = len(EXPRESSIONS)
    features = np.array(list(EXPRESSIONS.values()))
    targets = shuffled(np.arange(count) % classes, f"{text} targets")
    other = (targets + 1 + (uniform(f"{text} other", count) * (classes - 1)).astype(np.int64)) % classes
    slide = ambiguity * uniform(f"{text} slide", count)[:, None]
    shown = (1 - slide) * features[targets] + slide * features[other]
    # No two people show an expression equally strongly: 0.7 to 1.15 of the way from neutral.
    neutral = features[-1]
    strength = 0.7 + 0.45 * uniform(f"{text} strength", count)[:, None]
    shown = neutral + strength * (shown - neutral)
    nuisances = uniform(f"{text} nuisances", count, len(NUISANCES))
    noise = uniform(f"{text} noise", 3, count, SIDE, SIDE)
    return paint(
        dict(zip(FEATURES, shown.T, strict=True)), dict(zip(NUISANCES, nuisances.T, strict=True)), noise, SIDE
    ), targets
