"""The X-ray phantoms as a data set: written once in MURA's layout, and read as MURA is."""

import csv
from dataclasses import replace
from pathlib import Path

from layerscope.card import Card
from layerscope.data import mura
from layerscope.data.anatomy.radiograph import Lesion
from layerscope.data.loaded import Loaded
from layerscope.data.mura_lists import read_lists
from layerscope.data.square import squared_box
from layerscope.data.xray_phantoms import FOLDER, LICENSE, PATIENTS, TITLE, draw, write
from layerscope.progress import Progress, silent
from layerscope.source import DataError, cache_dir, locked, unwritable

CARD = Card(
    "xrays",
    TITLE,
    LICENSE,
    "drawn by layerscope.data.xray_phantoms in the layout of MURA v1.1; not medical data",
    "patient (known, since they were drawn)",
)
CLASSES = mura.CLASSES
SPLIT = "published"
FROM = "drawn"
KIND = "images"
VERSION = 4  # of the drawing: another number, other images, another folder in the cache


def load(
    path: Path | None = None, skip_bad: bool = False, progress: Progress = silent, size: int = mura.SIZE
) -> Loaded:
    """The same images on every machine, drawn at the first call.

    Raises:
        DataError: if a path is given, because phantoms are drawn and not read.
    """
    if path is not None:
        raise DataError(f"X-ray phantoms are drawn, not read from a file. Leave out --data (got {path}).")
    loaded = mura.read(_written(progress), _folder(), CARD, skip_bad, progress, size)
    return replace(
        loaded,
        origin=f"drawn by layerscope with seed 0, {loaded.origin}",
        # not the digests of the files, which another zlib packs differently
        identity=f"xrays {PATIENTS} patients seed 0 version {VERSION} size {size}",
    )


def truth(progress: Progress = silent, size: int = mura.SIZE) -> dict[str, Lesion]:
    """What is wrong on which image, by its id, and where in the pixels of the image as loaded at that size.

    An image of an abnormal study on which nothing shows is not in it.
    """
    return lesions(_written(progress), size)


def lesions(path: Path, size: int) -> dict[str, Lesion]:
    """The same of any folder or archive of X-ray phantoms, from its `truth.csv`."""
    found = {}
    for row in csv.DictReader(read_lists(path, ("truth.csv",)).texts["truth.csv"].splitlines()):
        x0, y0, x1, y1, width, height = (int(row[key]) for key in ("x0", "y0", "x1", "y1", "width", "height"))
        box = squared_box((x0, y0, x1, y1), height, width, size)
        found[row["path"].removeprefix(f"{FOLDER}/")] = Lesion(row["kind"], box)
    return found


def _folder() -> Path:
    return cache_dir() / CARD.name / f"{PATIENTS}-seed-0-version-{VERSION}"


def _written(progress: Progress) -> Path:
    path = _folder() / "MURA-phantoms.zip"
    with locked(path, progress):
        if not path.exists():
            drawn = draw(PATIENTS, 0, progress)
            try:
                write(drawn, path, progress)
            except OSError as error:
                raise unwritable(path, error) from error
    return path
