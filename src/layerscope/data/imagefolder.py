"""An archive with one folder of images per class, to one memory-mapped array: in one pass, on all cores."""

import hashlib
import math
import re
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from layerscope.archive import Member, entries
from layerscope.data.decode import BadImage, decode
from layerscope.data.once import make_once, stamp
from layerscope.data.prepared import HEADER, Prepared, Skipped, Table, save_table, sort_pixels
from layerscope.data.threads import in_batches
from layerscope.progress import Progress, silent
from layerscope.source import DataError

IMAGE_NAME = re.compile(r"\.(jpe?g|png|bmp|gif|tiff?|webp|p[bgp]m)$", re.IGNORECASE)


class _Rows(NamedTuple):
    """What has been read, in the order of the archive."""

    names: list[str]
    digests: list[bytes]
    bad: list[Skipped]
    folders: list[str]


def prepare(
    archive: Path,
    into: Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int = 1,
    classes: tuple[str, ...] | None = None,
    skip_bad: bool = False,
    progress: Progress = silent,
) -> Prepared:
    """Read `<class>/<file>` or `<top>/<class>/<file>` into the folder `into`; made once, then only opened.

    It is made again when the archive (bytes, time of modification) or the arguments have changed. Files beside the
    class folders are ignored unless they are images. Which images can be used: see `decode`.

    Args:
        size: height and width that every image must have; None: those of the first in the archive.
        channels: 1 for grey, 3 for colour.
        classes: the names that must be there, no more and no fewer; None: any.
        skip_bad: go on without files that cannot be used, and list them in `Prepared.skipped`.

    Raises:
        DataError: if a file cannot be used (unless `skip_bad`), a class has no image, classes are missing or
            unexpected, the archive cannot be read, or `into` cannot be written. Then nothing is left behind.
    """
    made = {"archive": stamp(archive), "size": list(size) if size else None, "channels": channels}

    def usable(found: Prepared) -> bool:
        return (skip_bad or not found.skipped) and (classes is None or set(classes) == set(found.classes))

    def fill(folder: Path) -> None:
        rows, shape = _read(archive, folder / "pixels.npy", size, channels, progress)
        order, table = _arrange(archive, rows, classes, skip_bad)
        sort_pixels(folder / "pixels.npy", shape, order)
        save_table(folder, table, made)

    return make_once(into, made, usable, fill, progress)


def _read(
    archive: Path, to: Path, size: tuple[int, int] | None, channels: int, progress: Progress
) -> tuple[_Rows, tuple[int, ...]]:
    """Write all images that can be used to `to` after HEADER bytes, in the order of the archive."""
    rows, shape = _Rows([], [], [], []), (channels, 0, 0)
    with to.open("wb") as file, closing(_decoded(archive, size, channels, progress)) as batches:
        file.write(bytes(HEADER))
        for pixels, batch in batches:
            file.write(pixels.data)
            for column, more in zip(rows, batch, strict=True):
                column += more
            if len(pixels):
                shape = pixels.shape[1:]
    return rows, shape


def _decoded(
    archive: Path, size: tuple[int, int] | None, channels: int, progress: Progress
) -> Generator[tuple[UInt8[np.ndarray, "s c h w"], _Rows], None, None]:
    return in_batches(
        _sized(archive, size, channels, progress),
        lambda item: len(item[0].data) + channels * math.prod(item[1]) if item[1] else math.inf,
        lambda batch: _decode([member for member, _ in batch], batch[0][1], channels),
    )


def _sized(
    archive: Path, size: tuple[int, int] | None, channels: int, progress: Progress
) -> Generator[tuple[Member, tuple[int, int] | None], None, None]:
    """Each file, and the size that it must have: that of the first image, None before there is one."""
    with closing(entries(archive, progress=progress)) as found:
        for member in found:
            size = size or _size(member, channels)
            yield member, size


def _size(member: Member, channels: int) -> tuple[int, int] | None:
    try:
        _, height, width = decode(member.data, channels).shape
    except BadImage:
        return None
    return height, width


def _decode(
    batch: list[Member], size: tuple[int, int] | None, channels: int
) -> tuple[UInt8[np.ndarray, "s c h w"], _Rows]:
    pixels, rows = np.empty((len(batch), channels, *(size or (0, 0))), np.uint8), _Rows([], [], [], [])
    for name, data in batch:
        if name.endswith("/"):
            rows.folders.append(name)
            continue
        try:
            pixels[len(rows.names)] = decode(data, channels, size)
        except BadImage as error:
            rows.bad.append(Skipped(name, str(error)))
            continue
        rows.names.append(name)
        rows.digests.append(hashlib.sha256(data).digest())
    return pixels[: len(rows.names)], rows


def _arrange(archive: Path, rows: _Rows, classes: tuple[str, ...] | None, skip_bad: bool) -> tuple[list[int], Table]:
    """Which row of the archive comes where, and the table of the rows then."""
    deep = [name for name in rows.names + [name for name, _ in rows.bad] if "/" in name]
    top = int(len({name.split("/")[0] for name in deep}) == 1 and any(name.count("/") > 1 for name in deep))
    placed, bad = [], [row for row in rows.bad if row.name.count("/") > top or IMAGE_NAME.search(row.name)]
    for index, name in enumerate(rows.names):
        folders = name.split("/")[top:]
        if len(folders) == 2:
            placed.append((*folders, index))
        else:
            bad.append(Skipped(name, "not in the folder of a class: <class>/<file> or <top>/<class>/<file> is needed"))
    if bad and not skip_bad:
        raise DataError(_complaint(archive, bad, len(rows.names) + len(rows.bad)))
    placed.sort()
    found = sorted({label for label, _, _ in placed})
    named = {name.split("/")[top] for name in rows.folders + [name for name, _ in bad] if name.count("/") == top + 1}
    if empty := sorted((named | set(classes or ())) - set(found)):
        raise DataError(f"{archive}: no image for {_listed(empty)}; found {_listed(found)}.")
    if not placed:
        raise DataError(f"{archive}: no image in it. <class>/<file> or <top>/<class>/<file> is needed.")
    if classes is not None and (more := sorted(set(found) - set(classes))):
        raise DataError(f"{archive}: unexpected class {_listed(more)}; {_listed(sorted(classes))} are needed.")
    order = [index for _, _, index in placed]
    table = Table(
        targets=np.searchsorted(found, [label for label, _, _ in placed]),
        names=np.array([f"{label}/{file}" for label, file, _ in placed]),
        digests=np.frombuffer(b"".join(rows.digests[index] for index in order), np.uint8).reshape(-1, 32),
        classes=tuple(found),
        skipped=tuple(sorted(bad)),
        unlisted=0,
    )
    return order, table


def _complaint(archive: Path, bad: list[Skipped], total: int) -> str:
    first = "".join(f"\n  {name}: {cause}" for name, cause in sorted(bad)[:10])
    more = f"\n  and {len(bad) - 10:,} more" if len(bad) > 10 else ""
    return f"{archive}: {len(bad):,} of {total:,} files cannot be used.{first}{more}\nGo on without them: --skip-bad."


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
