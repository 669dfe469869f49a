import numpy as np
import pytest
from PIL import Image

from marginmix.datasets import get, prepare
from marginmix.datasets.ferplus import vote_targets
from marginmix.errors import UserError
from tests.tiny_data import CLEAR, NOT_A_FACE, SINGLES, TIE, UNKNOWN, votes, write_ferplus_csv, write_ferplus_folders

RULES = ("majority", "argmax-unique", "argmax-first")


@pytest.mark.parametrize(
    ("kind", "majority", "unique", "first"),
    [
        (CLEAR, 2, 2, 2),
        (SINGLES, 2, 2, 2),
        (TIE, -1, -1, 2),
        (UNKNOWN, -1, -1, -1),
        (NOT_A_FACE, -1, -1, -1),
    ],
)
def test_vote_rules(kind, majority, unique, first):
    row = np.array([votes(kind, 2)])
    assert [int(vote_targets(row, rule)[0]) for rule in RULES] == [majority, unique, first]


def test_majority_needs_more_than_half_of_what_the_single_votes_leave():
    rows = np.array([[4, 4, 0, 0, 0, 0, 0, 0, 0, 0], [4, 3, 2, 1, 0, 0, 0, 0, 0, 0], [1] * 10])
    assert vote_targets(rows, "majority").tolist() == [-1, -1, -1]
    assert vote_targets(rows, "argmax-unique").tolist() == [-1, 0, -1]
    assert vote_targets(rows, "argmax-first").tolist() == [0, 0, 0]


@pytest.mark.parametrize("rule", RULES)
def test_both_sources_hold_the_same(tmp_path, rule):
    write_ferplus_folders(tmp_path / "folders")
    write_ferplus_csv(tmp_path / "csv")
    one, other = (
        prepare("ferplus", tmp_path / layout, tmp_path, tmp_path / "cache", verify_counts=False, vote_rule=rule)
        for layout in ("folders", "csv")
    )
    assert one.source == f"ferplus (folders, {rule})" and other.source == f"ferplus (csv, {rule})"
    kept = 40 if rule == "argmax-first" else 32
    assert one.parts == {"train": (0, kept), "valid": (kept, 2 * kept), "test": (2 * kept, 3 * kept)}
    assert one.targets[:8].tolist() == list(range(8))
    assert one.data_hash == other.data_hash and np.array_equal(one.images, other.images)


def test_counts_are_asserted(tmp_path, prepare_here):
    write_ferplus_folders(tmp_path / "data")
    with pytest.raises(
        UserError, match="expected train 25,045, valid 3,191, test 3,137 images, found train 32.*subset"
    ):
        prepare_here("ferplus", verify_counts=True)


def test_a_named_image_that_is_missing(tmp_path, prepare_here):
    (write_ferplus_folders(tmp_path / "data") / "FER2013Valid" / "fer1000050.png").unlink()
    with pytest.raises(UserError, match="missing image .*fer1000050.png, named in .*label.csv"):
        prepare_here("ferplus")


def test_a_row_without_a_name_is_no_image(tmp_path, prepare_here):
    table = write_ferplus_folders(tmp_path / "data") / "FER2013Test" / "label.csv"
    table.write_text(table.read_text() + ',"(0, 0, 48, 48)",9,0,0,0,0,0,0,0,0,0\n')
    assert prepare_here("ferplus").parts["test"] == (64, 96)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_an_unreadable_image(tmp_path, prepare_here, damage):
    path = write_ferplus_folders(tmp_path / "data") / "FER2013Train" / "fer0000003.png"
    content = {"truncated": path.read_bytes()[:900], "text": b"no image", "empty": b""}[damage]
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot decode image .*fer0000003.png"):
        prepare_here("ferplus")


def test_a_16_bit_image(tmp_path, prepare_here):
    path = write_ferplus_folders(tmp_path / "data") / "FER2013Train" / "fer0000003.png"
    Image.fromarray(np.full((48, 48), 999, np.uint16)).save(path)
    with pytest.raises(UserError, match="fer0000003.png: expected 8 bits per channel"):
        prepare_here("ferplus")


@pytest.mark.parametrize("row", ["1,2,3", "4,0,0,1,3,2,0,0,0", "4,0,0,1,3,2,0,0,0,-1", "4,0,0,1,x,2,0,0,0,0"])
def test_wrong_votes(tmp_path, prepare_here, row):
    table = write_ferplus_folders(tmp_path / "data") / "FER2013Train" / "label.csv"
    table.write_text(f'fer0000000.png,"(0, 0, 48, 48)",{row}\n')
    with pytest.raises(UserError, match="line 1 of .*label.csv: expected 10 vote counts"):
        prepare_here("ferplus")


def test_a_missing_part(tmp_path, prepare_here):
    (write_ferplus_folders(tmp_path / "data") / "FER2013Test" / "label.csv").unlink()
    with pytest.raises(UserError, match="cannot read .*FER2013Test/label.csv"):
        prepare_here("ferplus")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("fer2013.csv", lambda text: text[:-9000], "truncated"),
        ("fer2013.csv", lambda text: text.rsplit("\n", 3)[0] + "\n", "expected 169 rows, as in .*, found 171"),
        ("fer2013.csv", lambda text: text.replace("0,", "0,999 ", 2), "line 2 of .*fer2013.csv: expected 2,304 pixels"),
        ("fer2013new.csv", lambda text: text.replace("Training", "PublicTest", 1), "expected the same Usage"),
        ("fer2013new.csv", lambda text: text.replace(",8,2,", ",8,", 1), "line 2 of .*new.csv: expected 10 vote"),
    ],
)
def test_damaged_tables(tmp_path, prepare_here, name, change, told):
    path = write_ferplus_csv(tmp_path / "data") / name
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=told):
        prepare_here("ferplus")


def test_one_table_without_the_other(tmp_path, prepare_here):
    (write_ferplus_csv(tmp_path / "data") / "fer2013.csv").unlink()
    with pytest.raises(UserError, match="cannot read .*fer2013.csv"):
        prepare_here("ferplus")


def test_the_real_images(real_data, tmp_path):
    first = prepare("ferplus", None, real_data, tmp_path, vote_rule="argmax-first")
    again = prepare("ferplus", None, real_data, tmp_path, vote_rule="argmax-first")
    assert first.data_hash == again.data_hash
    for rule in ("majority", "argmax-unique"):
        prepared = prepare("ferplus", None, real_data, tmp_path, vote_rule=rule)
        sizes = {part: stop - start for part, (start, stop) in prepared.parts.items()}
        assert sizes == get("ferplus", vote_rule=rule).counts["folders"]
