import pytest

from marginmix.errors import UserError
from tests.tiny_data import write_rafdb

TABLE = "EmoLabel/list_patition_label.txt"


def test_official_layout(tmp_path, prepare_here):
    write_rafdb(tmp_path / "data")
    prepared = prepare_here("rafdb")
    assert prepared.parts == {"train": (0, 70), "test": (70, 84)} and prepared.images.shape[1:] == (100, 100, 3)
    assert prepared.classes[0] == "surprise" and prepared.classes[6] == "neutral"
    assert prepared.targets[:8].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("train_00001.jpg 8", r"\(train\): expected labels 1 to 7, found 8"),
        ("train_00001.jpg 0", "expected labels 1 to 7, found 0"),
        ("train_00001.jpg", "line 1 of .*expected a line such as 'train_00001.jpg 5'"),
        ("valid_00001.jpg 3", "line 1 of .*found 'valid_00001.jpg 3'"),
        ("train_99999.jpg 3", "missing image .*train_99999_aligned.jpg"),
        ("", "found no train image"),
    ],
)
def test_wrong_tables(tmp_path, prepare_here, line, told):
    root = write_rafdb(tmp_path / "data")
    (root / TABLE).write_text(f"{line}\ntest_00001.jpg 1\n")
    with pytest.raises(UserError, match=told):
        prepare_here("rafdb")


def test_absent(tmp_path, prepare_here):
    with pytest.raises(
        UserError, match=r"rafdb: expected EmoLabel/.*data \(no such folder\); found none; ask its authors"
    ):
        prepare_here("rafdb")
