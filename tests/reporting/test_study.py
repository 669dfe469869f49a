"""A study of two starts and three variants, by hand; what has not run is said so."""

import pandas as pd
import pytest

from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.study import (
    changes,
    label_draw_blocks,
    natural_draws,
    study_blocks,
    study_frame,
    study_of,
    study_scores,
)
from marginmix.runs.variants import expanded
from tests.fake_runs import config_text, make_plan, make_results, write_run

MARGINMIX = "marginmix.methods.marginmix:MarginMix"
METHODS = {
    "mixmatch": {"method_class": "baselines.mixmatch:MixMatch", "recipe": {"lambda_u": 20}},
    "mixmatch-T-1": {"of": "mixmatch", "recipe": {"temperature": 1.0}},
    "aligned": {"of": "mixmatch", "method_class": "baselines.class_prior:AlignedMixMatch",
                "recipe": {"prior_exponent": 0.5}},
    "marginmix": {"method_class": MARGINMIX},
    "marginmix-hinge": {"of": "marginmix", "recipe": {"margin": "hinge", "margin_width": 1.0}},
}  # fmt: skip
COMPLETE = expanded({"methods": METHODS})["methods"]


def metrics():
    """Two evaluations a run; the last counts (a window of 1)."""
    final = {("mixmatch", 1): 50.0, ("mixmatch", 2): 60.0, ("mixmatch-T-1", 1): 53.0, ("mixmatch-T-1", 2): 61.0,
             ("marginmix", 1): 55.0}  # fmt: skip
    rows = [
        {"dataset": "ferplus", "labels": 320, "method": method, "seed": seed, "step": step, "window": 1,
         "validation_accuracy": value, "validation_balanced_accuracy": value - 10,
         "accuracy": 99.0, "balanced_accuracy": 99.0}
        for (method, seed), last in final.items()
        for step, value in ((20, last), (10, 0.0))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def frame(scored_on="validation"):
    planned = pd.DataFrame([("ferplus", 320, name) for name in METHODS], columns=["dataset", "labels", "method"])
    return study_frame(study_scores(metrics(), scored_on), changes(COMPLETE), planned)


def test_what_a_variant_changes():
    assert changes(COMPLETE) == {
        ("mixmatch", "mixmatch"): "",
        ("mixmatch-T-1", "mixmatch"): "temperature=1.0",
        ("aligned", "mixmatch"): "AlignedMixMatch, prior_exponent=0.5",
        ("marginmix", "marginmix"): "",
        ("marginmix-hinge", "marginmix"): "margin=hinge, margin_width=1.0",
    }


def test_a_start_may_be_a_variant_of_another():
    wide = {"marginmix-hinge": {"switches": [{"name": "marginmix-hinge-wide", "margin_width": 2.0}]}}
    found = changes(expanded({"methods": METHODS, "vary": wide})["methods"])
    assert found["marginmix-hinge", "marginmix"] == "margin=hinge, margin_width=1.0"
    assert found["marginmix-hinge", "marginmix-hinge"] == ""
    assert found["marginmix-hinge-wide", "marginmix-hinge"] == "margin_width=2.0"
    assert ("marginmix-hinge-wide", "marginmix") not in found


def test_differences_are_paired_on_validation_images():
    rows = frame().set_index("variant")
    variant = rows.loc["mixmatch-T-1"]
    assert (variant["n"], variant["pairs"]) == (2, 2)
    assert variant["accuracy"] == 57.0
    assert variant["accuracy_difference"] == 2.0
    assert variant["accuracy_high"] - 2.0 == pytest.approx(12.706, abs=1e-3)  # t(0.975, 1) * sd / sqrt(2)
    assert pd.isna(rows.loc["mixmatch", "accuracy_difference"])
    assert rows.loc["marginmix-hinge", "n"] == 0


def test_the_page_names_what_has_not_run_and_no_test_number():
    text = to_markdown(study_blocks(frame(), {"ferplus": "FER+"}, "what"))
    assert "FER+, 320 labels: mixmatch" in text and "FER+, 320 labels: marginmix" in text
    assert [line for line in text.splitlines() if "hinge" in line and "not run" in line]
    assert "99" not in text
    assert text.index("temperature=1.0") < text.index("(start)")
    line = next(line for line in text.splitlines() if "temperature=1.0" in line)
    assert [cell.strip() for cell in line.strip("|").split("|")][1:6] == ["2", "57.0", "47.0", "2", "+2.0"]


def test_a_diverged_run_counts_at_chance():
    scores = study_scores(
        metrics(),
        "validation",
        {("ferplus", 320, "mixmatch", 2): 12.5, ("ferplus", 320, "x", 1): 12.5, ("a", 320, "x", 1): 9},
    )
    scores = scores.set_index(["method", "seed"])
    assert scores.loc[("mixmatch", 2), "balanced_accuracy"] == 12.5 and scores.loc[("mixmatch", 1), "accuracy"] == 50.0
    assert scores.loc[("x", 1), "accuracy"] == 12.5  # and none on a dataset of which nothing is scored


def test_a_start_without_the_one_it_is_a_variant_of_has_its_own_table():
    planned = pd.DataFrame([("a", 320, "x-y")], columns=["dataset", "labels", "method"])
    scores = study_scores(metrics(), "validation")
    variants = {("x-y", "x"): "y=1", ("x-y", "x-y"): ""}
    text = to_markdown(study_blocks(study_frame(scores, variants, planned), {}, "what"))
    assert "320 labels: x-y" in text and "320 labels: x\n" not in text


def test_natural_label_draws_are_priced_over_the_seeds_of_both():
    naturally = {"mixmatch": (58.0, 66.0), "gone": (1.0, 1.0)}
    rows = [
        {"dataset": "ferplus-natural", "labels": 320, "method": method, "seed": seed, "step": 20, "window": 1,
         "validation_accuracy": value, "validation_balanced_accuracy": value - 30}
        for method, values in naturally.items() for seed, value in zip((1, 2), values, strict=True)
    ]  # fmt: skip
    scores = study_scores(pd.concat([metrics(), pd.DataFrame(rows)]), "validation")
    text = to_markdown(label_draw_blocks(scores, {"ferplus": "FER+"}, {"ferplus-natural": "ferplus"}))
    line = next(line for line in text.splitlines() if "FER+, 320 labels" in line)
    assert [cell.strip() for cell in line.strip("|").split("|")][1:] == [
        "mixmatch", "2", "55.0", "62.0", "+7.0 [-5.7, +19.7]", "45.0", "32.0", "-13.0 [-25.7, -0.3]"
    ]  # fmt: skip
    assert "gone" not in text
    assert label_draw_blocks(study_scores(metrics().head(0), "validation"), {}, {}) == []


def test_datasets_that_differ_in_how_labels_are_drawn_alone_are_found_by_their_options(top):
    known = """{
      faces: {labels: [70]}, naturally: {family: faces, label_draw: natural, labels: [70]},
      hard: {family: faces, ambiguity: 0.9, labels: [70]}, plain: {family: faces, flip: false, labels: [70]},
      hard-drawn: {family: faces, ambiguity: 0.9, label_draw: natural, labels: [70]},
      large: {family: faces, label_draw: natural, image_size: 48, labels: [70]}}"""
    plan = make_plan(top, config_text("draws", " ".join(known.split())))
    assert natural_draws(plan) == {"naturally": "faces", "hard-drawn": "hard"}


def test_a_study_may_be_scored_on_test_images():
    assert frame("test").set_index("variant").loc["mixmatch-T-1", "accuracy"] == 99.0


def test_what_a_short_run_cannot_judge_is_named_by_what_it_changes():
    text = to_markdown(study_blocks(frame(), {}, "what", {"mixmatch-T-1": "since it is short.", "gone": "no more"}))
    assert "- **temperature=1.0:** since it is short." in text and "no more" not in text


def test_a_study_from_its_runs_to_its_page(top):
    """Scored on validation images, 99 % of the test accuracy in these runs; one that diverged counts at chance."""
    warm = {"temperature": 1.0}
    for seed, (start, variant) in enumerate([(50.0, 54.0), (52.0, 54.0)]):
        write_run(top, "trial", "ferplus", 320, "mixmatch", seed, start)
        write_run(top, "trial", "ferplus", 320, "mixmatch+temperature=1", seed, variant, warm)
    write_run(top, "trial", "ferplus", 320, "marginmix", 0, 20.0, diverged=True, classes=list("abcde"))
    switches = "{mixmatch: {switches: [{temperature: 1.0, unjudged: it is short}]}}"
    text = config_text("trial", "{ferplus: {labels: [320]}}", study="{}", vary=switches)
    text = "".join(line for line in text.splitlines(True) if "  supervised:" not in line)
    blocks, table = study_of(make_results(top, text))
    rows = table.set_index("variant")
    assert list(rows["n"]) == [2, 1, 2] and rows.loc["mixmatch+temperature=1", "changes"] == "temperature=1.0"
    assert rows.loc["mixmatch+temperature=1", "accuracy"] == pytest.approx(0.99 * 54)
    assert rows.loc["mixmatch+temperature=1", "accuracy_difference"] == pytest.approx(0.99 * 3)
    assert rows.loc["marginmix", "accuracy"] == 20.0
    page = to_markdown(blocks)
    assert "Experiment trial: wrn-28-2, 800 steps of 64 + 64 images. Scores are means of the last 5 of 20 " in page
    assert "- **temperature=1.0:** it is short" in page
    assert "No test image is used here" in page and "FER+, 320 labels: mixmatch" in page


def test_each_run_has_its_own_window():
    """Values 0, then v: over both evaluations a run has half of v."""
    curves = metrics()
    curves.loc[(curves["method"] == "mixmatch") & (curves["seed"] == 2), "window"] = 2
    scores = study_scores(curves, "validation").set_index(["method", "seed"])["accuracy"]
    assert (scores[("mixmatch", 1)], scores[("mixmatch", 2)], scores[("mixmatch-T-1", 2)]) == (50.0, 30.0, 61.0)
