"""Copies of images between the parts of a dataset: exact copies by content, near copies by a perceptual hash."""

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations

import numpy as np

from marginmix.datasets.row import PARTS

SIDE = 32
"""The side in pixels at which images are hashed. Smaller images are not hashed: enlarged, different digits of one
class, or different drawn faces, would have hashes as close as those of copies."""
LOW = 8
WITHIN = 4
"""The largest Hamming distance between the 64-bit perceptual hashes of near copies. It decides which images
`duplicates: drop` leaves out. So raise the numerics version when this number or the hash changes."""
CHUNK = 4096
BLOCK = 1 << 18


def perceptual_hashes(images: np.ndarray) -> np.ndarray | None:
    """DCT hashes uint64 [N] of uint8 `images` [N, H, W, C], C = 1 or 3; None for images smaller than 32 × 32 pixels.

    Each image is made grey, resized to 32 × 32 and cosine-transformed. Each of the 8 × 8 lowest frequencies, rows
    first, gives one bit: 1 above their median. The library imagehash's `phash` gives the same bits.
    """
    if min(images.shape[1:3]) < SIDE:
        return None
    chunks = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
    return np.concatenate([_hashes(chunk) for chunk in chunks])


def _hashes(images: np.ndarray) -> np.ndarray:
    from PIL import Image
    from scipy.fft import dct

    grey = np.empty((len(images), SIDE, SIDE))
    for row, pixels in zip(grey, images, strict=True):
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("L")
        row[:] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    low = dct(dct(grey, axis=1), axis=2)[:, :LOW, :LOW].reshape(len(images), LOW * LOW)
    above = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(">u8")[:, 0].astype(np.uint64)


def near(hashes: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Which of the perceptual `hashes` [n] lie within `WITHIN` bits of at least one in `among` [m]; bool [n]."""
    found = np.zeros(len(hashes), bool)
    among = np.unique(among)
    if not len(among):
        return found
    rows = max(1, BLOCK // len(among))  # a block stays in the processor's cache
    for start in range(0, len(hashes), rows):
        block = hashes[start : start + rows]
        found[start : start + rows] = np.bitwise_count(block[:, None] ^ among).min(1) <= WITHIN
    return found


def find_copies(hashes: np.ndarray, perceptual: np.ndarray | None, parts: Mapping[str, tuple[int, int]]) -> np.ndarray:
    """The other parts in which each image has copies: uint8 [N], one bit per part and kind (see `bit`).

    `hashes` uint64 [N] are equal for equal images. `perceptual` uint64 [N], or None, comes from `perceptual_hashes`.
    """
    copies = np.zeros(len(hashes), np.uint8)
    for one, other in permutations(parts, 2):
        here, there = slice(*parts[one]), slice(*parts[other])
        exact = np.isin(hashes[here], hashes[there])
        copies[here] |= np.where(exact, bit(other, near=False), 0).astype(np.uint8)
        if perceptual is not None:
            also = exact | near(perceptual[here], perceptual[there])
            copies[here] |= np.where(also, bit(other, near=True), 0).astype(np.uint8)
    return copies


def bit(part: str, near: bool) -> int:
    """The bit for an exact copy in `part`; with `near`, for a near copy, which includes exact ones."""
    return 1 << (PARTS.index(part) + len(PARTS) * near)


def bits(parts: Sequence[str], near: bool = True) -> int:
    """The bits for an exact copy in any of `parts`; with `near`, also those for a near copy."""
    return sum(bit(part, kind) for part in parts for kind in ((False, True) if near else (False,)))


def count_copies(
    copies: np.ndarray, parts: Mapping[str, tuple[int, int]], has_near: bool
) -> dict[str, dict[str, int | None]]:
    """For each pair "a/b" of parts, the number of images of b that have a copy in a. `exact` counts exact copies;
    `near` counts near copies, including exact ones, and is None if near copies were not searched (`has_near`)."""
    found = {}
    for one, other in combinations(parts, 2):
        here = copies[slice(*parts[other])]
        exact, near = (int(np.count_nonzero(here & bit(one, kind))) for kind in (False, True))
        found[f"{one}/{other}"] = {"exact": exact, "near": near if has_near else None}
    return found
