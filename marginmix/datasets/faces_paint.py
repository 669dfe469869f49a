"""Paints all faces at once, with plain arithmetic on arrays [N, side, side]. Edges are softened over one pixel."""

from collections.abc import Mapping

import numpy as np

FEATURES = ("brow_up", "brow_tilt", "eye", "squint", "width", "curve", "open", "teeth", "lip", "nose")

# What differs between faces with the same expression. A uniform draw is scaled to each range.
RANGES = {
    # pose
    "shift_x": (-0.13, 0.13),
    "shift_y": (-0.11, 0.11),
    "tilt": (-0.12, 0.12),  # tangent of half the angle, so up to 14 degrees
    "scale": (0.88, 1.10),
    "yaw": (-0.10, 0.10),  # how far the features move sideways within the outline
    "pitch": (-0.06, 0.06),
    # identity
    "face_width": (0.66, 0.86),
    "face_height": (0.88, 1.02),
    "eye_distance": (0.29, 0.38),
    "eye_size": (0.90, 1.25),
    "eye_height": (-0.20, -0.08),
    "brow_height": (0.19, 0.25),
    "brow_weight": (0.035, 0.070),
    "brow_dark": (0.35, 0.95),
    "nose_length": (0.22, 0.32),
    "mouth_height": (0.44, 0.56),
    "mouth_size": (0.28, 0.38),
    "lip_weight": (0.030, 0.060),
    "hair_line": (-0.85, -0.45),
    "hair_tone": (0.02, 0.75),
    "beard": (-0.25, 0.25),  # below 0: none
    "glasses": (-0.9, 0.35),  # below 0: none
    "skin": (0.42, 0.88),
    "backdrop": (0.05, 0.95),
    # light
    "light_x": (-0.30, 0.30),
    "light_y": (-0.22, 0.22),
    "gain": (0.70, 1.15),
    "offset": (-0.06, 0.10),
    "grain": (0.01, 0.08),
}
NUISANCES = tuple(RANGES)


def paint(features: Mapping, nuisances: Mapping, noise: np.ndarray, side: int) -> np.ndarray:
    """Faces uint8 [N, side, side, 1] from features {name: [N]}, uniform draws {name: [N]} and noise [3, N, side, side].

    In the face's frame x points right and y points down. The outline is about 0.75 by 0.95 around the origin.
    """
    feature = {name: value[:, None, None] for name, value in features.items()}
    trait = {name: low + (high - low) * nuisances[name][:, None, None] for name, (low, high) in RANGES.items()}
    x, y = _frame(trait, side)
    soft = 2 / side / trait["scale"]  # a pixel, in the face's units
    canvas = _head(x, y, soft, trait)
    # The features move when the head turns; the outline hardly does.
    x, y = x - trait["yaw"], y - trait["pitch"]
    canvas = _nose(canvas, x, y, soft, feature, trait)
    for mirror in (-1, 1):
        canvas = _eye_and_brow(canvas, mirror * x, y, soft, feature, trait)
    canvas = _mouth(canvas, x, y, soft, feature, trait)
    return _lit(canvas, trait, noise, side)


def _frame(trait: Mapping, side: int) -> tuple[np.ndarray, np.ndarray]:
    grid = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = grid[None, None, :] - trait["shift_x"], grid[None, :, None] - trait["shift_y"]
    square = trait["tilt"] * trait["tilt"]
    cos, sin = (1 - square) / (1 + square), 2 * trait["tilt"] / (1 + square)
    return (x * cos + y * sin) / trait["scale"], (y * cos - x * sin) / trait["scale"]


def _cover(inside: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """The covered share of a pixel, from the signed distance to the edge (> 0 inside)."""
    return np.clip(inside / soft + 0.5, 0, 1)


def _over(canvas: np.ndarray, tone, cover: np.ndarray) -> np.ndarray:
    return canvas + (tone - canvas) * cover


def _ellipse(x, y, width, height, soft) -> np.ndarray:
    """The covered share of an ellipse, from the distance to its edge to first order. That is accurate near the edge,
    where it matters."""
    u, v = x / width, y / height
    return _cover((1 - (u * u + v * v)) * np.minimum(width, height) / 2, soft)


def _head(x, y, soft, trait) -> np.ndarray:
    hair = trait["hair_tone"]
    canvas = np.broadcast_to(trait["backdrop"], x.shape).copy()
    canvas = _over(canvas, hair, _ellipse(x, y + 0.12, trait["face_width"] + 0.10, trait["face_height"] + 0.04, soft))
    jaw = trait["face_width"] * (1 - 0.18 * np.clip(y, 0, 1))
    face = _ellipse(x, y, jaw, trait["face_height"], soft)
    brow = y - trait["hair_line"] - 0.25 * x * x
    canvas = _over(canvas, trait["skin"], face * _cover(brow, soft))
    shade = np.clip(x * x / (jaw * jaw) - 0.35, 0, 1) * 0.25
    canvas = _over(canvas, 0.0, face * shade)
    stubble = np.clip(trait["beard"], 0, 1) * _cover(y - 0.28 - 0.2 * (1 - x * x), soft * 2)
    return _over(canvas, hair * 0.6, face * stubble * 2)


def _nose(canvas, x, y, soft, feature, trait) -> np.ndarray:
    tip = trait["eye_height"] + trait["nose_length"] + 0.05
    ridge = _cover(0.03 - np.abs(x - 0.05), soft) * _cover(y - tip + 0.25, soft) * _cover(tip - y, soft)
    canvas = _over(canvas, trait["skin"] * 0.7, 0.45 * ridge)
    nostrils = _ellipse(np.abs(x) - 0.085, y - tip, 0.055, 0.035, soft)
    canvas = _over(canvas, trait["skin"] * 0.35, 0.8 * nostrils)
    # Wrinkles across the root of the nose, and folds from its wings to the mouth.
    root = trait["eye_height"] - 0.02
    wrinkles = sum(_cover(0.022 - np.abs(y - root - at), soft) for at in (0.0, 0.11)) * _cover(0.12 - np.abs(x), soft)
    fold = _cover(0.025 - np.abs(np.abs(x) - 0.17 - 0.5 * (y - tip)), soft) * _cover(
        0.13 - np.abs(y - tip - 0.06), soft
    )
    return _over(
        canvas, trait["skin"] * 0.35, np.clip(feature["nose"], 0, 1) * np.clip(0.8 * wrinkles + 0.9 * fold, 0, 1)
    )


def _eye_and_brow(canvas, x, y, soft, feature, trait) -> np.ndarray:
    """The eye and the brow on the side where x > 0. u runs from the inner end (-1) to the outer end (1)."""
    half = 0.175 * trait["eye_size"]
    dx, dy = x - trait["eye_distance"], y - trait["eye_height"]
    u = dx / half
    bow = np.clip(1 - u * u, 0, 1)
    opening = 0.105 * trait["eye_size"] * np.clip(feature["eye"], 0.1, 2)
    upper = -opening * bow
    lower = 0.75 * opening * bow * (1 - 0.8 * np.clip(feature["squint"], 0, 1))
    inside = _cover(np.minimum(dy - upper, lower - dy), soft) * _cover(half - np.abs(dx), soft)
    canvas = _over(canvas, 0.97, inside)
    canvas = _over(canvas, 0.06, inside * _ellipse(dx, dy + 0.1 * opening, 0.085, 0.085, soft))
    lid = _cover(0.022 - np.abs(dy - upper), soft) * _cover(half - np.abs(dx), soft)
    canvas = _over(canvas, trait["skin"] * 0.3, 0.85 * lid)
    rim = _cover(0.028 - np.abs(np.sqrt(dx * dx + dy * dy) - 0.225), soft)
    canvas = _over(canvas, 0.1, np.clip(trait["glasses"] * 4, 0, 0.8) * rim)
    slope = np.clip(u, -1.3, 1.3) * feature["brow_tilt"] * 0.16
    arch = 0.035 * u * u
    brow = dy + trait["brow_height"] + feature["brow_up"] - slope - arch
    stroke = _cover(trait["brow_weight"] - np.abs(brow), soft) * _cover(1.25 * half - np.abs(dx), soft)
    return _over(canvas, trait["hair_tone"] * 0.3, trait["brow_dark"] * stroke)


def _mouth(canvas, x, y, soft, feature, trait) -> np.ndarray:
    half = trait["mouth_size"] * feature["width"]
    u = x / half
    bow = 1 - u * u
    # With the corners up, the middle hangs lower than they do.
    line = y - trait["mouth_height"] - feature["curve"] * (np.clip(bow, -0.3, 1) - 0.5)
    gap = np.clip(bow, 0, 1)
    raised = np.clip(feature["lip"], 0, 1) * gap * (1 + 0.5 * u)
    upper, lower = line + 0.4 * feature["open"] * gap + raised, 0.6 * feature["open"] * gap - line
    across = _cover(half - np.abs(x), soft)
    inside = _cover(np.minimum(upper, lower), soft) * across * np.clip((feature["open"] + raised) / 0.05, 0, 1)
    lips = _cover(trait["lip_weight"] + np.minimum(upper, lower), soft) * across
    canvas = _over(canvas, trait["skin"] * 0.42, 0.9 * lips)
    canvas = _over(canvas, 0.05, inside)
    teeth = np.clip(feature["teeth"], 0, 1) * _cover(0.55 * feature["open"] + 0.03 - upper + 0.02, soft)
    return _over(canvas, 0.96, inside * teeth)


def _lit(canvas, trait, noise, side) -> np.ndarray:
    grid = (np.arange(side) + 0.5) * 2 / side - 1
    light = 1 + trait["light_x"] * grid[None, None, :] + trait["light_y"] * grid[None, :, None]
    # The sum of three uniform draws is bell-shaped enough, and needs no logarithm.
    grain = (noise[0] + noise[1] + noise[2] - 1.5) * 2 * trait["grain"]
    lit = canvas * light * trait["gain"] + trait["offset"] + grain
    return (np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8)[..., None]
