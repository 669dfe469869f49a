"""The dial by hand: a difference that grows with overlap, one that does not, and what has not run."""

import pandas as pd
import pytest

from marginmix.reporting.difficulty import difficulty_blocks, difficulty_frame, difficulty_of, trend
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.names import Titles
from tests.fake_runs import config_text, make_results, write_run

METHODS = ("marginmix", "mixmatch")
AMBIGUITY = {"faces-0": 0.0, "faces-1": 1.0, "faces-0.5": 0.5}
CEILING = {"faces-0": 95.0, "faces-0.5": 85.0, "faces-1": 75.0}


def runs(gain: float, seeds=(0, 1, 2)):
    """MarginMix is ahead by `gain` points for each point of overlap, and by the seed."""
    rows = []
    for dataset, ceiling in CEILING.items():
        for seed in seeds:
            ahead = gain * (100 - ceiling) + seed
            accuracy = {"mixmatch": 50.0, "marginmix": 50.0 + ahead, "all": ceiling}
            rows += [{"dataset": dataset, "method": name, "seed": seed, "accuracy": a} for name, a in accuracy.items()]
    return pd.DataFrame(rows)


def test_overlap_is_the_error_with_all_labels_and_differences_are_paired():
    frame = difficulty_frame(runs(0.5), AMBIGUITY, METHODS, "all")
    assert list(frame["ambiguity"]) == [0.0, 0.5, 1.0]
    assert list(frame["overlap"]) == [5.0, 15.0, 25.0]
    assert list(frame["difference"]) == pytest.approx([0.5 * overlap + 1 for overlap in (5, 15, 25)])
    assert list(frame["pairs"]) == [3, 3, 3]
    # sd 1 over 3 seeds: t(0.975, 2) / sqrt(3)
    assert frame["high"][0] - frame["difference"][0] == pytest.approx(4.3027 / 3**0.5, abs=1e-3)


@pytest.mark.parametrize(("gain", "verdict"), [(0.5, "it grows"), (-0.5, "it shrinks")])
def test_the_trend_is_each_seeds_slope(gain, verdict):
    done = runs(gain)
    done.loc[(done["seed"] == 2) & (done["method"] == "marginmix") & (done["dataset"] == "faces-1"), "accuracy"] += 1
    frame = difficulty_frame(done, AMBIGUITY, METHODS, "all")
    grows = trend(done, frame, METHODS)
    assert grows.n == 3 and grows.mean == pytest.approx(gain + 1 / 20 / 3)  # one of three slopes is 1 / 20 higher
    text = to_markdown(difficulty_blocks(frame, grows, METHODS, Titles({}, {"marginmix": "My method"}), "what"))
    assert verdict in text and "My method − MixMatch" in text


def test_a_flat_difference_is_undecided():
    done = runs(0.0)
    done.loc[done["method"] == "marginmix", "accuracy"] += [0.3, -0.2, 0.1, -0.1, 0.2, -0.3, 0.2, -0.2, 0.0]
    frame = difficulty_frame(done, AMBIGUITY, METHODS, "all")
    assert "undecided" in to_markdown(difficulty_blocks(frame, trend(done, frame, METHODS), METHODS, {}, ""))


def test_a_setting_that_is_not_finished_leaves_the_trend_of_the_others():
    done = runs(0.5)
    whole = {**AMBIGUITY, "faces-0.9": 0.9}
    done = pd.concat([done, pd.DataFrame([{"dataset": "faces-0.9", "method": "all", "seed": 0, "accuracy": 60.0}])])
    frame = difficulty_frame(done, whole, METHODS, "all")
    assert trend(done, frame, METHODS).mean == pytest.approx(0.5)


def test_what_has_not_run_is_said():
    done = runs(0.5)
    done = done[done["dataset"] == "faces-0"]
    frame = difficulty_frame(done, AMBIGUITY, METHODS, "all")
    assert trend(done, frame, METHODS) is None
    text = to_markdown(difficulty_blocks(frame, None, METHODS, {}, "what"))
    assert text.count("| not run |") >= 2 and "The answer needs three different overlaps." in text


def test_a_dial_from_its_runs_to_its_page(top):
    said = [f"{name}: {{family: faces, ambiguity: {value:g}, labels: [70]}}" for name, value in AMBIGUITY.items()]
    datasets = f"{{{', '.join(said)}}}"
    dial = "{methods: [marginmix, mixmatch], ceiling: supervised}"
    for dataset, ceiling in CEILING.items():
        for seed in (0, 1):
            for method, accuracy in (("mixmatch", 50.0), ("marginmix", 150.0 - ceiling), ("supervised", ceiling)):
                options = {"family": "faces", "ambiguity": AMBIGUITY[dataset]}
                write_run(top, "dial", dataset, 70, method, seed, accuracy, options=options)
    blocks, table = difficulty_of(make_results(top, config_text("dial", datasets, difficulty=dial)))
    assert list(table["dataset"]) == ["faces-0", "faces-0.5", "faces-1"] and set(table["pairs"]) == {2}
    assert list(table["overlap"]) == list(table["difference"]) == [5.0, 15.0, 25.0]
    page = to_markdown(blocks)
    assert "Experiment dial: drawn faces, 70 labels, wrn-28-2, 800 steps of 64 + 64 images." in page
    assert "MarginMix − MixMatch changes by +1.00 points for each point of overlap" in page and "it grows." in page
