"""The scripts of the workflow as plain functions, on runs that were never made; and one of them under Snakemake."""

import subprocess
import sys
from pathlib import Path

import check
import figure_confusion
import figure_curves
import figure_embeddings
import figure_labels
import figure_samples
import figure_why
import numpy as np
import pandas as pd
import pytest
import style
import tables
from matplotlib.figure import Figure
from PIL import Image

from marginmix.errors import UserError
from marginmix.reporting.notes import Request
from tests.fake_runs import EXPRESSIONS, OBJECTS, write_embeddings, write_run

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "workflow" / "reference" / "paper_tables.csv"


@pytest.fixture
def runs(tmp_path):
    return [
        write_run(tmp_path, "quick", "faces", 70, method, seed, accuracy + seed, classes=tuple(EXPRESSIONS[:7]))
        for method, accuracy in {"mixmatch": 60.0, "marginmix": 64.0, "supervised": 50.0}.items()
        for seed in (0, 1)
    ]


@pytest.fixture
def drawn(monkeypatch):
    """The last figure that was saved."""
    figures = []
    savefig = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), savefig(self, *a, **k))[1])
    return figures


def write_tables(top, out):
    outputs = {name: out / f"{name}.txt" for name in ("runs", "separability", "csv", "markdown", "html")}
    request = Request("quick", {"quick": True}, titles={"faces": "Faces"})
    tables.write_tables(top / "results" / "runs", REFERENCE, request, {}, outputs)
    return {name: path.read_bytes() for name, path in outputs.items()}


def test_tables_same_inputs_same_bytes(tmp_path, runs):
    first, second = (write_tables(tmp_path, tmp_path / name) for name in ("one", "two"))
    assert first == second
    assert len(pd.read_csv(tmp_path / "one" / "runs.txt")) == len(runs)
    assert str(tmp_path).encode() not in b"".join(first.values())
    assert b"Faces" in first["markdown"] and b"Faces" in first["html"]


def must_beat(**changes):
    return {"baseline": "supervised", "methods": ["mixmatch", "marginmix"], "margin": 3.0} | changes


def test_check_passes_with_a_line_per_comparison(tmp_path, runs):
    write_tables(tmp_path, tmp_path)
    check.check(tmp_path / "runs.txt", "quick", must_beat(), tmp_path / "checks.md")
    assert (tmp_path / "checks.md").read_text() == (
        "# Checks of budget quick\n\n"
        "- passed: faces 70 labels: mixmatch against supervised: 60.5 % against 50.5 %, +10.0 points, "
        "at least +3.0 needed (n = 2)\n"
        "- passed: faces 70 labels: marginmix against supervised: 64.5 % against 50.5 %, +14.0 points, "
        "at least +3.0 needed (n = 2)\n"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": 12.0}, "1 of 2 checks of budget quick failed: faces 70 labels: mixmatch against supervised: 60"),
        ({"methods": ["mixup"]}, "1 of 1 checks .* mixup against supervised: no seed that both were run on"),
        ({"datasets": ["digits"]}, "2 of 2 checks .* digits: mixmatch against supervised: no seed"),
        ({"baseline": "nothing"}, "budget quick has no run of nothing"),
    ],
)
def test_check_fails_with_one_line(tmp_path, runs, changes, message):
    write_tables(tmp_path, tmp_path)
    with pytest.raises(UserError, match=message):
        check.check(tmp_path / "runs.txt", "quick", must_beat(**changes), tmp_path / "checks.md")
    assert (tmp_path / "checks.md").exists()


def test_nothing_to_check(tmp_path, runs):
    write_tables(tmp_path, tmp_path)
    check.check(tmp_path / "runs.txt", "quick", None, tmp_path / "checks.md")
    assert "declares no check" in (tmp_path / "checks.md").read_text()


def test_learning_curves(tmp_path, runs, drawn):
    figure_curves.draw_curves([path.with_name("metrics.csv") for path in runs], tmp_path / "a.png", {"faces": "Faces"})
    (axes,) = drawn[-1].axes
    assert axes.get_title(loc="left") == "Faces,\n70 labels"
    assert len(axes.lines) == 3
    labels = [text.get_text() for text in drawn[-1].legends[0].get_texts()]
    assert labels == ["MixMatch (n = 2)", "MarginMix (n = 2)", "supervised (n = 2)"]


def test_label_quality_leaves_out_what_guesses_nothing(tmp_path, runs, drawn):
    figure_labels.draw_labels([path.with_name("metrics.csv") for path in runs], tmp_path / "a.png")
    assert [len(axes.lines) for axes in drawn[-1].axes] == [2, 2, 2]


def test_why_has_the_two_compared_methods_over_training_and_by_entropy(tmp_path, runs, drawn):
    figure_why.draw_why([path.with_name("metrics.csv") for path in runs], tmp_path / "a.png")
    axes = drawn[-1].axes
    assert [len(panel.lines) for panel in axes] == [0, *7 * [2]]  # no validation accuracy in these runs
    assert axes[6].lines[0].get_xdata() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert axes[6].lines[0].get_ydata()[:4] == pytest.approx([0.3, 0.15, 0.1, 0.075])
    assert np.isnan(axes[6].lines[0].get_ydata()[4])


def test_samples_name_the_shares_of_a_label_and_what_an_image_is(tmp_path, runs, drawn):
    pictures, labels = np.zeros((3, 8, 8, 1), np.uint8), np.array([[1.0, 0, 0], [0.7, 0.3, 0], [0.2, 0.2, 0.6]])
    sheet = {"labelled": pictures, "labelled_labels": labels, "view_1": pictures, "confident": pictures[:2],
             "confident_labels": labels[1:], "confident_truth": [1, 2]}  # fmt: skip
    np.savez(runs[0].with_name("samples.npz"), classes=np.array(["a", "b", "c"]), **sheet)
    figure_samples.draw_samples(runs[0], tmp_path / "a.png", {"faces": "Faces"})
    below = [axes.texts[-1].get_text() for axes in drawn[-1].axes if len(axes.images)]
    assert below == ["a", "a 70 %\nb 30 %", "c 60 %\na 20 %", "", "", "", "a 70 %\nis b", "c 60 %\nright"]
    assert drawn[-1].get_suptitle() == "Faces, 70 labels: MixMatch, 800 steps"
    figure_samples.draw_samples(runs[1], tmp_path / "b.png")
    assert "kept no samples" in drawn[-1].texts[0].get_text()


def test_confusion_rows_are_percent_of_the_true_class(tmp_path, runs, drawn):
    figure_confusion.draw_confusion(runs, tmp_path / "a.png")
    assert len(drawn[-1].axes) == 3
    shares = drawn[-1].axes[0].images[0].get_array()
    assert np.allclose(shares.sum(axis=1), 100)
    assert [tick.get_text() for tick in drawn[-1].axes[0].get_yticklabels()] == EXPRESSIONS[:7]


def test_of_many_confusions_those_of_the_compared_methods_are_drawn(tmp_path, drawn):
    found = [
        write_run(tmp_path, "quick", "faces", labels, method, 0, 50.0)
        for labels in range(70, 75)
        for method in ("mixmatch", "marginmix", "supervised")
    ]
    figure_confusion.draw_confusion(found, tmp_path / "a.png")
    assert len(drawn[-1].axes) == 10


def test_embeddings_name_every_class_beside_its_ray(tmp_path, drawn):
    path = write_embeddings(tmp_path, "quick", "cifar10", OBJECTS, n=6000)
    figure_embeddings.draw_embeddings([path], tmp_path / "a.png", {"cifar10": "CIFAR-10"})
    assert len(drawn[-1].axes) == 2
    for axes in drawn[-1].axes:
        assert set(OBJECTS) <= {text.get_text() for text in axes.texts}
        assert axes.get_aspect() == 1
    assert "step 3,000 (100 % of the run)" in drawn[-1].axes[1].get_title(loc="left")


def test_two_domains_lie_below_each_other_early_middle_and_late(tmp_path, drawn):
    first = write_embeddings(tmp_path, "quick", "ferplus", snapshots=5)
    second = write_embeddings(tmp_path, "quick", "cifar10", OBJECTS, snapshots=2)
    figure_embeddings.draw_embeddings([first, second], tmp_path / "a.png", {"ferplus": "FER+"})
    titles = [axes.get_title(loc="left") for axes in drawn[-1].axes]
    assert [title.partition("\n")[0] for title in titles] == ["FER+"] * 3 + ["cifar10"] * 2 + [""]
    assert ["(55 % of the run)" in title for title in titles] == [False, True, False, False, False, False]
    assert not drawn[-1].axes[-1].axison


def test_embeddings_that_cannot_be_read(tmp_path):
    (tmp_path / "e.npz").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match="cannot read the embeddings"):
        figure_embeddings.draw_embeddings([tmp_path / "e.npz"], tmp_path / "a.png")


def test_points_are_thinned_the_same_way_every_time():
    targets = np.repeat([0, 1], [1000, 40])
    assert np.array_equal(figure_embeddings.chosen(targets, 0, 250), figure_embeddings.chosen(targets, 0, 250))
    assert len(figure_embeddings.chosen(targets, 0, 250)) == 250
    assert len(figure_embeddings.chosen(targets, 1, 250)) == 40


def test_names_keep_their_distance():
    angles = np.array([0.1, 0.11, 0.12, 2.0, -3.1, 3.1])
    placed = figure_embeddings.spread_angles(angles, 0.2)
    around = np.sort(np.mod(placed, 2 * np.pi))
    assert np.diff(np.append(around, around[0] + 2 * np.pi)).min() > 0.199
    assert placed[3] == 2.0
    assert list(np.argsort(placed[:3])) == [0, 1, 2]


@pytest.mark.parametrize(
    "draw", [figure_curves.draw_curves, figure_labels.draw_labels, figure_confusion.draw_confusion, figure_why.draw_why]
)
def test_nothing_to_draw_is_said_in_words(tmp_path, drawn, draw):
    draw([], tmp_path / "a.png")
    assert "yet: no " in drawn[-1].texts[0].get_text()


def test_a_png_is_the_same_bytes_and_holds_no_date(tmp_path, runs):
    metrics = [path.with_name("metrics.csv") for path in runs]
    for name in ("a.png", "b.png"):
        figure_curves.draw_curves(metrics, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert set(image.info) <= {"dpi"}
        assert round(image.width / style.DPI, 2) == style.WIDTH


def test_methods_differ_in_colour_dashes_and_marker():
    styles = style.method_styles(["supervised", "marginmix", "mixup", "mixmatch", "pseudo-label"])
    assert list(styles)[:2] == ["mixmatch", "marginmix"]
    for what in ("color", "linestyle", "marker"):
        assert len({look[what] for look in styles.values()}) == 5


def test_under_snakemake(tmp_path, runs):
    snakefile = f"""
rule all:
    input: "results/tables.md", "a.png", "results/checks_quick.md"
rule tables:
    input: reference="{REFERENCE}"
    output: runs="results/runs.csv", separability="results/separability.csv", csv="results/tables.csv",
        markdown="results/tables.md", html="results/tables.html"
    params: runs_root="results/runs", budget="quick", reporting={{"quick": True}}, expected={{}}, absent={{}},
        claims=[], titles={{}}
    script: "{ROOT}/workflow/scripts/tables.py"
rule check:
    input: runs="results/runs.csv"
    output: "results/checks_quick.md"
    log: "logs/check.log"
    params: budget="quick", must_beat={must_beat()}
    script: "{ROOT}/workflow/scripts/check.py"
rule curves:
    input: metrics={[str(path.with_name("metrics.csv").relative_to(tmp_path)) for path in runs]}
    output: "a.png"
    params: titles={{"faces": "Faces"}}
    script: "{ROOT}/workflow/scripts/figure_curves.py"
"""
    (tmp_path / "Snakefile").write_text(snakefile)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-d", tmp_path, "-s", tmp_path / "Snakefile"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "tables.html").exists()
    assert (tmp_path / "a.png").exists()
    assert "results/runs/quick/faces/70/mixmatch/0/result.json" in (tmp_path / "results" / "runs.csv").read_text()
