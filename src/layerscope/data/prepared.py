"""Images ready for use: a folder with one array that is memory-mapped, and a table with one row per image.

`pixels.npy` and `table.npz` open with NumPy alone, `skipped.json` and `format.json` with anything.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Shaped, UInt8

from layerscope.source import DataError

FORMAT = 1
HEADER = 128  # bytes before the pixels in pixels.npy: known before the number of rows is


class Skipped(NamedTuple):
    """A file that could not be used."""

    name: str  # as in the archive
    cause: str


@dataclass(frozen=True)
class Table:
    """What is known of each image, in the order of torchvision's ImageFolder: by class, then by file name."""

    targets: Int[np.ndarray, " s"]
    names: Shaped[np.ndarray, " s"]  # "AbdomenCT/000000.jpeg": class and file
    digests: UInt8[np.ndarray, "s 32"]  # sha256 of each file: equal digests, equal files
    classes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    unlisted: int  # images that are there too, but in no list, where there are lists


@dataclass(frozen=True)
class Prepared(Table):
    pixels: UInt8[np.ndarray, "s c h w"]  # memory-mapped; what is written to it never reaches the file


def open_prepared(folder: Path, made: dict[str, Any] | None = None) -> Prepared:
    """Open what `prepare` has written: no pixel is read before it is used.

    Args:
        made: what it must have been made from; None: anything.

    Raises:
        DataError: if it is not there, not complete, of another version, or made from something else.
    """
    try:
        found = json.loads((folder / "format.json").read_text())
        if found["format"] != FORMAT:
            raise DataError(f"it has format {found['format']}, {FORMAT} is needed")
        if made is not None and found["made"] != made:
            raise DataError(f"it was made from {found['made']}, not from {made}")
        pixels = np.load(folder / "pixels.npy", mmap_mode="c")  # copy on write, which torch asks for
        with (folder / "table.npz").open("rb") as file, np.load(file) as table:
            targets, names, digests, classes = (table[key] for key in ("targets", "names", "digests", "classes"))
        skipped = tuple(Skipped(**row) for row in json.loads((folder / "skipped.json").read_text()))
        unlisted = int(found["unlisted"])
        if not len(pixels) == len(targets) == len(names) == len(digests):
            raise DataError(f"it has {len(pixels):,} images, but {len(targets):,} targets and {len(names):,} names")
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        cause = f"{folder} is not a complete prepared data set: {error or type(error).__name__}."
        raise DataError(f"{cause} Delete it, and it is made again.") from error
    return Prepared(targets, names, digests, tuple(classes.tolist()), skipped, unlisted, pixels)


def sort_pixels(path: Path, shape: tuple[int, ...], order: list[int]) -> None:
    """Make HEADER bytes and images of `shape` an .npy file, with the images in another order."""
    row = int(np.prod(shape))
    if order != list(range((path.stat().st_size - HEADER) // row)):
        copy, image = path.with_suffix(".sorted"), memoryview(bytearray(row))
        with path.open("rb", buffering=0) as old, copy.open("wb") as new:
            new.write(bytes(HEADER))
            for index in order:  # one by one: there may be more images than memory
                old.seek(HEADER + index * row)
                old.readinto(image)
                new.write(image)
        copy.replace(path)
    header = io.BytesIO()
    of = {"descr": "|u1", "fortran_order": False, "shape": (len(order), *shape)}
    np.lib.format.write_array_header_1_0(header, of)
    if len(header.getvalue()) != HEADER:
        raise DataError(f"NumPy writes a header of {len(header.getvalue())} bytes for {of}, {HEADER} are needed.")
    with path.open("r+b") as file:
        file.write(header.getvalue())


def save_table(folder: Path, table: Table, made: dict[str, Any]) -> None:
    """All but the pixels. A folder is ours if it has `format.json`."""
    np.savez(
        folder / "table.npz",
        targets=table.targets,
        names=table.names,
        digests=table.digests,
        classes=np.array(table.classes),
    )
    (folder / "skipped.json").write_text(json.dumps([row._asdict() for row in table.skipped], indent=1))
    record = {"format": FORMAT, "made": made, "unlisted": table.unlisted}
    (folder / "format.json").write_text(json.dumps(record))
