from pathlib import Path

import pytest
import yaml

from marginmix.datasets import OPTIONS, ROWS, get, option_of, option_words, refuse_old_name
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
        ("majority", (25060, 3199, 3153), (25045, 3191, 3137)),
        ("argmax-unique", (26940, 3396, 3376), (26940, 3396, 3371)),
        ("argmax-first", (28389, 3553, 3546), (28385, 3555, 3545)),
    ],
)
def test_ferplus_counts_by_rule_and_source(rule, csv, folders):
    counts = get("ferplus", vote_rule=rule).counts
    assert (tuple(counts["csv"].values()), tuple(counts["folders"].values())) == (csv, folders)


def test_a_family_gives_any_name_its_loader():
    row = get("my-birds", family="folder")
    assert (row.name, row.family, row.loader) == ("my-birds", "folder", get("folder").loader)


def test_options_are_fields_of_the_row():
    row = get("hard", family="faces", ambiguity=1, label_draw="natural", flip=False, validation=0.25, duplicates="drop")
    assert (row.ambiguity, row.label_draw, row.flip, row.validation, row.duplicates) == (
        1.0, "natural", False, 0.25, "drop"
    )  # fmt: skip
    assert row.title == "drawn faces, ambiguity 1, natural label draws, without copies, not mirrored, validation 0.25"
    assert get("cifar10", validation=500).validation == 500 and get("svhn", flip=True).flip


def test_what_differs_from_the_row_is_kept_and_nothing_else():
    assert get("faces").changed == get("faces", "faces", ambiguity=0.3, label_draw="balanced", flip=None).changed == {}
    changed = get("hard", family="faces", flip=True, ambiguity=1).changed
    assert changed == {"family": "faces", "ambiguity": 1.0} and type(changed["ambiguity"]) is float
    assert get("hard", **changed) == get("hard", family="faces", ambiguity=1.0)
    assert get("svhn", flip=True).changed == {"flip": True} and get("cifar10", flip=True).changed == {}


def test_validation_images_go_by_what_they_are_not_by_how_labels_are_drawn():
    easy = get("easy", family="faces", ambiguity=0.6)
    assert easy.validated_as == "faces-0.6" == get("hard", "faces", ambiguity=0.6, label_draw="natural").validated_as
    assert get("x", "faces", ambiguity=0).validated_as == "faces-0" and get("x", "faces").validated_as == "faces"
    assert get("mine", "digits", flip=True, validation=3).validated_as == "digits"
    assert get("mine", "folder").validated_as == "mine", "users' own images have no other name"


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("cifar1O", {}, "did you mean 'cifar10'"),
        ("birds", {"family": "foldr"}, "did you mean 'folder'"),
        ("../birds", {"family": "folder"}, "letters, digits"),
        ("svhn", {"family": "folder"}, "'svhn': this name belongs to SVHN, not to image folder; rename"),
        ("ferplu-natural", {}, "unknown dataset 'ferplu-natural'; known are: cifar10"),
        ("faces", {"ambiguity": 1.5}, "dataset 'faces': ambiguity must be a number from 0 to 1, found 1.5"),
        ("faces", {"ambiguity": True}, "ambiguity must be a number from 0 to 1, found True"),
        ("ferplus", {"vote_rule": "argmax"}, "must be majority, argmax-unique or argmax-first, found 'argmax'"),
        ("ferplus", {"label_draw": 1}, "label_draw must be balanced or natural, found 1"),
        ("digits", {"flip": "yes"}, "flip must be true or false, found 'yes'"),
        ("digits", {"flip": 1}, "flip must be true or false, found 1"),
        ("digits", {"validation": 0}, "must be a whole number from 1 on, or a share between 0 and 1, found 0"),
        ("digits", {"validation": 1.0}, "or a share between 0 and 1, found 1.0"),
        ("digits", {"duplicates": "dorp"}, "duplicates must be keep or drop, found 'dorp'"),
        ("digits", {"labeldraw": "natural"}, "unknown option 'labeldraw'; did you mean 'label_draw'?"),
        ("digits", {"vote_rule": "majority"}, "dataset 'digits': has no option 'vote_rule', only label_draw,"),
        ("ferplus", {"validation": 10}, "dataset 'ferplus': has no option 'validation'"),
        ("stl10", {"label_draw": "natural"}, "dataset 'stl10': has no option 'label_draw', only flip; remove it"),
    ],
)
def test_what_is_refused(name, given, told):
    with pytest.raises(UserError) as refused:
        get(name, **given)
    assert told in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "given", "spelled"),
    [
        ("ferplus-argmax-unique", {}, "{family: ferplus, vote_rule: argmax-unique}"),
        ("ferplus-argmax-first-natural", {}, "{family: ferplus, vote_rule: argmax-first, label_draw: natural}"),
        ("ferplus-natural", {}, "{family: ferplus, label_draw: natural}"),
        ("ferplus-natural", {"family": "ferplus"}, "{family: ferplus, label_draw: natural}"),
        ("faces-0.6", {}, "{family: faces, ambiguity: 0.6}"),
        ("faces-1-natural", {"family": "faces", "label_draw": "natural"}, "{family: faces, ambiguity: 1, label_draw"),
        ("mine-natural", {"family": "folder"}, "{family: folder, label_draw: natural}"),
    ],
)
def test_a_name_of_before_is_refused_with_its_new_spelling(name, given, spelled):
    with pytest.raises(UserError) as refused:
        refuse_old_name(name, given, ROWS)
    line = str(refused.value)
    assert line.startswith(f"dataset {name!r}: names no longer contain options; write {name}: {spelled}")
    if not given:
        with pytest.raises(UserError, match="names no longer contain options"):
            get(name)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("faces", {}),
        ("faces-0.6", {"family": "faces", "ambiguity": 0.3}),
        ("faces-0.6", {"family": "folder"}),
        ("mine-natural", {"family": "folder", "label_draw": "balanced"}),
        ("ferplus-natural", {"family": "ferplus", "label_draw": "natural"}),
        ("naturally-mine", {"family": "folder"}),
    ],
)
def test_a_name_with_its_options_said_is_free(name, given):
    refuse_old_name(name, given, ROWS)
    assert get(name, **given).name == name


def test_options_as_words_of_a_command_line():
    options = {"family": "faces", "ambiguity": 0.6, "label_draw": "natural", "flip": False, "validation": 50}
    words = option_words(options)
    assert words[:4] == ["--family", "faces", "--option", "ambiguity=0.6"]
    assert dict(option_of(word) for word in words[3::2]) | {"family": "faces"} == options
    with pytest.raises(UserError, match="--option: expected KEY=VALUE such as label_draw=natural, found 'natural'"):
        option_of("natural")


def test_the_schema_knows_every_option_and_its_readme_too():
    workflow = Path(__file__).parents[2] / "workflow"
    schema = yaml.safe_load((workflow / "schemas" / "config.schema.yaml").read_text())
    assert OPTIONS.keys() <= schema["properties"]["datasets"]["additionalProperties"]["properties"].keys()
    readme = (workflow / "config" / "README.md").read_text()
    assert [name for name in OPTIONS if f"| `{name}` |" not in readme] == []
    assert all(set(row.options) <= OPTIONS.keys() for row in ROWS.values())
