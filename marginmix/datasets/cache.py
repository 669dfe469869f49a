"""Datasets are decoded once into plain arrays, then read back memory-mapped and verified each time."""

import importlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np

from marginmix.datasets.copies import bits, find_copies, perceptual_hashes
from marginmix.datasets.decode import Raw
from marginmix.datasets.locate import download_place, fingerprint, how_to_get, layout_at, locate
from marginmix.datasets.registry import get
from marginmix.datasets.row import EMBEDDED, PARTS, Dataset
from marginmix.errors import UserError
from marginmix.files import hash_of, reserve, writing

# Raise this when a loader returns other arrays for the same files, or when the format of the cache changes.
LOADER_VERSION = 3


@dataclass(frozen=True)
class Prepared:
    """A dataset at its native resolution, with its parts one after the other in the order of `PARTS`.

    - images: uint8 [N, H, W, C]; targets: int64 [N], -1 where unknown.
    - hashes: uint64 [N], equal for equal images.
    - perceptual: uint64 [N], close for images that look alike; None if the images are too small for it.
    - copies: uint8 [N], the other parts in which an image has copies, see `copied`.
    - parts: {part: (start, stop)}; folds: official folds as index arrays, or None.
    - mean, sd: per channel of the train part, in [0, 1].
    - data_hash: covers pixels, labels, parts and classes, but not where the files lie.
    - row: the registry row with the options applied.
    """

    row: Dataset
    layout: str
    source: str
    classes: tuple[str, ...]
    images: np.ndarray
    targets: np.ndarray
    hashes: np.ndarray
    perceptual: np.ndarray | None
    copies: np.ndarray
    parts: Mapping[str, tuple[int, int]]
    folds: list[np.ndarray] | None
    data_hash: str
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    root: Path | None

    @property
    def name(self) -> str:
        return self.row.name

    def indices(self, part: str) -> np.ndarray:
        """Indices of a part, int64; empty if the dataset lacks it."""
        return np.arange(*self.parts.get(part, (0, 0)), dtype=np.int64)

    def copied(self, part: str, among: Sequence[str], near: bool = True) -> np.ndarray:
        """Which images of `part` have an exact copy (with `near`, also a near copy) in any of the other parts `among`.
        bool [n]."""
        return (self.copies[slice(*self.parts.get(part, (0, 0)))] & bits(among, near)) != 0


def prepare(
    name: str,
    root: Path | str | None,
    data_root: Path | str,
    cache: Path | str,
    verify_counts: bool = True,
    **options: Any,
) -> Prepared:
    """The dataset `name`, read from the cache, else decoded, and first downloaded if it is absent and may be
    downloaded. `options` are those of `get`, with `family`.

    Raises `UserError` if it is absent or damaged, or if (with `verify_counts`) its counts differ from the registry's.
    """
    row = get(name, **options)
    place, layout = (None, EMBEDDED) if row.embedded else _find(row, root, data_root)
    key = fingerprint(row, place, layout, LOADER_VERSION)
    folder = Path(cache) / "datasets" / f"{row.name}-{key}"
    if not folder.exists():
        module, function = row.loader.split(":")
        raw = getattr(importlib.import_module(module), function)(place, row, layout)
        size = sum(images.nbytes + 25 * len(images) for images, _ in raw.parts.values())
        with writing(folder, size) as beside:
            _store(raw, beside)
    prepared = _read(folder, row, layout, place)
    if verify_counts:
        _verify(row, prepared)
    return prepared


def _find(row: Dataset, root: Path | str | None, data_root: Path | str) -> tuple[Path, str]:
    place = locate(row, root, data_root)
    if place is None and row.downloadable:
        from marginmix.datasets.download import download

        place = download_place(row, root, data_root)
        download(row, place)
    if place is None:
        raise UserError(how_to_get(row, root, data_root))
    return place, layout_at(row, place)


def new_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A .npy file of uint8 to fill in. Reserves its space on the disk; raises `OSError` if there is too little."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    reserve(path)
    return array


def _store(raw: Raw, beside: Path) -> None:
    present = [part for part in PARTS if part in raw.parts]
    sizes = [len(raw.parts[part][1]) for part in present]
    stops = np.cumsum(sizes).tolist()
    parts = {part: (stop - size, stop) for part, size, stop in zip(present, sizes, stops, strict=True)}
    images = new_array(beside / "images.npy", (stops[-1], *raw.parts["train"][0].shape[1:]))
    for part, (start, stop) in parts.items():
        images[start:stop] = raw.parts[part][0]
    images.flush()
    targets = np.concatenate([raw.parts[part][1] for part in present]).astype(np.int64)
    hashes, data_hash = _hashes(images, targets, parts, raw.classes)
    perceptual = perceptual_hashes(images)
    derived = {"copies": find_copies(hashes, perceptual, parts)}
    derived |= {} if perceptual is None else {"perceptual": perceptual}
    for name, array in {"targets": targets, "hashes": hashes, **derived}.items():
        buffer = io.BytesIO()  # np.save to a file hides why it failed
        np.save(buffer, array, allow_pickle=False)
        (beside / f"{name}.npy").write_bytes(buffer.getvalue())
    mean, sd = _mean_and_sd(images[slice(*parts["train"])])
    folds = None if raw.folds is None else [fold.tolist() for fold in raw.folds]
    meta = {"source": raw.source, "classes": raw.classes, "parts": parts, "data_hash": data_hash}
    meta |= {"mean": mean, "sd": sd, "folds": folds}
    meta["derived"] = {name: _digest(array) for name, array in derived.items()}
    (beside / "meta.json").write_text(json.dumps(meta | {"digest": hash_of(meta)}, indent=1, sort_keys=True) + "\n")


def _hashes(images: np.ndarray, targets: np.ndarray, parts: Mapping, classes: tuple[str, ...]):
    pixels = np.asarray(images)  # slicing rows from a memory map is slow
    digests = [blake2b(image.tobytes(), digest_size=16).digest() for image in pixels]
    overall = sha256(repr((images.shape, list(parts.items()), list(classes))).encode())
    overall.update(b"".join(digests))
    overall.update(targets.astype("<i8").tobytes())
    hashes = np.frombuffer(b"".join(digest[:8] for digest in digests), "<u8").astype(np.uint64)
    return hashes, overall.hexdigest()[:16]


def _digest(array: np.ndarray) -> str:
    return blake2b(f"{array.dtype.str} {array.shape} ".encode() + array.tobytes(), digest_size=16).hexdigest()


def _mean_and_sd(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel, in [0, 1]. Counts of the 256 values make them exact, and need no float
    copy of the images."""
    values = np.arange(256) / 255
    mean, sd = [], []
    for channel in range(images.shape[3]):
        share = np.bincount(images[..., channel].ravel(), minlength=256) / images[..., channel].size
        mean.append(float(share @ values))
        sd.append(float(np.sqrt(share @ (values - mean[-1]) ** 2)))
    return mean, sd


def _read(folder: Path, row: Dataset, layout: str, place: Path | None) -> Prepared:
    try:
        meta = json.loads((folder / "meta.json").read_text())
        expected, found = meta.pop("digest", None), hash_of(meta)
        if found != expected:
            raise ValueError(f"meta.json: expected content with digest {expected}, found {found}")
        images, targets, hashes = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("images", "targets", "hashes")
        )
        derived = {name: _checked(folder / f"{name}.npy", digest) for name, digest in meta["derived"].items()}
        folds = meta["folds"]
        prepared = Prepared(
            row=row,
            layout=layout,
            source=meta["source"],
            classes=tuple(meta["classes"]),
            images=images,
            targets=np.array(targets),
            hashes=np.array(hashes),
            perceptual=derived.get("perceptual"),
            copies=derived["copies"],
            parts={part: tuple(meta["parts"][part]) for part in PARTS if part in meta["parts"]},
            folds=None if folds is None else [np.array(fold, np.int64) for fold in folds],
            data_hash=meta["data_hash"],
            mean=tuple(meta["mean"]),
            sd=tuple(meta["sd"]),
            root=place,
        )
        _check_arrays(prepared)
    except Exception as error:  # readers of damaged files raise all kinds
        raise UserError(f"the cache {folder} is damaged ({error}); delete it and run again") from error
    return prepared


def _checked(path: Path, expected: str) -> np.ndarray:
    """An array derived from the images. Its digest is checked, since computing it again would take seconds."""
    array = np.load(path, allow_pickle=False)
    if (found := _digest(array)) != expected:
        raise ValueError(f"{path.name}: expected content with digest {expected}, found {found}")
    return array


def _check_arrays(prepared: Prepared) -> None:
    """Raises `ValueError` if an array has changed since it was stored: no run may train on a damaged cache."""
    for name, dtype in {"images": np.uint8, "targets": np.int64, "hashes": np.uint64}.items():
        if (found := getattr(prepared, name).dtype) != dtype:
            raise ValueError(f"{name}.npy: expected {np.dtype(dtype)}, found {found}")
    hashes, data_hash = _hashes(prepared.images, prepared.targets, prepared.parts, prepared.classes)
    same_hashes = np.array_equal(hashes, prepared.hashes)
    if data_hash != prepared.data_hash:
        name = "targets.npy" if same_hashes else "images.npy"
        raise ValueError(f"{name}: expected data with hash {prepared.data_hash}, found {data_hash}")
    if not same_hashes:
        raise ValueError("hashes.npy: expected the hashes of images.npy, found different ones")


def _verify(row: Dataset, prepared: Prepared) -> None:
    expected = row.counts.get(prepared.layout)
    found = {part: stop - start for part, (start, stop) in prepared.parts.items()}
    if expected is not None and found != dict(expected):
        raise UserError(
            f"{row.name} at {prepared.root}: expected {_spell(expected)} images, found {_spell(found)}; complete the "
            "dataset, or set 'verify_counts: false' to train on a subset"
        )


def _spell(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{part} {count:,}" for part, count in counts.items())
