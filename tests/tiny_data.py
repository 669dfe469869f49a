"""Tiny datasets in the true formats of the real ones, made of noise. Each builder fills `root` and returns it."""

import csv
import struct
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from marginmix.datasets.names import CIFAR10_CLASSES, CIFAR100_CLASSES, STL10_CLASSES


def noise(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    """uint8 [count, *shape], no two images alike."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(classes: int, per_class: int) -> np.ndarray:
    """0, 1, …, classes - 1, over and over."""
    return np.arange(classes * per_class) % classes


def write_cifar10(root: Path, train_per_class: int = 10, test_per_class: int = 2) -> Path:
    """cifar-10-batches-py/ with five training batches."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for number, chunk in enumerate(np.array_split(labels(10, train_per_class), 5), 1):
        write_batch(folder / f"data_batch_{number}", {"labels": chunk}, seed=number)
    write_batch(folder / "test_batch", {"labels": labels(10, test_per_class)}, seed=6)
    return root


def write_cifar100(root: Path, train_per_class: int = 4, test_per_class: int = 1) -> Path:
    """cifar-100-python/ with fine and coarse labels."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    for seed, (part, count) in enumerate({"train": train_per_class, "test": test_per_class}.items()):
        fine = labels(len(CIFAR100_CLASSES), count)
        write_batch(folder / part, {"fine_labels": fine, "coarse_labels": fine // 5}, seed=seed)
    return root


def write_batch(path: Path, targets: dict[str, np.ndarray], seed: int) -> None:
    """A CIFAR batch as Python 2's cPickle wrote it: protocol 2, byte strings, numpy.core.multiarray."""
    pixels = noise(len(next(iter(targets.values()))), 3072, seed=seed)

    def text(value: str | bytes) -> bytes:
        value = value.encode() if isinstance(value, str) else value
        return b"T" + struct.pack("<i", len(value)) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def flag(value: bool) -> bytes:
        return b"\x88" if value else b"\x89"

    dtype = b"cnumpy\ndtype\n" + text("u1") + number(0) + number(1) + b"\x87R"
    dtype += b"(" + number(3) + text("|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + number(0) + b"\x85" + text("b") + b"\x87R"
    shape = number(pixels.shape[0]) + number(pixels.shape[1]) + b"\x86"
    array += b"(" + number(1) + shape + dtype + flag(False) + text(pixels.tobytes()) + b"tb"
    entries = text("batch_label") + text("a tiny batch") + text("data") + array
    for name, values in targets.items():
        entries += text(name) + b"](" + b"".join(number(int(value)) for value in values) + b"e"
    path.write_bytes(b"\x80\x02}(" + entries + b"u.")


def write_cifar10_images(root: Path, train_per_class: int = 2, test_per_class: int = 1, suffix: str = ".jpg") -> Path:
    """train/<class>/0000.jpg and test/<class>/0000.jpg."""
    return write_folder(root, CIFAR10_CLASSES, train_per_class, test_per_class, (32, 32, 3), suffix)


def write_svhn(root: Path, train_per_class: int = 10, test_per_class: int = 2) -> Path:
    """train_32x32.mat and test_32x32.mat; the digit 0 has the label 10."""
    root.mkdir(parents=True, exist_ok=True)
    for seed, (part, count) in enumerate({"train": train_per_class, "test": test_per_class}.items()):
        digits = labels(10, count)
        pixels = noise(len(digits), 32, 32, 3, seed=seed).transpose(1, 2, 3, 0)
        numbers = np.where(digits == 0, 10, digits).astype(np.uint8)[:, None]
        savemat(root / f"{part}_32x32.mat", {"X": pixels, "y": numbers}, do_compression=True)
    return root


def write_stl10(root: Path, train: int = 60, unlabelled: int = 20, test: int = 20, fold: int = 20) -> Path:
    """stl10_binary/: images [N, channel, column, row], labels 1..10, ten folds that leave ten images out."""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for seed, (name, count) in enumerate({"train": train, "unlabeled": unlabelled, "test": test}.items()):
        images = noise(count, 96, 96, 3, seed=seed)
        (folder / f"{name}_X.bin").write_bytes(images.transpose(0, 3, 2, 1).tobytes())
        if name != "unlabeled":
            (folder / f"{name}_y.bin").write_bytes((labels(10, count // 10) + 1).astype(np.uint8).tobytes())
    blocks = np.arange(train - 10).reshape(-1, 10)  # each holds every class once
    chosen = [np.roll(blocks, -number, axis=0)[: fold // 10].ravel() for number in range(10)]
    (folder / "fold_indices.txt").write_text("".join(" ".join(map(str, indices)) + " \n" for indices in chosen))
    (folder / "class_names.txt").write_text("\n".join(STL10_CLASSES) + "\n")
    return root


# Votes whose winner the three rules see differently: clear, single votes that only `majority` drops, a tie, unknown,
# not a face.
CLEAR, SINGLES, TIE, UNKNOWN, NOT_A_FACE = "clear", "singles", "tie", "unknown", "not a face"


def votes(kind: str, target: int) -> list[int]:
    """Ten votes, won by `target` if by any of the eight classes."""
    row, other = [0] * 10, (target + 1) % 8
    if kind == CLEAR:
        row[target], row[other] = 8, 2
    elif kind == SINGLES:  # 5 of 10 is no majority, 5 of 8 without the single votes is
        row[target], row[other], row[(target + 2) % 8], row[(target + 3) % 8] = 5, 3, 1, 1
    elif kind == TIE:
        row[target], row[other] = 5, 5
    else:
        row[8 if kind == UNKNOWN else 9], row[target] = 7, 3
    return row


FER_KINDS = (CLEAR, CLEAR, CLEAR, SINGLES, TIE, UNKNOWN, NOT_A_FACE)
FER_SIZES = {"train": 56, "valid": 56, "test": 56}


def write_ferplus_folders(root: Path) -> Path:
    """FER2013Train/ and so on, each with label.csv (no header) and 48x48 grey PNGs: each kind of votes, each class."""
    for seed, (part, name) in enumerate((("train", "Train"), ("valid", "Valid"), ("test", "Test"))):
        folder = root / f"FER2013{name}"
        folder.mkdir(parents=True)
        with (folder / "label.csv").open("w", newline="") as file:
            for index, image in enumerate(noise(FER_SIZES[part], 48, 48, seed=seed)):
                file_name = f"fer{seed}{index:06d}.png"
                Image.fromarray(image).save(folder / file_name)
                csv.writer(file).writerow([file_name, "(0, 0, 48, 48)", *votes(FER_KINDS[index // 8], index % 8)])
    return root


def write_ferplus_csv(root: Path) -> Path:
    """fer2013.csv and fer2013new.csv, row by row together, with the content of `write_ferplus_folders`; and in each
    part a row without an image name."""
    root.mkdir(parents=True, exist_ok=True)
    faces, table = [["emotion", "pixels", "Usage"]], [["Usage", "Image name", *map(str, range(10))]]
    usages = {"train": "Training", "valid": "PublicTest", "test": "PrivateTest"}
    for seed, (part, usage) in enumerate(usages.items()):
        for index, image in enumerate(noise(FER_SIZES[part], 48, 48, seed=seed)):
            faces.append(["0", " ".join(map(str, image.ravel())), usage])
            table.append([usage, f"fer{seed}{index:06d}.png", *map(str, votes(FER_KINDS[index // 8], index % 8))])
        faces.append(["0", " ".join(["0"] * 48 * 48), usage])
        table.append([usage, "", *map(str, votes(NOT_A_FACE, 0))])
    for name, rows in (("fer2013.csv", faces), ("fer2013new.csv", table)):
        with (root / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return root


def write_rafdb(root: Path, train_per_class: int = 10, test_per_class: int = 2) -> Path:
    """EmoLabel/list_patition_label.txt, labels 1..7, and 100x100 colour JPEGs in Image/aligned/."""
    (root / "EmoLabel").mkdir(parents=True)
    (root / "Image" / "aligned").mkdir(parents=True)
    lines = []
    for seed, (part, count) in enumerate({"train": train_per_class, "test": test_per_class}.items()):
        targets = labels(7, count)
        for index, image in enumerate(noise(len(targets), 100, 100, 3, seed=seed)):
            name = f"{part}_{index + 1:05d}"
            Image.fromarray(image).save(root / "Image" / "aligned" / f"{name}_aligned.jpg")
            lines.append(f"{name}.jpg {targets[index] + 1}\n")
    (root / "EmoLabel" / "list_patition_label.txt").write_text("".join(lines))
    return root


def write_folder(
    root: Path,
    classes: tuple[str, ...] = ("cat", "dog"),
    train_per_class: int = 20,
    test_per_class: int = 5,
    shape: tuple[int, ...] = (16, 16, 3),
    suffix: str = ".png",
    valid_per_class: int = 0,
    unlabelled: int = 0,
) -> Path:
    """train/<class>/*, test/<class>/* and, where asked for, valid/<class>/* and unlabelled/*."""
    counts = {"train": train_per_class, "test": test_per_class, "valid": valid_per_class}
    for seed, (part, count) in enumerate(counts.items()):
        for number, name in enumerate(classes if count else ()):
            write_images(root / part / name, noise(count, *shape, seed=1000 * seed + number), suffix)
    if unlabelled:
        write_images(root / "unlabelled", noise(unlabelled, *shape, seed=9999), suffix)
    return root


def write_images(folder: Path, images: np.ndarray, suffix: str = ".png") -> None:
    """folder/0000.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index:04d}{suffix}")
