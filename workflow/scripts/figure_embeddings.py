"""The embedding plane of the 2-unit AlexNet, early and late in training, for one dataset or several."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import style
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from pages import page

from marginmix.reporting.results import Results

POINTS_PER_CLASS = 250  # more points merge into a blot in print
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#B8A800", "#7F7F7F", "#8C5A2B")
MARKERS = ("o", "^", "s", "D", "v", "*", "x", "+", "<", ">", "1", "p")
STROKES = ("x", "+", "1")  # markers without a face
FONT = 7.5


def draw_planes(found: Sequence[Results], output: Path | str, datasets: Sequence[str]) -> None:
    """The planes of `datasets`. Each comes from the embedding run with the most steps among all of `found`."""
    planes: dict[str, Mapping[str, np.ndarray]] = {}
    for dataset in datasets:
        runs = [(one.recipe.steps, i, one) for i, results in enumerate(found) for one in results.embeddings
                if one.key.dataset == dataset and one.arrays("plane/")]  # fmt: skip
        if runs:
            _, i, one = max(runs, key=lambda run: run[:2])
            planes[found[i].titles[dataset]] = one.arrays("plane/")
    draw_embeddings(planes, output)


def draw_embeddings(planes: Mapping[str, Mapping[str, np.ndarray]], output: Path | str) -> None:
    """One row per dataset, one panel per snapshot: the raw activations of the two units, and centroids as rays from the
    origin with the class names at their ends.

    `planes`: title -> arrays steps [S], fractions [S], points [S, N, 2], targets [N], centroids [S, C, 2], accuracy [S]
    and classes [C].
    """
    if not planes:
        return style.save_words("No embedding run has finished yet: no plane to draw.", output)
    columns = max(len(_early_middle_late(kept)) for kept in planes.values())
    side = style.WIDTH / max(2, columns)
    figure, grid = style.panels(len(planes), columns, side + 0.5)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, (title, kept) in zip(grid, planes.items(), strict=True):
        for axes, i in zip(row, _early_middle_late(kept), strict=False):
            axes.set_axis_on()
            points = kept["points"][i].astype(np.float64)
            _draw_plane(axes, points, kept["targets"], kept["centroids"][i], kept["classes"], side - 0.6)
            when = f"step {kept['steps'][i]:,} ({100 * kept['fractions'][i]:.0f} % of the run)"
            lines = [title] * (len(planes) > 1) + [when, f"training accuracy {kept['accuracy'][i]:.1f} %"]
            axes.set_title("\n".join(lines), loc="left")
            axes.set(xlabel="unit 1", ylabel="unit 2")
    said = "\n".join(f"{title}: {_share(kept)}" for title, kept in planes.items())
    figure.suptitle(said, fontsize=9, x=0.01, ha="left")
    style.save(figure, output)


def _early_middle_late(kept: Mapping[str, np.ndarray]) -> list[int]:
    last = len(kept["steps"]) - 1
    return sorted({0, last // 2, last} if last > 1 else {0, last})


def _share(kept: Mapping[str, np.ndarray]) -> str:
    drawn = sum(len(chosen(kept["targets"], label)) for label in range(len(kept["classes"])))
    return f"{drawn:,} of {len(kept['targets']):,} training images, {POINTS_PER_CLASS} a class at most"


def chosen(targets: np.ndarray, label: int, most: int = POINTS_PER_CLASS) -> np.ndarray:
    """Indices of at most `most` points of a class, evenly spread over the data's order, so the same ones every time."""
    where = np.flatnonzero(targets == label)
    return where if len(where) <= most else where[np.linspace(0, len(where) - 1, most).astype(int)]


def spread_angles(angles: np.ndarray, gap: float) -> np.ndarray:
    """The angles, moved apart in small sweeps until neighbours on the circle are at least `gap` apart."""
    gap = min(gap, 2 * np.pi / len(angles))
    order = np.argsort(angles, kind="stable")
    placed = angles[order].astype(np.float64)
    for _ in range(200):
        following = np.append(placed[1:], placed[0] + 2 * np.pi)
        push = np.maximum(0, gap - (following - placed))
        placed += (np.roll(push, 1) - push) / 2
    return placed[np.argsort(order, kind="stable")]


def _draw_plane(
    axes: Axes, points: np.ndarray, targets: np.ndarray, centroids: np.ndarray, classes: np.ndarray, inches: float
) -> None:
    picks = [chosen(targets, label) for label in range(len(classes))]
    reach = max(np.quantile(np.linalg.norm(points[targets >= 0], axis=1), 0.99), 1e-6)
    for part in range(4):  # in turn, so that no class hides the others
        for label, pick in enumerate(picks):
            strokes = _marker(label) in STROKES
            axes.scatter(
                *points[pick[part::4]].T, s=_size(label), alpha=0.55, marker=_marker(label), color=_colour(label),
                linewidths=0.7 if strokes else 0.2, edgecolors=None if strokes else "white",
            )  # fmt: skip
    angles = np.arctan2(centroids[:, 1], centroids[:, 0])
    places = spread_angles(angles, 0.3 / inches)
    for label, (angle, place) in enumerate(zip(angles, places, strict=True)):
        _draw_ray(axes, label, str(classes[label]), angle, place, reach)
    _frame(axes, points[np.concatenate(picks)], places, classes, reach, inches)


def _frame(axes: Axes, drawn: np.ndarray, places: np.ndarray, classes: np.ndarray, reach: float, inches: float) -> None:
    """Set the limits to a square that holds the origin, the names, and all points except a few far ones. A note counts
    these."""
    ends = np.stack([np.cos(places), np.sin(places)], axis=1)
    letters = np.array([len(str(name)) for name in classes])[:, None] * FONT * 0.6 / 72
    near = drawn[np.linalg.norm(drawn, axis=1) <= 1.25 * reach]
    side = 2 * reach
    for _ in range(4):  # the length of names in data units depends on the frame, and the frame depends on that length
        corners = np.concatenate([near, ends * (1.19 * reach + letters * side / inches), np.zeros((1, 2))])
        low, high = corners.min(axis=0), corners.max(axis=0)
        side = 1.04 * (high - low).max()
    middle = (low + high) / 2
    axes.set(xlim=middle[0] + np.array([-0.5, 0.5]) * side, ylim=middle[1] + np.array([-0.5, 0.5]) * side)
    axes.set_aspect("equal", adjustable="box")
    outside = int((np.abs(drawn - middle) > side / 2).any(axis=1).sum())
    if outside:
        note = f"{outside} point{'s' * (outside > 1)} outside"
        axes.text(0.99, 0.01, note, transform=axes.transAxes, fontsize=6.5, ha="right", va="bottom")


def _marker(label: int) -> str:
    return MARKERS[label % len(MARKERS)]


def _size(label: int) -> float:
    return 18 if _marker(label) == "*" else 10


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]


def _draw_ray(axes: Axes, label: int, name: str, angle: float, place: float, reach: float) -> None:
    way, to = np.array([np.cos(angle), np.sin(angle)]), np.array([np.cos(place), np.sin(place)])
    outline = [withStroke(linewidth=2.2, foreground="white")]
    axes.plot(*np.stack([0 * way, reach * way]).T, color=_colour(label), linewidth=1.2, path_effects=outline)
    axes.plot(*np.stack([reach * way, 1.12 * reach * to]).T, color="#666666", linewidth=0.5, zorder=1.9)
    axes.plot(*(1.12 * reach * to), marker=_marker(label), color=_colour(label), markersize=4.5, path_effects=outline)
    leftward = np.cos(place) < -1e-2
    axes.text(
        *(1.19 * reach * to), name, fontsize=FONT, rotation=np.degrees(place) + 180 * leftward, rotation_mode="anchor",
        ha="right" if leftward else "left", va="center", path_effects=outline,
    )  # fmt: skip


if "snakemake" in globals():
    sys.exit(page(snakemake, draw_planes))  # noqa: F821
