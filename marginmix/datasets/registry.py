"""The registry: each dataset is one row with its name, classes, image counts and loader, and where to get it."""

import re
from dataclasses import replace
from typing import Any

from marginmix.datasets.names import (
    CIFAR10_CLASSES,
    CIFAR100_CLASSES,
    DIGITS,
    FERPLUS_CLASSES,
    RAFDB_CLASSES,
    STL10_CLASSES,
)
from marginmix.datasets.options import COMMON, OPTIONS, checked_options, refuse_old_name
from marginmix.datasets.row import EMBEDDED, Dataset, Layout
from marginmix.errors import UserError, suggest

_FREE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


_CIFAR_COUNTS = {"train": 50_000, "test": 10_000}

_CIFAR10 = Dataset(
    name="cifar10",
    family="cifar10",
    title="CIFAR-10",
    classes=CIFAR10_CLASSES,
    shape=(32, 32, 3),
    loader="marginmix.datasets.cifar:load_cifar10",
    layouts={
        "batches": Layout("cifar-10-batches-py", ("cifar-10-batches-py",)),
        "images": Layout("train/airplane", ("train", "test")),
    },
    counts={"batches": _CIFAR_COUNTS, "images": _CIFAR_COUNTS},
    validation=5_000,
    get="downloaded when absent; or put cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html there",
    licence="no licence stated; cite Krizhevsky 2009",
    downloadable=True,
)

_CIFAR100 = replace(
    _CIFAR10,
    name="cifar100",
    family="cifar100",
    title="CIFAR-100",
    classes=CIFAR100_CLASSES,
    loader="marginmix.datasets.cifar:load_cifar100",
    layouts={"batches": Layout("cifar-100-python", ("cifar-100-python",))},
    counts={"batches": _CIFAR_COUNTS},
    get="downloaded when absent; or put cifar-100-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html there",
)

_SVHN = Dataset(
    name="svhn",
    family="svhn",
    title="SVHN",
    classes=DIGITS,
    shape=(32, 32, 3),
    flip=False,  # a mirrored digit is no longer that digit
    loader="marginmix.datasets.svhn:load",
    layouts={"mat": Layout("train_32x32.mat", ("train_32x32.mat", "test_32x32.mat"))},
    counts={"mat": {"train": 73_257, "test": 26_032}},
    validation=5_000,
    get="downloaded when absent; or put train_32x32.mat and test_32x32.mat from "
    "http://ufldl.stanford.edu/housenumbers there",
    licence="non-commercial use only; cite Netzer et al. 2011",
    downloadable=True,
)

_STL10 = Dataset(
    name="stl10",
    family="stl10",
    title="STL-10",
    classes=STL10_CLASSES,
    shape=(96, 96, 3),
    loader="marginmix.datasets.stl10:load",
    layouts={"binary": Layout("stl10_binary", ("stl10_binary",))},
    counts={"binary": {"train": 5_000, "unlabelled": 100_000, "test": 8_000}},
    get="downloaded when absent; or put stl10_binary.tar.gz from https://cs.stanford.edu/~acoates/stl10 there",
    licence="images from ImageNet, research use; cite Coates et al. 2011",
    downloadable=True,
    options=("flip",),  # its official folds fix the labelled images and the validation images
)


_PARTS = ("train", "valid", "test")
# FER+ has two official sources. Their counts differ a little.
_FERPLUS_COUNTS = {
    rule: {"csv": dict(zip(_PARTS, csv, strict=True)), "folders": dict(zip(_PARTS, folders, strict=True))}
    for rule, csv, folders in (
        ("majority", (25_060, 3_199, 3_153), (25_045, 3_191, 3_137)),
        ("argmax-unique", (26_940, 3_396, 3_376), (26_940, 3_396, 3_371)),
        ("argmax-first", (28_389, 3_553, 3_546), (28_385, 3_555, 3_545)),
    )
}

_FERPLUS = Dataset(
    name="ferplus",
    family="ferplus",
    title="FER+",
    classes=FERPLUS_CLASSES,
    shape=(48, 48, 1),
    loader="marginmix.datasets.ferplus:load",
    layouts={
        "folders": Layout("FER2013Train", ("FER2013Train", "FER2013Valid", "FER2013Test")),
        "csv": Layout("fer2013new.csv", ("fer2013.csv", "fer2013new.csv")),
    },
    counts=_FERPLUS_COUNTS["majority"],
    counts_by_rule=_FERPLUS_COUNTS,
    get="put fer2013.csv (Kaggle: challenges-in-representation-learning-facial-expression-recognition-challenge) "
    "and fer2013new.csv (https://github.com/microsoft/FERPlus) there, or the folders FER2013Train, FER2013Valid "
    "and FER2013Test that the FERPlus script makes of them, each with its label.csv",
    licence="images: FER2013's Kaggle challenge, research use; votes: Microsoft, MIT",
    options=("vote_rule", "label_draw", "duplicates", "flip"),  # it has its own validation part
    vote_rule="majority",
)


_RAFDB = Dataset(
    name="rafdb",
    family="rafdb",
    title="RAF-DB",
    classes=RAFDB_CLASSES,
    shape=(100, 100, 3),
    loader="marginmix.datasets.rafdb:load",
    layouts={"official": Layout("EmoLabel/list_patition_label.txt", ("EmoLabel", "Image/aligned"))},
    counts={"official": {"train": 12_271, "test": 3_068}},
    get="ask its authors at http://www.whdeld.cn/model1/RAF/ (RAF-DB, basic emotions), then put EmoLabel/ and "
    "Image/aligned/ there",
    licence="non-commercial research only, on request; cite Li, Deng and Du 2017",
)

_FOLDER = Dataset(
    name="folder",
    family="folder",
    title="image folder",
    loader="marginmix.datasets.folder:load",
    layouts={"images": Layout("train", ("train", "unlabelled", "valid", "test"))},
    get="put your images there as train/<class>/* and test/<class>/*, optionally unlabelled/* and valid/<class>/*",
    licence="your own",
)

_DIGITS = Dataset(
    name="digits",
    family="digits",
    title="digits",
    classes=DIGITS,
    shape=(8, 8, 1),
    flip=False,
    loader="marginmix.datasets.digits:load",
    counts={EMBEDDED: {"train": 1_297, "test": 500}},
    get="comes with scikit-learn",
    licence="UCI optical recognition of handwritten digits, CC BY 4.0",
    embedded=True,
)

_FACES = Dataset(
    name="faces",
    family="faces",
    title="drawn faces",
    classes=RAFDB_CLASSES,
    shape=(24, 24, 1),
    loader="marginmix.datasets.faces:load",
    counts={EMBEDDED: {"train": 4_000, "test": 1_000}},
    get="drawn by this package",
    licence="that of this package",
    embedded=True,
    options=("ambiguity", *COMMON),
    ambiguity=0.3,
)

ROWS: dict[str, Dataset] = {
    row.name: row
    for row in (
        _CIFAR10,
        _CIFAR100,
        _SVHN,
        _STL10,
        _FERPLUS,
        _RAFDB,
        _FOLDER,
        _DIGITS,
        _FACES,
    )
}


def get(name: str, /, family: str | None = None, **options: Any) -> Dataset:
    """The row of a dataset, with its options applied. With `family`, the name of a row, the dataset may have any name.

    Raises `UserError` on an unknown name, which suggests the nearest known one, and on an unknown option or a value
    that is not allowed.
    """
    if not _FREE_NAME.fullmatch(name):
        raise UserError(
            f"dataset name {name!r}: expected letters, digits, '.', '_' and '-', the first a letter or digit; rename it"
        )
    row = _row(name if family is None else str(family))
    if name in ROWS and row.name != name:
        raise UserError(f"dataset {name!r}: this name belongs to {ROWS[name].title}, not to {row.title}; rename it")
    given = checked_options(name, options, row.options)
    differing = {key: given[key] for key in OPTIONS if key in given and given[key] != getattr(row, key)}
    return replace(
        row,
        name=name,
        title=", ".join([row.title, *(OPTIONS[key].told(value) for key, value in differing.items())]),
        counts=row.counts_by_rule.get(given.get("vote_rule", row.vote_rule), row.counts),
        changed={**({} if name in ROWS else {"family": row.name}), **differing},
        **differing,
    )


def _row(name: str) -> Dataset:
    if name not in ROWS:
        refuse_old_name(name, {}, ROWS)
        own = "(for your own images set 'family: folder'; for another name of a known dataset set 'family')"
        raise UserError(f"unknown dataset {name!r}; {suggest(name, ROWS)} {own}")
    return ROWS[name]
