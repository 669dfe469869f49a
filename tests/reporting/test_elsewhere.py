"""Other people's numbers: the file that comes with the project, its reader, and the page beside our runs."""

import pandas as pd
import pytest

from marginmix.errors import UserError
from marginmix.reporting.elsewhere import COLUMNS, DATASETS, TITLES, elsewhere_blocks, read_elsewhere
from marginmix.reporting.finished import read_local
from marginmix.reporting.markdown import to_markdown
from tests.fake_runs import ROOT, write_run

SHIPPED = ROOT / "workflow" / "reference" / "published.csv"
LINES = """\
mixmatch,cifar10,250,error_percent,37.28,0.61,3,best on test,wrn-28-2,none,USB,results.csv
mixmatch,cifar10,250,accuracy_percent,88.92,0.87,5,median of the last 20,wrn-28-2,none,a paper,table 1
ssfer,ferplus,5 %,accuracy_percent,81.77,,,see repository,vit,faces,another paper,README
fixmatch,cifar10,4000,error_percent,4.29,0.1,3,best on test,wrn-28-2,none,USB,results.csv
"""


def written(path, text=LINES):
    path.write_text(",".join(COLUMNS) + "\n" + text)
    return path


def test_the_file_that_comes_with_the_project():
    frame = read_elsewhere(SHIPPED)
    assert len(frame) == 91 and set(frame["dataset"]) <= set(DATASETS) and set(frame["method"]) <= set(TITLES)
    assert frame["source"].nunique() == 6 and not frame.duplicated(["method", "dataset", "labels", "source"]).any()
    usb = frame[frame["source"].str.startswith("USB") & (frame["method"] == "mixmatch") & (frame["dataset"] == "svhn")]
    assert usb[["value", "sd", "n", "selection"]].to_numpy().tolist() == [[3.12, 0.09, 3, "best on test"]]
    assert (frame.loc[frame["dataset"] == "cifar100", "backbone"] == "wrn-28-8").all()


@pytest.mark.parametrize(("before", "after", "told"), [
    ("mixmatch,cifar10,250,e", "mixmatsch,cifar10,250,e", "line 2: method: 'mixmatsch'"),
    ("ferplus", "faces", "line 4: dataset: 'faces'"),
    ("5 %", "few", "line 4: labels: 'few'"),
    ("error_percent,4.29", "error,4.29", "line 5: metric: 'error'"),
    ("88.92", "188.92", "line 3: value: 188.92"),
    ("0.87", "-0.87", "line 3: sd: -0.87"),
    (",5,median", ",2.5,median", "line 3: n: 2.5"),
    ("median of the last 20", "", "line 3: selection: nan"),
    ("a paper", "", "line 3: source: nan"),
])  # fmt: skip
def test_a_wrong_line_is_named(tmp_path, before, after, told):
    assert LINES.count(before) == 1
    with pytest.raises(UserError, match=told):
        read_elsewhere(written(tmp_path / "published.csv", LINES.replace(before, after)))


def test_the_page_literally(top):
    for seed, accuracy in enumerate((60.0, 62.0)):
        write_run(top, "reduced", "cifar10", 250, "mixmatch", seed, accuracy)
    write_run(top, "reduced", "cifar10", 250, "supervised", 0, 50.0)  # nobody published it
    write_run(top, "reduced", "cifar10", 1000, "mixmatch", 0, 50.0)  # nor this
    write_run(top, "longer", "cifar10", 250, "marginmix", 0, 30.0,
              columns={"prediction_one_sidedness": [90.0] * 20})  # fmt: skip
    ours = [read_local(path.parent) for path in top.rglob("result.json")]
    text = to_markdown(elsewhere_blocks(read_elsewhere(written(top / "published.csv")), ours))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    header = ["labels", "method", "accuracy", "n", "network", "pre-training", "source"]
    assert [row for row in rows if not row[0].startswith("---")] == [
        header,
        ["250", "MixMatch", "88.92 ± 0.87", "5", "wrn-28-2", "none", "a paper"],
        ["250", "MixMatch", "62.72 ± 0.61 ¶", "3", "wrn-28-2", "none", "USB"],
        ["250", "MixMatch", "61.00 ± 1.41", "2", "wrn-28-2", "none", "here: reduced, 800 steps"],
        ["250", "MarginMix", "30.00", "1", "wrn-28-2", "none", "here: longer, 800 steps, collapsed (1 of 1)"],
        ["4,000", "FixMatch", "95.71 ± 0.10 ¶", "3", "wrn-28-2", "none", "USB"],
        header,
        ["5 %", "SSFER", "81.77", "–", "vit", "faces", "another paper"],
    ]
    assert text.index("## CIFAR-10") < text.index("## FER+") and "SVHN" not in text


def test_a_missing_column_is_named(tmp_path):
    pd.DataFrame({"method": ["mixmatch"]}).to_csv(tmp_path / "published.csv")
    with pytest.raises(UserError, match="the column 'dataset' is missing"):
        read_elsewhere(tmp_path / "published.csv")
