"""The choice by hand: four runs a variant, the rule, finalists with more seeds, a collapse that disqualifies."""

import pytest

from marginmix.reporting.choice import FINAL, SCREENED, best, choice_blocks, choice_frame
from marginmix.reporting.markdown import to_markdown
from tests.fake_runs import config_text, make_results, write_run

LATE = [10.0] * 6 + [90.0] * 3
SETTINGS = {"steps": 900, "evaluations": 9, "score_window": 2}
METHODS = """
methods:
  mixmatch: {{method_class: "baselines.mixmatch:MixMatch", seeds: {few}}}
  marginmix: {{method_class: "marginmix.methods.marginmix:MarginMix", seeds: {few}}}
vary:
  mixmatch:
    seeds: {few}
    switches:
      - {{lambda_u: 5, seeds: {many}}}
      - {{lambda_u: 9}}
"""
FEW = "[0]"


def experiment(many=FEW):
    """Two label counts; validation accuracy is 99 % of the accuracy, balanced accuracy 95 % of it."""
    text = config_text("trial", "{ferplus: {labels: [320, 2000]}}", study="{choice: true}")
    text = text.replace("report: true", "report: false")
    text = text.replace(
        "{steps: 800, evaluations: 20, score_window: 5}", "{steps: 900, evaluations: 9, score_window: 2}"
    )
    before, _, after = text.partition("methods:")
    methods = METHODS.format(few=FEW, many=many)
    return before + methods.lstrip("\n") + "recipe:" + after.partition("recipe:")[2]


def run(top, method, labels, seed, accuracy, collapses=False, **settings):
    columns = {"prediction_one_sidedness": LATE if collapses else [10.0] * 9}
    write_run(top, "trial", "ferplus", labels, method, seed, accuracy, {**SETTINGS, **settings}, columns=columns)


def two(top, method, accuracies, seed=0, collapses=False, **settings):
    """A run at 320 and one at 2,000 labels."""
    for labels, accuracy in zip((320, 2000), accuracies, strict=True):
        run(top, method, labels, seed, accuracy, collapses, **settings)


def test_the_highest_mean_of_both_measures_and_label_counts_is_chosen(top):
    two(top, "mixmatch", (40.0, 60.0))
    two(top, "mixmatch+lambda_u=5", (50.0, 52.0), lambda_u=5)
    two(top, "mixmatch+lambda_u=9", (20.0, 76.0), lambda_u=9)
    two(top, "marginmix", (30.0, 30.0))
    results = make_results(top, experiment())
    frame = choice_frame(results).set_index("variant")
    assert set(frame["stage"]) == {SCREENED}
    row = frame.loc["mixmatch+lambda_u=5"]
    assert (row["accuracy_320"], row["balanced_accuracy_320"]) == pytest.approx((49.5, 47.5))
    assert row["score"] == pytest.approx((49.5 + 47.5 + 0.99 * 52 + 0.95 * 52) / 4)
    assert frame.loc["mixmatch", "score"] == pytest.approx(0.97 * 50)
    assert frame.loc["mixmatch+lambda_u=9", "score"] == pytest.approx(0.97 * 48)
    assert best(frame.reset_index()) == {"mixmatch": "mixmatch+lambda_u=5", "marginmix": "marginmix"}
    page = to_markdown(choice_blocks(results)[0])
    assert "**Chosen, mixmatch:** mixmatch+lambda" in page and "**Chosen, marginmix:** marginmix" in page


def test_a_collapsed_run_disqualifies(top):
    two(top, "mixmatch", (40.0, 60.0))
    two(top, "mixmatch+lambda_u=5", (50.0, 70.0), lambda_u=5, collapses=True)
    two(top, "mixmatch+lambda_u=9", (41.0, 60.0), lambda_u=9)
    two(top, "marginmix", (30.0, 30.0), collapses=True)
    frame = choice_frame(make_results(top, experiment()))
    assert frame.set_index("variant")["collapsed"].to_dict() == {
        "mixmatch": 0, "mixmatch+lambda_u=5": 2, "mixmatch+lambda_u=9": 0, "marginmix": 2,
    }  # fmt: skip
    assert best(frame) == {"mixmatch": "mixmatch+lambda_u=9"}


def test_finalists_are_compared_over_all_their_seeds(top):
    two(top, "mixmatch", (80.0, 80.0))
    for seed, value in enumerate((70.0, 40.0)):
        two(top, "mixmatch+lambda_u=5", (value, value), seed, lambda_u=5)
    two(top, "mixmatch+lambda_u=9", (60.0, 60.0), lambda_u=9)
    two(top, "marginmix", (30.0, 30.0))
    frame = choice_frame(make_results(top, experiment(many="[0, 1]")))
    last = frame[frame["stage"] == FINAL].set_index("variant")
    assert list(last.index) == ["mixmatch+lambda_u=5"]
    assert last.loc["mixmatch+lambda_u=5", ["runs", "planned"]].tolist() == [4, 4]
    assert last.loc["mixmatch+lambda_u=5", "score"] == pytest.approx(0.97 * 55)
    first = frame[frame["stage"] == SCREENED].set_index("variant")
    assert first.loc["mixmatch+lambda_u=5", "score"] == pytest.approx(0.97 * 70)
    assert best(frame)["mixmatch"] == "mixmatch+lambda_u=5"


def test_nothing_is_chosen_while_runs_are_missing(top):
    two(top, "mixmatch", (40.0, 60.0))
    run(top, "mixmatch+lambda_u=5", 320, 0, 99.0, lambda_u=5)
    results = make_results(top, experiment())
    frame = choice_frame(results).set_index("variant")
    assert frame.loc["mixmatch+lambda_u=5", ["runs", "planned"]].tolist() == [1, 2]
    assert frame["score"].isna().sum() == 3
    page = to_markdown(choice_blocks(results)[0])
    assert "Nothing is chosen yet: runs are missing." in page and "Chosen, " not in page
    assert "not run" in page
