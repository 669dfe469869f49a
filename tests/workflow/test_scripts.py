"""The scripts of the workflow as plain functions, on runs that were never made; and some of them under Snakemake."""

import subprocess
import sys
from pathlib import Path

import check
import difficulty
import figure_confusion
import figure_curves
import figure_difficulty
import figure_embeddings
import figure_labels
import figure_samples
import figure_study
import figure_why
import numpy as np
import pandas as pd
import pytest
import separability
import study
import style
import tables
from matplotlib.figure import Figure
from PIL import Image

from marginmix.errors import UserError
from marginmix.reporting.finished import read_local
from marginmix.reporting.publish import write_published
from marginmix.reporting.published import Published
from marginmix.reporting.results import of_published
from tests.fake_runs import EXPRESSIONS, OBJECTS, config_text, make_plan, make_results, planes, write_run

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "workflow" / "reference" / "paper_tables.csv"
EMBEDDING = {"network": "alexnet-2d"}


def embedded(steps=800, datasets="{ferplus: {}, cifar10: {}}", experiment="quick"):
    """The config of an experiment with embedding runs."""
    recipe = f"{{network: alexnet-2d, steps: {steps}, evaluations: 20, score_window: 5}}"
    asked = "{cifar10: {labels: [250]}, ferplus: {labels: [320]}}"
    return config_text(experiment, asked, embeddings=f"{{recipe: {recipe}, datasets: {datasets}}}")


@pytest.fixture
def runs(top):
    """The folders of two seeds of three methods."""
    return [
        write_run(top, "quick", "faces", 70, method, seed, accuracy + seed, classes=EXPRESSIONS[:7])
        for method, accuracy in {"mixmatch": 60.0, "marginmix": 64.0, "supervised": 50.0}.items()
        for seed in (0, 1)
    ]


@pytest.fixture
def results(top, runs):
    return make_results(top, config_text())


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    figures = []
    savefig = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), savefig(self, *a, **k))[1])
    return figures


def test_tables_same_inputs_same_bytes(top, results):
    written = []
    for name in ("one", "two"):
        outputs = {kind: top / name / f"{kind}.txt" for kind in ("csv", "markdown", "html")}
        tables.write_tables([results], outputs, REFERENCE)
        written.append({kind: path.read_bytes() for kind, path in outputs.items()})
    assert written[0] == written[1]
    assert list(pd.read_csv(top / "one" / "csv.txt")["n"]) == [2, 2, 2]
    assert str(top).encode() not in b"".join(written[0].values())
    assert b"drawn faces" in written[0]["markdown"] and b"drawn faces" in written[0]["html"]


def must_beat(**changes):
    return {"baseline": "supervised", "methods": ["mixmatch", "marginmix"], "margin": 3.0} | changes


def test_check_passes_with_a_line_per_comparison(top, results):
    check.check(results, top / "checks.md", must_beat())
    assert (top / "checks.md").read_text() == (
        "# Checks of experiment quick\n\n"
        "- passed: faces 70 labels: mixmatch against supervised: 60.5 % against 50.5 %, +10.0 points, "
        "at least +3.0 needed (n = 2)\n"
        "- passed: faces 70 labels: marginmix against supervised: 64.5 % against 50.5 %, +14.0 points, "
        "at least +3.0 needed (n = 2)\n"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"margin": 12.0},
            "1 of 2 checks of experiment quick failed: faces 70 labels: mixmatch against supervised: 60",
        ),
        (
            {"methods": ["mixup"]},
            "1 of 1 checks .* mixup against supervised: expected a seed that both",
        ),
        ({"datasets": ["digits"]}, "2 of 2 checks .* digits: mixmatch against supervised: expected a seed"),
        ({"baseline": "nothing"}, "1 of 1 checks .* expected a run of nothing to compare with, found none"),
    ],
)
def test_check_fails_with_one_line(top, results, changes, message):
    with pytest.raises(UserError, match=message):
        check.check(results, top / "checks.md", must_beat(**changes))
    assert (top / "checks.md").exists()


def test_learning_curves(top, results, drawn):
    figure_curves.draw_curves(results, top / "a.png")
    (axes,) = drawn[-1].axes
    assert axes.get_title(loc="left") == "drawn faces,\n70 labels"
    assert len(axes.lines) == 3
    labels = [text.get_text() for text in drawn[-1].legends[0].get_texts()]
    assert labels == ["MixMatch (n = 2)", "MarginMix (n = 2)", "Supervised (n = 2)"]


def test_label_quality_leaves_out_what_guesses_nothing(top, results, drawn):
    figure_labels.draw_labels(results, top / "a.png")
    assert [len(axes.lines) for axes in drawn[-1].axes] == [2, 2, 2]


def test_why_has_the_two_compared_methods_over_training_and_by_entropy(top, runs, results, drawn):
    write_published(map(read_local, runs), top / "results" / "published")
    published = of_published(make_plan(top, config_text()), Published(top / "results" / "published"))
    for found in (results, published):  # published curves have no empty columns
        figure_why.draw_why(found, top / "a.png")
        axes = drawn[-1].axes
        assert [len(panel.lines) for panel in axes] == 8 * [2]
        assert axes[6].lines[0].get_xdata() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
        assert axes[6].lines[0].get_ydata()[:4] == pytest.approx([0.3, 0.15, 0.1, 0.075])
        assert np.isnan(axes[6].lines[0].get_ydata()[4])


def test_samples_name_the_shares_of_a_label_and_what_an_image_is(top, runs, drawn):
    pictures, labels = np.zeros((3, 8, 8, 1), np.uint8), np.array([[1.0, 0, 0], [0.7, 0.3, 0], [0.2, 0.2, 0.6]])
    sheet = {"labelled": pictures, "labelled_labels": labels, "view_1": pictures, "confident": pictures[:2],
             "confident_labels": labels[1:], "confident_truth": np.array([1, 2]),
             "classes": np.array(["a", "b", "c"])}  # fmt: skip
    arrays = {f"sheet/{name}": array for name, array in sheet.items()}
    write_run(top, "quick", "faces", 70, "mixmatch", 2, 60.0, arrays=arrays)
    results = make_results(top, config_text())
    figure_samples.draw_samples(results, top / "a.png", "faces")
    below = [axes.texts[-1].get_text() for axes in drawn[-1].axes if len(axes.images)]
    assert below == ["a", "a 70 %\nb 30 %", "c 60 %\na 20 %", "", "", "", "a 70 %\nis b", "c 60 %\nright"]
    assert drawn[-1].get_suptitle() == "drawn faces, 70 labels: MixMatch, 800 steps"
    figure_samples.draw_samples(results, top / "b.png", "digits")
    assert "No run on digits kept samples" in drawn[-1].texts[0].get_text()
    write_run(top, "quick", "faces", 70, "marginmix", 2, 64.0, arrays=arrays)
    figure_samples.draw_samples(make_results(top, config_text()), top / "c.png", "faces")
    assert drawn[-1].get_suptitle() == "drawn faces, 70 labels: MarginMix, 800 steps"


def test_confusion_rows_are_percent_of_the_true_class(top, results, drawn):
    figure_confusion.draw_confusion(results, top / "a.png")
    assert len(drawn[-1].axes) == 3
    shares = drawn[-1].axes[0].images[0].get_array()
    assert np.allclose(shares.sum(axis=1), 100)
    assert [tick.get_text() for tick in drawn[-1].axes[0].get_yticklabels()] == EXPRESSIONS[:7]


def test_of_many_confusions_those_of_the_compared_methods_are_drawn(top, drawn):
    for labels in range(70, 75):
        for method in ("mixmatch", "marginmix", "supervised"):
            write_run(top, "quick", "faces", labels, method, 0, 50.0)
    found = make_results(top, config_text(datasets="{faces: {labels: [70, 71, 72, 73, 74]}}"))
    figure_confusion.draw_confusion(found, top / "a.png")
    assert len(drawn[-1].axes) == 10


def test_embeddings_name_every_class_beside_its_ray(top, drawn):
    write_run(top, "quick", "cifar10", 250, "embedding", 0, 71.0, EMBEDDING, arrays=planes(OBJECTS, 6000, steps=800))
    figure_embeddings.draw_planes([make_results(top, embedded())], top / "a.png", ["cifar10"])
    assert len(drawn[-1].axes) == 2
    for axes in drawn[-1].axes:
        assert set(OBJECTS) <= {text.get_text() for text in axes.texts}
        assert axes.get_aspect() == 1
    assert "step 800 (100 % of the run)" in drawn[-1].axes[1].get_title(loc="left")


def test_two_domains_lie_below_each_other_early_middle_and_late(top, drawn):
    write_run(top, "quick", "ferplus", 320, "embedding", 0, 71.0, EMBEDDING, arrays=planes(snapshots=5))
    write_run(top, "quick", "cifar10", 250, "embedding", 0, 71.0, EMBEDDING, arrays=planes(OBJECTS))
    found = make_results(top, embedded())
    figure_embeddings.draw_planes([found], top / "a.png", ["ferplus", "cifar10", "svhn"])
    titles = [axes.get_title(loc="left") for axes in drawn[-1].axes]
    assert [title.partition("\n")[0] for title in titles] == ["FER+"] * 3 + ["CIFAR-10"] * 2 + [""]
    assert ["(55 % of the run)" in title for title in titles] == [False, True, False, False, False, False]
    assert not drawn[-1].axes[-1].axison


def test_of_several_experiments_the_longest_run_is_drawn(top, drawn):
    found = []
    for experiment, steps in (("quick", 800), ("longer", 3000), ("brief", 400)):
        arrays = planes(n=300, steps=steps)
        write_run(top, experiment, "ferplus", 320, "embedding", 0, 71.0, EMBEDDING | {"steps": steps}, arrays=arrays)
        found.append(make_results(top, embedded(steps, experiment=experiment)))
    figure_embeddings.draw_planes(found, top / "a.png", ["ferplus"])
    assert "step 3,000 (100 % of the run)" in drawn[-1].axes[1].get_title(loc="left")


def test_embeddings_that_cannot_be_read_are_told_and_left_out(top, drawn):
    folder = write_run(top, "quick", "ferplus", 320, "embedding", 0, 71.0, EMBEDDING, arrays=planes())
    (folder / "observations.npz").write_bytes(b"PK nothing")
    found = make_results(top, embedded())
    assert "observations.npz: the file was changed after the run wrote it" in found.problems[0]
    figure_embeddings.draw_planes([found], top / "a.png", ["ferplus"])
    assert "No embedding run has finished yet: no plane to draw." in drawn[-1].texts[0].get_text()


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
def test_nothing_to_draw_is_said_in_words(top, drawn, draw):
    draw(make_results(top, config_text()), top / "a.png")
    assert "yet: no " in drawn[-1].texts[0].get_text()


def test_a_study_is_a_page_a_table_and_a_figure(top, runs, drawn):
    text = config_text(study="{}", vary="{mixmatch: {switches: [{temperature: 1.0}]}}")
    figure_study.draw_study(make_results(top, text), top / "a.png")
    assert "No variant of the study has finished yet" in drawn[-1].texts[0].get_text()
    for seed in (0, 1):
        write_run(top, "quick", "faces", 70, "mixmatch+temperature=1", seed, 62.0 + seed, {"temperature": 1.0})
    found, outputs = make_results(top, text), {"csv": top / "study.csv", "markdown": top / "study.md"}
    study.write_study(found, outputs)
    assert "drawn faces, 70 labels: mixmatch" in (top / "study.md").read_text()
    row = pd.read_csv(top / "study.csv").set_index("variant").loc["mixmatch+temperature=1"]
    assert (row["pairs"], row["accuracy_difference"]) == (2, pytest.approx(1.98))  # 99 % of two points, on validation
    figure_study.draw_study(found, top / "b.png")
    assert [label.get_text() for label in drawn[-1].axes[0].get_yticklabels()] == ["temperature=1.0"]


def test_a_dial_is_a_page_a_table_and_a_figure(top, drawn):
    dial = "{methods: [marginmix, mixmatch], ceiling: supervised}"
    text = config_text(
        datasets="{"
        "faces-0: {family: faces, ambiguity: 0, labels: [70]}, faces-1: {family: faces, ambiguity: 1, labels: [70]}}",
        difficulty=dial,
    )
    figure_difficulty.draw_dial(make_results(top, text), top / "a.png")
    assert "No setting of the dial has finished" in drawn[-1].texts[0].get_text()
    for dataset, ceiling, ambiguity in (("faces-0", 95.0, 0.0), ("faces-1", 75.0, 1.0)):
        options = {"family": "faces", "ambiguity": ambiguity}
        for method, accuracy in (("mixmatch", 50.0), ("marginmix", 55.0), ("supervised", ceiling)):
            write_run(top, "quick", dataset, 70, method, 0, accuracy, options=options)
    found, outputs = make_results(top, text), {"csv": top / "dial.csv", "markdown": top / "dial.md"}
    difficulty.write_difficulty(found, outputs)
    assert list(pd.read_csv(top / "dial.csv")["overlap"]) == [5.0, 25.0]
    assert "The answer needs three different overlaps." in (top / "dial.md").read_text()
    figure_difficulty.draw_dial(found, top / "b.png")
    assert drawn[-1].axes[1].get_ylabel() == "MarginMix − MixMatch, points (95 % interval)"


def test_separability_of_several_experiments_is_one_table(top, runs):
    row = {"step": 800, "part": "train", "space": "raw", "silhouette": 0.25, "davies_bouldin": 1.5,
           "fisher_ratio": 1.0, "neighbour_error": 40.0}  # fmt: skip
    write_run(top, "quick", "faces", 70, "mixmatch", 2, 60.0, separability=[row])
    write_run(top, "longer", "faces", 70, "mixmatch", 0, 60.0, separability=[row])
    found = [make_results(top, config_text(name)) for name in ("quick", "longer", "paper")]
    separability.write_separability(found, top / "separability.csv")
    frame = pd.read_csv(top / "separability.csv")
    assert list(frame["experiment"]) == ["quick", "longer"] and list(frame["silhouette"]) == [0.25, 0.25]


def test_a_png_is_the_same_bytes_and_holds_no_date(top, results):
    for name in ("a.png", "b.png"):
        figure_curves.draw_curves(results, top / name)
    assert (top / "a.png").read_bytes() == (top / "b.png").read_bytes()
    with Image.open(top / "a.png") as image:
        assert set(image.info) <= {"dpi"}
        assert round(image.width / style.DPI, 2) == style.WIDTH


def test_methods_differ_in_colour_dashes_and_marker():
    styles = style.method_styles(["supervised", "marginmix", "mixup", "mixmatch", "pseudo-label"])
    assert list(styles)[:2] == ["mixmatch", "marginmix"]
    for what in ("color", "linestyle", "marker"):
        assert len({look[what] for look in styles.values()}) == 5


@pytest.mark.slow
def test_under_snakemake(top, runs):
    make_plan(top, config_text())
    (runs[0] / "result.json").write_text("{")
    snakefile = f"""
configfile: "workflow/config/quick.yaml"
rule all:
    input: "results/tables.md", "a.png", "results/checks.md"
rule tables:
    input: reference="{REFERENCE}"
    output: csv="results/tables.csv", markdown="results/tables.md", html="results/tables.html"
    params: of=["quick", "paper"]
    script: "{ROOT}/workflow/scripts/tables.py"
rule check:
    output: "results/checks.md"
    params: of="quick", more={must_beat()}
    script: "{ROOT}/workflow/scripts/check.py"
rule curves:
    output: "a.png"
    params: of="quick", more=None
    script: "{ROOT}/workflow/scripts/figure_curves.py"
"""
    (top / "Snakefile").write_text(snakefile)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-d", top, "-s", top / "Snakefile"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = (top / "results" / "tables.md").read_text()
    assert "## Experiment quick" in told and "## Experiment paper" in told and "5 of 9 are done" in told
    assert (top / "results" / "tables.html").exists() and (top / "a.png").exists()
    assert "+10.0 points" in (top / "results" / "checks.md").read_text()
    assert "warning: left out: results/runs/quick/faces/70/mixmatch/0/" in done.stderr
