"""The toy: its spread by hand, its points, and a short one from points to figure."""

import figure_toy
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from marginmix import cli
from marginmix.analysis import toy

METHODS = {"mixmatch": "baselines.mixmatch:MixMatch", "marginmix": "marginmix.methods.marginmix:MarginMix"}
FIRST = "baselines.supervised:Supervised"


def test_spread_by_hand():
    """Three draws, four points. Of the first border's pairs of draws one agrees, two differ on one point of four."""
    truth = np.array([0, 0, 1, 1])
    first = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 1, 1]])
    rows = toy.spreads("hard", {"first": first, "mixmatch": np.array([truth] * 3)}, truth, "mixmatch")
    assert rows[0]["disagreement"] == pytest.approx(100 * 2 / 3 / 4)
    assert rows[0]["accuracy"] == pytest.approx(100 * 11 / 12)
    assert rows[0]["difference"] == pytest.approx(100 / 6)
    assert rows[0]["difference_low"] <= rows[0]["difference"] <= rows[0]["difference_high"]
    assert (rows[1]["disagreement"], rows[1]["accuracy_sd"]) == (0, 0) and "difference" not in rows[1]


def test_points_lie_around_their_means():
    points, targets = toy.points_of("somewhere", 2.0, 4000)
    assert points[targets == 0].mean(0) == pytest.approx([-2, 0], abs=0.06)
    assert points[targets == 1].mean(0) == pytest.approx([2, 0], abs=0.06)
    assert points[targets == 1].std(0) == pytest.approx([1, 1], abs=0.06)


def test_a_short_toy_from_points_to_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "SETTINGS", toy.SETTINGS | {"steps": 3})
    for name in ("one", "two"):
        toy.run_toy(FIRST, METHODS, 2, tmp_path / f"{name}.npz")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    table = pd.read_csv(tmp_path / "one.csv")
    assert list(table["border"]) == 2 * ["first", "mixmatch", "marginmix"]
    with np.load(tmp_path / "one.npz") as kept:
        maps = [kept[f"hard_map_{name}"] for name in ("first", *METHODS)]
    assert not np.array_equal(maps[0], maps[1]) and not np.array_equal(maps[1], maps[2])
    figures = []
    savefig = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), savefig(self, *a, **k))[1])
    figure_toy.draw_toy(tmp_path / "one.npz", tmp_path / "one.csv", tmp_path / "toy.png")
    titles = [axes.get_title(loc="left") for axes in figures[0].axes]
    assert titles == [
        name for problem in ("easy", "hard") for name in (f"{problem}: the labels", *figure_toy.TITLES.values())
    ]  # noqa: E501
    disagreement = table["disagreement"].iloc[-1]
    assert f"two draws disagree on {disagreement:.1f} %" in figures[0].axes[-1].get_xlabel()


def test_one_draw_cannot_be_compared(tmp_path, capsys):
    call = ["toy", "--first", FIRST, "--methods", f"mixmatch={METHODS['mixmatch']}", "--draws", "1"]
    assert cli.main([*call, "--out", str(tmp_path / "toy.npz")]) == 1
    assert "--draws: expected at least 2, since draws are compared, found 1" in capsys.readouterr().err
