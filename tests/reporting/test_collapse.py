"""Collapsed runs in the tables, and the page that shows where the alarm goes off: by hand."""

import pytest

from marginmix.reporting.collapse import collapse_blocks, collapse_frame, collapsed
from marginmix.reporting.finished import read_local
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.report import assemble
from marginmix.reporting.results import read_reference
from marginmix.reporting.tables import REFERENCE_COLUMNS
from tests.fake_runs import ROOT, config_text, make_results, write_run

SETTINGS = {"steps": 900, "evaluations": 9, "score_window": 2}
EQUAL = [[73, 20, 7], [10, 73, 17], [10, 17, 73]]
"""A hundred test images of each class: 66.7 % of imbalance would be one class alone."""
CALM, EARLY, LATE = [10.0] * 9, [90.0] * 5 + [10.0] * 4, [10.0] * 6 + [90.0] * 3
BRIEF = [10.0] * 7 + [90.0] * 2


def run(top, method, seed, one_sidedness, measure="prediction_one_sidedness"):
    """A finished run with that one-sidedness at its nine evaluations; `measure` guess_imbalance: of its guesses."""
    values = [value * 2 / 3 for value in one_sidedness] if measure == "guess_imbalance" else one_sidedness
    columns = {"guess_imbalance": [5.0] * 9, measure: values}
    folder = write_run(top, "quick", "faces", 70, method, seed, 73.0, SETTINGS, confusion=EQUAL, columns=columns)
    return read_local(folder)


def test_which_runs_collapsed(top):
    found = {
        name: collapsed(run(top, "mixmatch", seed, values))
        for seed, (name, values) in enumerate({"calm": CALM, "early": EARLY, "late": LATE, "brief": BRIEF}.items())
    }
    assert found == {"calm": False, "early": False, "late": True, "brief": False}


def test_an_older_run_is_judged_by_its_guesses(top):
    assert collapsed(run(top, "mixmatch", 0, LATE, "guess_imbalance"))
    assert not collapsed(run(top, "mixmatch", 1, BRIEF, "guess_imbalance"))
    # 80 % of 66.7 is 53.3: at the threshold is not above it.
    assert not collapsed(run(top, "mixmatch", 2, [10.0] * 6 + [79.9] * 3, "guess_imbalance"))


def test_the_alarm_counts_before_the_guesses(top):
    columns = {"guess_imbalance": [60.0] * 9, "prediction_one_sidedness": CALM}
    folder = write_run(top, "quick", "faces", 70, "mixmatch", 0, 73.0, SETTINGS, confusion=EQUAL, columns=columns)
    assert not collapsed(read_local(folder))


def test_the_page(top):
    runs = [run(top, "mixmatch", 0, CALM), run(top, "mixmatch", 1, LATE), run(top, "mixmatch", 2, BRIEF),
            run(top, "marginmix", 0, [10.0] * 3 + [84.0] * 6, "guess_imbalance")]  # fmt: skip
    frame = collapse_frame(runs)
    text = to_markdown(collapse_blocks(frame))
    with_alarm, before = text.split("## Runs made before the alarm existed: 1 run")
    assert "## With the alarm: 3 runs" in with_alarm
    assert "| 80 %, in use |    1 |      1 |            0 |" in with_alarm
    assert "| 80 %, in use |    0 |      0 |            1 |" in before
    assert "| 85 %         |    0 |      0 |            0 |" in before
    lines = [
        [cell.strip() for cell in line.split("|")[3:8]] for line in text.splitlines() if line.startswith("| quick")
    ]
    assert lines == [
        ["mixmatch", "1", "900", "900", "90"], ["mixmatch", "2", "900", "none", "90"],
        ["marginmix", "0", "900", "600", "84"],
    ]  # fmt: skip


@pytest.mark.parametrize("collapsing", [0, 1, 2])
def test_a_table_marks_it_and_gives_no_verdict(top, collapsing):
    for seed in range(2):
        for method, value in (("mixmatch", 60.0), ("marginmix", 65.0)):
            one_sided = LATE if method == "marginmix" and seed < collapsing else CALM
            write_run(top, "quick", "ferplus", 320, method, seed, value + seed, SETTINGS,
                      columns={"prediction_one_sidedness": one_sided})  # fmt: skip
    reference = read_reference(ROOT / "workflow" / "reference" / "paper_tables.csv", REFERENCE_COLUMNS)
    settings = "{steps: 900, evaluations: 9, score_window: 2}"
    text = config_text(datasets="{ferplus: {labels: [320]}}")
    text = text.replace("{steps: 800, evaluations: 20, score_window: 5}", settings).replace("[0, 1, 2]", "[0, 1]")
    frame, blocks = assemble([make_results(top, text)], reference)
    page = to_markdown(blocks)
    marked = f"collapsed ({collapsing} of 2)"
    assert (marked in page) == (f"65.5 ± 0.7, {marked}" in page) == ("- **Collapsed:**" in page) == (collapsing > 0)
    ours = frame[(frame["table"] == "expressions") & (frame["dataset"] == "ferplus") & (frame["labels"] == 320)]
    assert ours.set_index("method")["collapsed"].to_dict() == {"mixmatch": 0, "marginmix": collapsing}
    claim = ours.set_index("method").loc["marginmix", "claim"]
    assert claim == ("none: collapsed" if collapsing else "upheld")
