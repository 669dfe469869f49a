import json
from dataclasses import replace

import numpy as np
import pytest

from marginmix.datasets import get, prepare
from marginmix.datasets.copies import find_copies
from marginmix.datasets.shares import equal_shares, natural_shares, spill
from marginmix.datasets.splits import SETS, Split, make_split, read_split, write_split
from marginmix.errors import UserError
from tests.tiny_data import noise, write_cifar10, write_ferplus_folders, write_folder, write_images, write_stl10


@pytest.fixture
def digits(tmp_path):
    return prepare("digits", None, tmp_path, tmp_path / "cache")


@pytest.fixture
def pets(tmp_path, prepare_here):
    """Two classes of 20 and 5 training images."""
    root = write_folder(tmp_path / "data")
    for index in range(5, 20):
        (root / "train" / "dog" / f"{index:04d}.png").unlink()
    return prepare_here("pets", family="folder")


def split_of(prepared, labels, seed=0):
    return make_split(prepared, prepared.row, labels, seed)


def test_the_four_sets_are_disjoint_and_complete(digits):
    split = split_of(digits, 100)
    together = np.concatenate([getattr(split, name) for name in SETS])
    assert sorted(together.tolist()) == list(range(1797))
    assert all(getattr(split, name).dtype == np.int64 for name in SETS)
    assert split.test.tolist() == digits.indices("test").tolist()


def test_labels_are_balanced(digits):
    split = split_of(digits, 100)
    assert set(split.given.values()) == {10} and split.asked == split.given
    assert np.bincount(digits.targets[split.labelled]).tolist() == [10] * 10


def test_drawn_from_dataset_labels_and_seed_alone(digits):
    assert split_of(digits, 100, 3).to_json() == split_of(digits, 100, 3).to_json()
    draws = [split_of(digits, *cell).labelled.tolist() for cell in ((100, 0), (100, 1), (110, 0))]
    assert draws[0] != draws[1] and draws[0] != draws[2][:100]
    other = make_split(digits, replace(get("digits"), name="figures"), 100, 0)
    assert other.labelled.tolist() != draws[0]


def test_the_draw_is_the_same_for_ever(digits):
    """A change here makes every committed run stale."""
    split = split_of(digits, 20)
    assert split.labelled[:5].tolist() == [191, 196, 197, 250, 308]
    assert split.hash == "2d87758c6985678b"


def test_all_seeds_and_label_counts_share_the_validation_set(digits):
    first, second = split_of(digits, 100, 0), split_of(digits, 200, 5)
    assert first.validation.tolist() == second.validation.tolist()
    present = np.bincount(digits.targets[digits.indices("train")])
    assert np.bincount(digits.targets[first.validation]).tolist() == (present // 10).tolist()


def test_a_remainder_goes_to_classes_drawn_from_the_seed(digits):
    extra = set()
    for seed in range(5):
        asked = split_of(digits, 103, seed).asked
        assert sum(asked.values()) == 103 and sorted(asked.values()) == [10] * 7 + [11] * 3
        extra.add(tuple(name for name, count in asked.items() if count == 11))
    assert len(extra) > 1


def test_what_a_class_lacks_is_spilled_and_said(pets):
    split = split_of(pets, 16)
    # 10 % of 20 and of 5, rounded down, are for validation: 18 cats and 5 dogs remain.
    assert split.asked == {"cat": 8, "dog": 8} and split.given == {"cat": 11, "dog": 5}
    assert len(split.labelled) == 16 and len(split.validation) == 2


@pytest.mark.parametrize(
    ("asked", "present", "order", "given"),
    [
        ([4, 4, 4], [9, 9, 9], [0, 1, 2], [4, 4, 4]),
        ([4, 4, 4], [1, 9, 9], [0, 1, 2], [1, 6, 5]),  # 3 to two classes: the first of the order has the odd one
        ([4, 4, 4], [1, 9, 9], [2, 1, 0], [1, 5, 6]),
        ([4, 4, 4], [0, 5, 9], [0, 1, 2], [0, 5, 7]),  # the second class is full after one
        ([40] * 4, [10, 20, 45, 99], [0, 1, 2, 3], [10, 20, 45, 85]),
        ([3, 3], [2, 4], [0, 1], [2, 4]),
    ],
)
def test_spill_by_hand(asked, present, order, given):
    assert spill(np.array(asked), np.array(present), np.array(order)).tolist() == given


def test_equal_shares():
    assert equal_shares(320, np.array([3, 0, 6, 1, 2, 4, 5])).tolist() == [46, 46, 46, 46, 45, 45, 46]


@pytest.mark.parametrize(
    ("total", "present", "shares"),
    [
        (10, [70, 20, 10], [7, 2, 1]),
        (4, [97, 2, 1], [2, 1, 1]),  # one each, however rare
        (8, [50, 30, 20], [4, 2, 2]),  # quotas 4.0, 2.4, 1.6
        (3, [5, 5, 5], [1, 1, 1]),
    ],
)
def test_natural_shares_by_hand(total, present, shares):
    assert natural_shares(total, np.array(present)).tolist() == shares


def test_labels_drawn_as_the_classes_are(tmp_path, prepare_here, pets):
    natural = prepare_here("pets", family="folder", label_draw="natural")
    split = split_of(natural, 14)
    # 18 cats and 5 dogs remain beside the validation images.
    assert split.asked == split.given == {"cat": 11, "dog": 3}
    assert split.labelled.tolist() != split_of(natural, 14, seed=1).labelled.tolist()


def test_natural_and_balanced_labels_share_the_validation_set(digits, tmp_path):
    options = {"family": "digits", "label_draw": "natural"}
    natural = prepare("digits-natural", None, tmp_path, tmp_path / "cache", **options)
    assert split_of(natural, 100).validation.tolist() == split_of(digits, 100).validation.tolist()
    assert split_of(natural, 100).labelled.tolist() != split_of(digits, 100).labelled.tolist()


def test_draws_of_an_option_are_those_of_the_names_that_said_it(tmp_path):
    """Hashes as they were when the name alone said the option: draws go by the name, and published runs keep theirs."""
    before = {("faces-0.6", 70): "3567b3af8bfddf03", ("digits-natural", 100): "680a30b0fab497d0"}
    options = {"faces-0.6": {"family": "faces", "ambiguity": 0.6},
               "digits-natural": {"family": "digits", "label_draw": "natural"}}  # fmt: skip
    for (name, labels), expected in before.items():
        prepared = prepare(name, None, tmp_path, tmp_path / "cache", **options[name])
        assert split_of(prepared, labels).hash == expected


def test_a_validation_option_counts(digits, tmp_path):
    few, share = (prepare("digits", None, tmp_path, tmp_path / "cache", validation=v) for v in (50, 0.2))
    split = split_of(few, 20)
    assert np.bincount(few.targets[split.validation]).tolist() == [5] * 10
    assert set(split.validation) <= set(split_of(digits, 20).validation), "drawn by the same text: the first of them"
    present = np.bincount(digits.targets[digits.indices("train")])
    assert np.bincount(share.targets[split_of(share, 20).validation]).tolist() == (present * 0.2).astype(int).tolist()


def test_a_validation_option_is_refused_where_the_dataset_has_a_part_of_its_own(tmp_path, prepare_here):
    write_folder(tmp_path / "data")
    for seed, name in enumerate(("cat", "dog"), 9):
        write_images(tmp_path / "data" / "valid" / name, noise(2, 12, 10, 3, seed=seed))
    prepared = prepare_here("pets", family="folder", validation=0.5)
    with pytest.raises(
        UserError, match="pets: expected no option validation, since the dataset has its own validation images"
    ):
        split_of(prepared, 4)


def with_copies(prepared, pairs):
    """The same dataset in which image a has the pixels of image b, for each pair (a, b)."""
    hashes = prepared.hashes.copy()
    for one, other in pairs:
        hashes[one] = hashes[other]
    return replace(prepared, hashes=hashes, copies=find_copies(hashes, prepared.perceptual, prepared.parts))


def test_copies_of_held_out_images_are_dropped_before_labels_are_drawn(digits):
    free = split_of(digits, 100)
    in_labelled, in_pool, other = free.labelled[0], free.unlabelled[0], free.unlabelled[1]
    pairs = [(in_labelled, free.test[3]), (in_pool, free.validation[5]), (other, free.unlabelled[2])]
    copied = with_copies(digits, pairs)
    kept, clean = (make_split(copied, get("digits", duplicates=what), 100, 0) for what in ("keep", "drop"))
    assert kept.labelled.tolist() == free.labelled.tolist() and kept.overlap["labelled/test"] == 1
    assert clean.validation.tolist() == free.validation.tolist() and clean.test.tolist() == free.test.tolist()
    assert {int(in_labelled), int(in_pool)} & {*clean.labelled.tolist(), *clean.unlabelled.tolist()} == set()
    assert int(other) in clean.unlabelled.tolist(), "a copy within the training images is no leak"
    assert len(clean.labelled) == 100 and set(clean.given.values()) == {10}, "another image of the class is labelled"
    assert len(clean.labelled) + len(clean.unlabelled) == len(free.labelled) + len(free.unlabelled) - 2
    assert not any(count for pair, count in clean.overlap.items() if pair != "validation/test")


def test_unlabelled_images_that_are_copies_are_dropped_too(tmp_path, prepare_here):
    write_folder(tmp_path / "data")
    write_images(tmp_path / "data" / "unlabelled", noise(4, 12, 10, 3, seed=8))
    prepared = prepare_here("pets", family="folder", duplicates="drop")
    loose, test = prepared.indices("unlabelled"), prepared.indices("test")
    split = split_of(with_copies(prepared, [(loose[1], test[0])]), 4)
    assert loose[1] not in split.unlabelled and loose[0] in split.unlabelled


def test_too_few_images_beside_the_dropped_ones_are_told(digits):
    copied = with_copies(digits, [(index, digits.indices("test")[0]) for index in digits.indices("train")[:200]])
    with pytest.raises(UserError, match=r"beside \d+ for validation and 1\d\d dropped as copies; ask for"):
        make_split(copied, get("digits", duplicates="drop"), 1100, 0)


def test_ferplus_validates_on_its_official_part(tmp_path, prepare_here):
    write_ferplus_folders(tmp_path / "data")
    prepared = prepare_here("ferplus")
    split = split_of(prepared, 8)
    assert split.validation.tolist() == prepared.indices("valid").tolist()
    assert set(split.unlabelled) | set(split.labelled) == set(prepared.indices("train"))


def test_cifar_validation_is_balanced_and_a_tenth_of_a_subset(tmp_path, prepare_here):
    write_cifar10(tmp_path / "data")
    prepared = prepare_here("cifar10")
    split = split_of(prepared, 40)
    assert np.bincount(prepared.targets[split.validation]).tolist() == [1] * 10
    assert len(split.unlabelled) == 50


def test_unlabelled_images_of_a_folder(tmp_path, prepare_here):
    write_folder(tmp_path / "data", unlabelled=7, valid_per_class=2)
    prepared = prepare_here("pets", family="folder")
    split = split_of(prepared, 10)
    assert split.unlabelled[-7:].tolist() == prepared.indices("unlabelled").tolist() and len(split.unlabelled) == 37
    assert split.validation.tolist() == prepared.indices("valid").tolist()


def test_stl10_official_folds(tmp_path, prepare_here):
    write_stl10(tmp_path / "data")
    prepared = prepare_here("stl10")
    split = split_of(prepared, 20, seed=11)  # the second of ten folds
    assert split.labelled.tolist() == list(range(10, 30)) and split.given == dict.fromkeys(prepared.classes, 2)
    assert split.validation.tolist() == list(range(50, 60))  # in no fold
    assert split.unlabelled.tolist() == [*range(10), *range(30, 50), *range(60, 80)]
    assert split.test.tolist() == list(range(80, 100))


@pytest.mark.parametrize(("seed", "blocks"), [(2, (2, 3)), (13, (3, 4)), (10, (0, 1))])
def test_stl10_takes_the_fold_of_the_seeds_last_digit(tmp_path, prepare_here, seed, blocks):
    write_stl10(tmp_path / "data")
    expected = [10 * block + i for block in blocks for i in range(10)]
    assert split_of(prepare_here("stl10"), 20, seed=seed).labelled.tolist() == expected


def test_stl10_all_labels(tmp_path, prepare_here):
    write_stl10(tmp_path / "data")
    split = split_of(prepare_here("stl10"), 60)
    assert split.labelled.tolist() == list(range(60)) and split.unlabelled.tolist() == list(range(60, 80))
    assert split.validation.dtype == np.int64 and len(split.validation) == 0


def test_stl10_has_no_other_label_counts(tmp_path, prepare_here):
    write_stl10(tmp_path / "data")
    with pytest.raises(UserError, match=r"stl10: expected labels 20 \(its official folds\) or 60 \(all\), found 30"):
        split_of(prepare_here("stl10"), 30)


def test_too_many_or_too_few_labels(digits, pets):
    with pytest.raises(
        UserError, match=r"digits: expected at least 1,298 training images to label, found 1,1\d\d beside"
    ):
        split_of(digits, 1298)
    with pytest.raises(UserError, match="expected labels of at least 10, one per class, found 9"):
        split_of(digits, 9)
    assert len(split_of(pets, 23).unlabelled) == 0


def test_overlap_is_counted_by_image(tmp_path, prepare_here):
    root = write_folder(tmp_path / "data", train_per_class=20)
    write_images(root / "test" / "cat", noise(20, 16, 16, 3, seed=0)[[0, 0, 1]])  # copies of two training cats
    split = split_of(prepare_here("pets", family="folder"), 4)
    assert set(split.overlap) == {
        "labelled/unlabelled",
        "labelled/validation",
        "labelled/test",
        "unlabelled/validation",
        "unlabelled/test",
        "validation/test",
    }
    assert sum(split.overlap[f"{name}/test"] for name in ("labelled", "unlabelled", "validation")) == 3
    assert split.overlap["labelled/unlabelled"] == 0


def test_written_and_read(digits, tmp_path):
    split = split_of(digits, 100)
    path = tmp_path / "digits" / "100" / "0.json"
    write_split(path, split)
    again = read_split(path)
    assert again.to_json() == split.to_json() and again.hash == split.hash
    assert all(np.array_equal(getattr(again, name), getattr(split, name)) for name in SETS)
    assert json.loads(path.read_text())["test"] == "1297-1796"
    again.check(digits)


def test_the_hash_changes_with_every_part(digits):
    split = split_of(digits, 100)
    changes = {"seed": 1, "data_hash": "0" * 16, "labelled": split.labelled[1:], "validation": split.validation[1:]}
    assert len({split.hash, *(replace(split, **{name: value}).hash for name, value in changes.items())}) == 5


def test_a_split_of_other_data(digits):
    with pytest.raises(UserError, match="split digits, 100 labels, seed 0: drawn from data 0000, found data"):
        replace(split_of(digits, 100), data_hash="0000").check(digits)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: content.pop("labelled"), "expected a split manifest"),
        (lambda content: content.update(extra=1), "expected a split manifest"),
        (lambda content: content.update(labelled="a-b"), "expected a split manifest"),
        (lambda content: content.update(labelled=[1, 2]), "expected a split manifest"),
        (lambda content: content.update(labelled="0-9"), "it was changed"),
    ],
)
def test_damaged_manifests(digits, tmp_path, damage, told):
    content = split_of(digits, 100).to_json()
    damage(content)
    (tmp_path / "0.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=told):
        read_split(tmp_path / "0.json")


def test_a_manifest_that_is_absent_or_no_json(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        read_split(tmp_path / "0.json")
    (tmp_path / "0.json").write_text('{"dataset":')
    with pytest.raises(UserError, match="not valid JSON"):
        read_split(tmp_path / "0.json")
    with pytest.raises(UserError, match="expected a split manifest"):
        Split.from_json([])
