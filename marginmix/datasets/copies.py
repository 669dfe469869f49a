"""Copies of images between the parts of a dataset: exact ones by content, near ones by a perceptual hash."""

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations

import numpy as np

from marginmix.datasets.row import PARTS

SIDE = 32
"""The side of the images that are hashed. The hash of a smaller, enlarged image would keep nearly all of it: different
digits of one class, and different drawn faces, would lie as near as copies."""
LOW = 8
WITHIN = 4
"""The largest Hamming distance of two near perceptual hashes of 64 bits. It decides which images `duplicates: drop`
leaves out: raise the numerics version with any change of it or of the hash."""
CHUNK = 4096
BLOCK = 1 << 18


def perceptual_hashes(images: np.ndarray) -> np.ndarray | None:
    """DCT hashes uint64 [N] of uint8 `images` [N, H, W, C], C = 1 or 3; None for images of less than 32 × 32 pixels.

    Grey, 32 × 32, cosine transform; a bit for each of its 8 × 8 lowest frequencies, rows first, 1 above their median.
    The same bits as `phash` of the library imagehash.
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
    """Which of the perceptual `hashes` [n] lie within `WITHIN` bits of one `among` [m], bool [n]."""
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
    """The other parts in which each image has copies: uint8 [N], a bit for each part and kind (see `bit`).

    `hashes` uint64 [N] are equal for equal images; `perceptual` uint64 [N] as `perceptual_hashes` gives them, or None.
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
    """The bit for an exact copy, or for a near one (exact ones included), in `part`."""
    return 1 << (PARTS.index(part) + len(PARTS) * near)


def bits(parts: Sequence[str], near: bool = True) -> int:
    """The bits for an exact copy in any of `parts`; with `near`, for a near copy too."""
    return sum(bit(part, kind) for part in parts for kind in ((False, True) if near else (False,)))


def count_copies(
    copies: np.ndarray, parts: Mapping[str, tuple[int, int]], has_near: bool
) -> dict[str, dict[str, int | None]]:
    """For each pair "a/b" of parts: the number of images of b with an `exact` copy in a, and with a `near` one (exact
    ones included); `near` is None where nobody looked for near copies."""
    found = {}
    for one, other in combinations(parts, 2):
        here = copies[slice(*parts[other])]
        exact, near = (int(np.count_nonzero(here & bit(one, kind))) for kind in (False, True))
        found[f"{one}/{other}"] = {"exact": exact, "near": near if has_near else None}
    return found
