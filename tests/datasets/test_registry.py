import pytest

from marginmix.datasets import ROWS, get
from marginmix.errors import UserError


def test_every_row_is_complete():
    for name, row in ROWS.items():
        assert row.name == name and row.get and row.licence and row.title
        assert row.embedded or row.layouts
        assert row.family == "folder" or (set(row.counts) == set(row.layouts or {"embedded": 0}) and row.classes)


def test_class_counts():
    classes = {"cifar10": 10, "cifar100": 100, "svhn": 10, "stl10": 10, "ferplus": 8, "rafdb": 7, "faces": 7}
    assert {name: len(set(get(name).classes)) for name in classes} == classes


@pytest.mark.parametrize(
    ("rule", "csv", "folders"),
    [
        ("", (25060, 3199, 3153), (25045, 3191, 3137)),
        ("-argmax-unique", (26940, 3396, 3376), (26940, 3396, 3371)),
        ("-argmax-first", (28389, 3553, 3546), (28385, 3555, 3545)),
    ],
)
def test_ferplus_counts_by_rule_and_source(rule, csv, folders):
    counts = get(f"ferplus{rule}").counts
    assert (tuple(counts["csv"].values()), tuple(counts["folders"].values())) == (csv, folders)


def test_faces_take_their_ambiguity_from_the_name():
    assert get("faces").variant == 0.3
    assert get("faces-0.75").variant == 0.75 and get("faces-1").family == "faces"


def test_a_family_gives_any_name_its_loader():
    row = get("my-birds", family="folder")
    assert (row.name, row.family, row.loader) == ("my-birds", "folder", get("folder").loader)


@pytest.mark.parametrize(
    ("name", "family"),
    [("ferplus-argmax-first-natural", None), ("faces-0.5-natural", None), ("mine-natural", "folder")],
)
def test_a_name_that_asks_for_natural_label_draws(name, family):
    row, balanced = get(name, family), get(name.removesuffix("-natural"), family)
    assert (row.label_draw, balanced.label_draw) == ("natural", "balanced")
    assert (row.name, row.validated_as, row.variant) == (name, balanced.name, balanced.variant)


@pytest.mark.parametrize(
    ("name", "family", "told"),
    [
        ("cifar1O", None, "did you mean 'cifar10'"),
        ("ferplus-argmax", None, "did you mean 'ferplus-argmax-"),
        ("faces-1.5", None, "0 to 1, found 1.5"),
        ("ferplu-natural", None, "unknown dataset 'ferplu-natural'; known are: cifar10"),
        ("faces-2-natural", None, "dataset 'faces-2-natural': the ambiguity"),
        ("stl10-natural", None, "official folds, not drawn; say 'stl10'"),
        ("svhn-natural", "folder", "'svhn-natural' is that of SVHN, not of image folder"),
        ("birds", "foldr", "did you mean 'folder'"),
        ("../birds", "folder", "letters, digits"),
        ("svhn", "folder", "'svhn' is that of SVHN, not of image folder; rename"),
    ],
)
def test_unknown_names(name, family, told):
    with pytest.raises(UserError, match=told):
        get(name, family)
