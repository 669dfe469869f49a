"""Every dataset is one row: what it is, what it must hold, who loads it, where to get it."""

import re
from dataclasses import replace

from marginmix.datasets.names import (
    CIFAR10_CLASSES,
    CIFAR100_CLASSES,
    DIGITS,
    FERPLUS_CLASSES,
    RAFDB_CLASSES,
    STL10_CLASSES,
)
from marginmix.datasets.row import EMBEDDED, NATURAL, Dataset, Layout
from marginmix.errors import UserError, suggest

DEFAULT_AMBIGUITY = 0.3

_FACE_NAME = re.compile(r"faces-(\d+(?:\.\d+)?)")
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
    flip=False,  # a mirrored digit is another sign
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
)


def _ferplus(rule: str, csv: tuple[int, int, int], folders: tuple[int, int, int]) -> Dataset:
    parts = ("train", "valid", "test")
    return Dataset(
        name="ferplus" if rule == "majority" else f"ferplus-{rule}",
        family="ferplus",
        variant=rule,
        title="FER+" if rule == "majority" else f"FER+ ({rule} votes)",
        classes=FERPLUS_CLASSES,
        shape=(48, 48, 1),
        loader="marginmix.datasets.ferplus:load",
        layouts={
            "folders": Layout("FER2013Train", ("FER2013Train", "FER2013Valid", "FER2013Test")),
            "csv": Layout("fer2013new.csv", ("fer2013.csv", "fer2013new.csv")),
        },
        counts={
            "csv": dict(zip(parts, csv, strict=True)),
            "folders": dict(zip(parts, folders, strict=True)),
        },
        get="put fer2013.csv (Kaggle: challenges-in-representation-learning-facial-expression-recognition-challenge) "
        "and fer2013new.csv (https://github.com/microsoft/FERPlus) there, or the folders FER2013Train, FER2013Valid "
        "and FER2013Test that the FERPlus script makes of them, each with its label.csv",
        licence="images: FER2013's Kaggle challenge, research use; votes: Microsoft, MIT",
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
    variant=DEFAULT_AMBIGUITY,
    title="drawn faces",
    classes=RAFDB_CLASSES,
    shape=(24, 24, 1),
    loader="marginmix.datasets.faces:load",
    counts={EMBEDDED: {"train": 4_000, "test": 1_000}},
    get="drawn by this package",
    licence="this package's",
    embedded=True,
)

# The counts are those of the two official sources, which differ a little.
ROWS: dict[str, Dataset] = {
    row.name: row
    for row in (
        _CIFAR10,
        _CIFAR100,
        _SVHN,
        _STL10,
        _ferplus("majority", (25_060, 3_199, 3_153), (25_045, 3_191, 3_137)),
        _ferplus("argmax-unique", (26_940, 3_396, 3_376), (26_940, 3_396, 3_371)),
        _ferplus("argmax-first", (28_389, 3_553, 3_546), (28_385, 3_555, 3_545)),
        _RAFDB,
        _FOLDER,
        _DIGITS,
        _FACES,
    )
}


def get(name: str, family: str | None = None) -> Dataset:
    """The row of a dataset; with `family` (a row's name, such as "folder") the name is the user's own choice.

    "faces-0.5" is `faces` at ambiguity 0.5; a name that ends in "-natural" has labels as its classes are. Raises
    `UserError` on an unknown name, with the nearest known one.
    """
    stem = name.removesuffix(NATURAL)
    if family is not None:
        if not _FREE_NAME.fullmatch(name):
            raise UserError(f"dataset name {name!r}: expected letters, digits, '.', '_' and '-' only; rename it")
        row = get(family)
        if stem in ROWS and ROWS[stem].family != row.family:
            raise UserError(f"dataset name {name!r} is that of {ROWS[stem].title}, not of {row.title}; rename it")
    else:
        row = ROWS[stem] if stem in ROWS else _faces(stem, name)
    if stem == name:
        return replace(row, name=name)
    if row.family == "stl10":
        raise UserError(f"dataset {name!r}: the labels of {row.title} are its official folds, not drawn; say {stem!r}")
    return replace(row, name=name, title=f"{row.title}, natural label draws", label_draw="natural")


def _faces(stem: str, name: str) -> Dataset:
    """Drawn faces at the ambiguity that the stem of the name says."""
    face = _FACE_NAME.fullmatch(stem)
    if not face:
        raise UserError(f"unknown dataset {name!r}; {suggest(name, ROWS)} (your own images: set 'family: folder')")
    ambiguity = float(face[1])
    if ambiguity > 1:
        raise UserError(f"dataset {name!r}: the ambiguity of faces must lie in 0 to 1, found {face[1]}")
    return replace(_FACES, name=name, variant=ambiguity, title=f"drawn faces, ambiguity {ambiguity:g}")
