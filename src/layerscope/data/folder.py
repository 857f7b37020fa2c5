"""Your own images: a folder CLASS/IMAGE or CLASS/PATIENT/IMAGE."""

import hashlib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int, Shaped, UInt8

from layerscope.archive import Member, entries
from layerscope.card import Card
from layerscope.data.decode import BadImage, decode
from layerscope.data.imagefolder import IMAGE_NAME
from layerscope.data.loaded import Loaded
from layerscope.data.square import squared
from layerscope.data.threads import in_batches
from layerscope.dataset import Dataset
from layerscope.inputs import Images
from layerscope.progress import Progress, silent
from layerscope.source import DataError

NEEDED = "CLASS/IMAGE or CLASS/PATIENT/IMAGE is needed, the same in all classes"
PATIENT = "patient (the folders within the classes)"
UNKNOWN = "unknown: each image counts as its own group, so images of one patient may be split apart"
SHOWN = 10  # bad files named in an error


class _Read(NamedTuple):
    name: str
    digest: bytes
    pixels: UInt8[np.ndarray, "c n n"] | str  # or why there are none


def load(
    path: Path, size: int = 128, channels: int | None = None, skip_bad: bool = False, progress: Progress = silent
) -> Loaded:
    """Every image on a square of `size` pixels a side: padded with black, never squeezed; kept in memory.

    The group of an image is its patient, who may stand in several classes. Without folders of patients each image is
    its own group, and the card says that this is not known. Files that are not named as images are left out.

    Args:
        channels: 1 grey, 3 colour; None: grey if all images are.

    Raises:
        DataError: if there is no folder of a class, only one class, a class with fewer than 2 groups, a mixture of both
            layouts, or an image that cannot be read (unless `skip_bad`).
    """
    if not path.is_dir():
        raise DataError(f"{path} is not a folder of images: {NEEDED}.")
    read, others = _read(path, size, channels or 3, progress)
    bad = [(row.name, row.pixels) for row in read if isinstance(row.pixels, str)]
    if bad and not skip_bad:
        raise DataError(_complaint(path, bad, len(read)))
    rows = [row for row in read if not isinstance(row.pixels, str)]
    name = path.resolve().name
    places = _places(path, [row.name for row in rows])
    known = len(places[0]) == 3
    labels = np.array([place[0] for place in places])
    groups = np.unique([place[1] if known else "/".join(place) for place in places], return_inverse=True)[1]
    classes, targets = _classes(path, labels, groups, "patient" if known else "image")
    pixels = np.stack([np.asarray(row.pixels) for row in rows])
    if channels is None and (pixels == pixels[:, :1]).all():
        pixels = np.ascontiguousarray(pixels[:, :1])
    ids = np.array([row.name for row in rows])
    card = Card(name, name, "unknown: your own images", "your own images", PATIENT if known else UNKNOWN)
    dataset = Dataset(name, Images(torch.from_numpy(pixels)), torch.from_numpy(targets), groups, ids, classes, card)
    of = f" of {groups.max() + 1:,} patients" if known else ""
    origin = f"{name} ({len(rows):,} images{of}, laid on {size} × {size} pixels)"
    if others:
        origin += f"; {others:,} file(s) not named as images were left out"
    identity = hashlib.sha256("\n".join([str(size), *ids]).encode() + b"".join(row.digest for row in rows)).hexdigest()
    return Loaded(dataset, origin, identity, None, tuple((name, str(cause)) for name, cause in bad))


def _read(path: Path, size: int, channels: int, progress: Progress) -> tuple[list[_Read], int]:
    """All images by name, and how many other files there are."""
    others = 0

    def images() -> Generator[Member, None, None]:
        nonlocal others
        with closing(entries(path)) as found:
            for member in found:
                if IMAGE_NAME.search(member.name):
                    yield member
                else:
                    others += not member.name.endswith("/")

    read: list[_Read] = []
    work = in_batches(
        images(), lambda m: len(m.data) + channels * size**2, lambda batch: [_squared(m, size, channels) for m in batch]
    )
    with closing(work):
        for batch in work:
            read += batch
            progress("reading images", len(read), None, "images")
    if not read:
        raise DataError(f"{path}: no image in it ({others:,} other files). {NEEDED}.")
    return sorted(read, key=lambda row: row.name), others


def _squared(member: Member, size: int, channels: int) -> _Read:
    digest = hashlib.sha256(member.data).digest()
    try:
        image = decode(member.data, channels)
    except BadImage as error:
        return _Read(member.name, digest, str(error))
    return _Read(member.name, digest, np.stack([squared(channel, size) for channel in image]))


def _complaint(path: Path, bad: list, total: int) -> str:
    first = "".join(f"\n  {name}: {cause}" for name, cause in bad[:SHOWN])
    more = f"\n  and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
    return (
        f"{path}: {len(bad):,} of {total:,} images cannot be used.{first}{more}\n"
        "Repair them, or move them out of the folder."
    )


def _places(path: Path, names: list[str]) -> list[list[str]]:
    """Class, patient where there are patients, and file of each image."""
    places = [name.split("/") for name in names]
    depths = {len(place): name for place, name in zip(places, names, strict=True)}
    if 1 in depths:
        raise DataError(f"{path}: {depths[1]} lies in no folder of a class. {NEEDED}.")
    if wrong := [name for depth, name in depths.items() if depth > 3]:
        raise DataError(f"{path}: {wrong[0]} lies too deep. {NEEDED}.")
    if len(depths) > 1:
        raise DataError(f"{path}: both layouts, {depths[2]} and {depths[3]}. {NEEDED}.")
    return places


def _classes(
    path: Path, labels: Shaped[np.ndarray, " s"], groups: Int[np.ndarray, " s"], unit: str
) -> tuple[tuple[str, ...], Int[np.ndarray, " s"]]:
    names, targets = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise DataError(f"{path}: images of two or more classes are needed, only {str(names[0])!r} is there. {NEEDED}.")
    for k, name in enumerate(names):
        if (count := len(np.unique(groups[targets == k]))) < 2:
            raise DataError(f"{path}: {str(name)!r} has {count} {unit}; 2 are needed, to learn from and to be asked.")
    return tuple(str(name) for name in names), targets
