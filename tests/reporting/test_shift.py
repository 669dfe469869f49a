"""What class shares are worth, from runs made here: which shares a run had, means over seeds, distances by hand."""

import pytest

from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.shift import SOURCES, estimates_frame, shift_blocks, shift_frame
from tests.fake_runs import config_text, edit_metrics, make_results, write_run

ADJUSTED = {"em": (50, 40), "em-calibrated": (60, 50), "bbse": (70, 55), "true": (80, 66)}
SHARES = {"labelled": [0.25, 0.25, 0.5], "em": [0.5, 0.25, 0.25], "em-calibrated": [0.6, 0.2, 0.2],
          "bbse": [0.5, 0.3, 0.2], "true": [0.6, 0.3, 0.1]}  # fmt: skip
VARIANTS = """
methods:
  mixmatch: {{method_class: "baselines.mixmatch:MixMatch"}}
  marginmix: {{method_class: "marginmix.methods.marginmix:MarginMix"}}
  marginmix-em: {{of: marginmix, recipe: {{prior_source: target, target_shares: em}}}}
  marginmix-held: {{of: marginmix, recipe: {{prior_hold: 0.25}}}}
  marginmix-off: {{of: marginmix, recipe: {{prior_hold: 0.25, prior_exponent: 0.0}}}}
recipe:"""
HELD = {"prior_hold": 0.25}


def text() -> str:
    plain = config_text()
    return plain[: plain.index("methods:")] + VARIANTS.format().lstrip() + plain.partition("recipe:")[2]


def examined(folder, shift=0.0):
    """Add to a run's learning curve what it would be worth to know the shares: `ADJUSTED` over the last evaluations,
    `shift` more in the last one of them, 0 before."""

    def change(table):
        header, *lines = table.splitlines()
        names = [f"{name}_{what}" for name in ADJUSTED for what in ("accuracy", "balanced_accuracy")]
        rows = [",".join([header, *names])]
        for i, line in enumerate(lines):
            last = shift if i == len(lines) - 1 else 0
            values = [value + last if i >= len(lines) - 5 else 0 for two in ADJUSTED.values() for value in two]
            rows.append(",".join([line, *(f"{value:g}" for value in values)]))
        return "\n".join(rows) + "\n"

    edit_metrics(folder, change)


@pytest.fixture
def results(top):
    for seed, accuracy in enumerate((60.0, 64.0)):
        folder = write_run(
            top, "quick", "faces", 70, "mixmatch", seed, accuracy, {"shares_examined": True}, shares=SHARES
        )
        examined(folder, shift=10.0 * seed)
        write_run(top, "quick", "faces", 70, "marginmix", seed, accuracy + 1)
    em = {"prior_source": "target", "target_shares": "em"}
    write_run(top, "quick", "faces", 70, "marginmix-em", 0, 70.0, em, shares={**SHARES, "em": SHARES["true"]})
    write_run(top, "quick", "faces", 70, "marginmix-held", 0, 71.0, HELD)
    write_run(top, "quick", "faces", 70, "marginmix-off", 0, 72.0, {**HELD, "prior_exponent": 0.0})
    return make_results(top, text().replace("recipe: {steps", "recipe: {shares_examined: false, steps"))


def test_where_a_run_has_its_shares_from(results):
    frame = shift_frame(results)
    trained = frame[frame["used"] != "at prediction"].set_index("method")
    assert trained["shares"].to_dict() == {
        "mixmatch": "none", "marginmix": "none", "marginmix-em": "em", "marginmix-held": "own guesses, held",
        "marginmix-off": "none",
    }  # fmt: skip
    assert trained["used"].to_dict() == {
        "mixmatch": "–", "marginmix": "–", "marginmix-em": "in training", "marginmix-held": "in training",
        "marginmix-off": "–",
    }  # fmt: skip
    assert set(frame["shares"]) <= set(SOURCES)


def test_means_over_seeds_of_the_last_evaluations_on_validation_images(results):
    frame = shift_frame(results).set_index(["method", "shares"])
    plain = frame.loc[("mixmatch", "none")]
    assert (plain["n"], plain["accuracy"], plain["balanced_accuracy"]) == (2, pytest.approx(0.99 * 62), pytest.approx(
        0.95 * 62))  # fmt: skip
    # 25 - 9 s over the last five of twenty evaluations, s = 0.8, …, 1
    assert plain["imbalance"] == pytest.approx(25 - 9 * 0.9)
    for name, (accuracy, balanced) in ADJUSTED.items():
        row = frame.loc[("mixmatch", name)]
        assert (row["n"], row["used"]) == (2, "at prediction")
        # One of two seeds has 10 more in one of five evaluations.
        assert (row["accuracy"], row["balanced_accuracy"]) == pytest.approx((accuracy + 1, balanced + 1))
        assert row["imbalance"] != row["imbalance"]
    assert ("marginmix", "em") not in frame.index
    assert frame.loc[("marginmix-em", "em"), "n"] == 1


def test_distances_of_the_estimates_by_hand(results):
    """Half the sum of the differences: 0.4 for the labelled shares, 0.15, 0.1 and 0.1; each cell once."""
    frame = estimates_frame(results).set_index("estimate")
    assert frame["size"].to_dict() == {"labelled": 2, "em": 2, "em-calibrated": 2, "bbse": 2}
    assert frame["mean"].to_dict() == pytest.approx({"labelled": 40, "em": 15, "em-calibrated": 10, "bbse": 10})
    assert (frame["max"] == frame["mean"]).all()


def test_the_page(results):
    blocks, frame = shift_blocks(results)
    told = [" ".join(line.split()) for line in to_markdown(blocks).splitlines()]
    rows = [line for line in told if line.startswith(("| mixmatch", "| marginmix"))]
    assert rows[0].startswith("| marginmix ") and len(rows) == len(frame) == 9
    assert "| mixmatch | true | at prediction | 2 | 81.0 | 67.0 | – |" in rows
    assert "| marginmix-em | em | in training | 1 | 69.3 | 66.5 | 17 |" in rows
    places = [SOURCES.index(line.split(" | ")[1]) for line in rows if line.startswith("| marginmix")]
    assert places == sorted(places)
    assert any(line.endswith("| 70 | em | 2 | 15.0 | 15.0 |") for line in told)


def test_without_estimates_nothing_is_told_of_them(top):
    write_run(top, "quick", "faces", 70, "mixmatch", 0, 60.0)
    blocks, _ = shift_blocks(make_results(top, config_text()))
    assert "How good the estimates are" not in to_markdown(blocks)
