"""A folder of prepared images that is made once, by one process, and whole or not at all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from layerscope.data.prepared import Prepared, open_prepared
from layerscope.progress import Progress, silent
from layerscope.source import DataError, locked, unwritable


def make_once(
    into: Path,
    made: dict[str, Any],
    usable: Callable[[Prepared], bool],
    fill: Callable[[Path], None],
    progress: Progress = silent,
) -> Prepared:
    """Open the folder `into` if it was made from `made` and is usable; else have `fill` write a new one in its place.

    Raises:
        DataError: if `into` is there and is not ours, or cannot be written. Then nothing is left behind.
    """
    if found := _usable(into, made, usable):
        return found
    with locked(into, progress):
        if found := _usable(into, made, usable):  # another process has made it meanwhile
            return found
        if into.exists() and not (into / "format.json").is_file():
            raise DataError(f"{into} is not a folder of prepared images; it is not overwritten. Give another.")
        part, old = into.with_name(into.name + ".part"), into.with_name(into.name + ".old")
        try:
            _clear(into, part, old)  # left by a process that was killed
            part.mkdir()
            fill(part)
            if into.exists():
                into.rename(old)
            part.rename(into)
        except OSError as error:
            written = sum(file.stat().st_size for file in part.glob("*"))
            shutil.rmtree(part, ignore_errors=True)
            raise unwritable(into, error, f"more than {written:,}") from error
        finally:
            _clear(into, part, old)
        return open_prepared(into, made)


def stamp(archive: Path) -> list[int]:
    """Number of files, bytes, newest modification: another, if the archive is another."""
    files = [archive] if archive.is_file() else [Path(at, name) for at, _, names in os.walk(archive) for name in names]
    stats = [file.lstat() for file in files]
    return [len(stats), sum(one.st_size for one in stats), max((one.st_mtime_ns for one in stats), default=0)]


def _usable(into: Path, made: dict[str, Any], usable: Callable[[Prepared], bool]) -> Prepared | None:
    try:
        found = open_prepared(into, made)
    except DataError:
        return None
    return found if usable(found) else None


def _clear(into: Path, part: Path, old: Path) -> None:
    """Leave neither `part` nor `old`; what was moved to `old` comes back if nothing took its place."""
    if old.exists() and not into.exists():
        old.rename(into)
    for folder in (part, old):
        shutil.rmtree(folder, ignore_errors=True)
