"""Find the file of a data set: given, package, cache, mirror, download. Nothing is used before its digest was seen."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from layerscope.download import GaveUp, download
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source, cache_dir, digest_of, locked, mirror_dir, unwritable

PACKAGE = "an installed package"
_used: dict[str, int] = {}


def used() -> dict[str, int]:
    """Bytes of every file that this process took: what a machine that has none of them would download."""
    return dict(_used)


def record_use(name: str, size: int) -> None:
    """Count a file that was had in another way, such as the weights of a network."""
    _used[name] = size


class Found(NamedTuple):
    path: Path
    digest: Digest | None  # None: a folder, or not verified
    where: str  # "given", PACKAGE, "cache", "mirror" or "download"


def fetch(
    source: Source,
    path: Path | None = None,
    progress: Progress = silent,
    verify: bool = True,
    packaged: Path | None = None,
) -> Found:
    """The file of a data set, or a folder that holds it unpacked.

    A given `path` is the only place looked at. Otherwise: an installed package, the cache, the mirror (read in place),
    then each address. What has no accepted digest is passed over: another release of a package has another file.
    `verify=False` takes a file on this machine unread, where its digest has just been checked; a download is always
    checked.

    Args:
        packaged: the file in an installed package, or the folder that it is in; None where there is no such package.

    Raises:
        DataError: if no place has an accepted file. It names every place with its cause, and what to do.
    """
    if path is not None:
        return _look("given", path, source, progress, verify)
    kept = cache_dir() / source.name / source.file
    looked: list[str] = []
    if found := _local(source, looked, progress, verify, packaged):
        return found
    if mirror_dir() is None:
        looked.append("mirror: LAYERSCOPE_MIRROR is not set.")
    with locked(kept, progress):
        if kept.exists():  # damaged, or finished by another process while this one waited
            try:
                return _look("cache", kept, source, progress, verify=True)
            except DataError:
                _remove(kept)
        for url in source.urls:
            try:
                digest = download(url, source, kept, progress)
                record_use(source.name, kept.stat().st_size)
                return Found(kept, digest, "download")
            except GaveUp as error:
                looked.append(f"{url}: {error}.")
    raise DataError(missing(source, looked))


def fetch_all(packed: Source, pieces: dict[str, Source], path: Path | None, progress: Progress = silent) -> list[Found]:
    """One archive, where it is on this machine; else each of the files that it was packed from.

    Raises:
        DataError: if neither can be had.
    """
    if path is not None:
        return [_look("given", path, packed, progress, verify=True)]
    return here([[packed]], progress) or [fetch(piece, None, progress) for piece in pieces.values()]


def here(
    ways: Sequence[Sequence[Source]], progress: Progress = silent, verify: bool = True, packaged: Path | None = None
) -> list[Found]:
    """What would be taken without a network: the files of the first way of which all are on this machine, else none.

    Args:
        ways: of some data sets there are two: one archive, or each of the files that it was packed from.
    """
    for sources in ways:
        found = [_local(source, [], progress, verify, packaged) for source in sources]
        if found and all(found):
            return [one for one in found if one]
    return []


def missing(source: Source, looked: list[str]) -> str:
    """The error text when a data set can be had nowhere: every place looked at, and what to do."""
    return "\n  ".join(
        [
            f"{source.title} cannot be had. Looked at:",
            *(f"- {place}" for place in looked),
            "What to do: give the file or its unpacked folder with --data PATH;",
            f"or set LAYERSCOPE_MIRROR to a folder that holds {source.name}/{source.file};",
            f"or download {source.urls[0]} by hand to {cache_dir() / source.name / source.file}.",
            f"Accepted: {source.accepted()}.",
        ]
    )


def _local(source: Source, looked: list[str], progress: Progress, verify: bool, packaged: Path | None) -> Found | None:
    """The file in a package, the cache or the mirror; why not is added to `looked`."""
    places = [("cache", cache_dir() / source.name / source.file), *(("mirror", place) for place in _mirrored(source))]
    if packaged:
        places.insert(0, (PACKAGE, packaged / source.file if packaged.is_dir() else packaged))
    for where, place in places:
        try:
            return _look(where, place, source, progress, verify)
        except DataError as error:
            looked.append(f"{where}: {error}")
    return None


def _mirrored(source: Source) -> list[Path]:
    """The file in the mirror, and the same unpacked."""
    mirror = mirror_dir()
    names = {source.file: None, re.sub(r"(\.tar)?\.\w+$", "", source.file): None}
    return [mirror / source.name / name for name in names] if mirror else []


def _look(where: str, path: Path, source: Source, progress: Progress, verify: bool) -> Found:
    if path.is_dir() and where != "cache":
        return Found(path, None, where)
    if not path.is_file():
        raise DataError(f"{path} {'is not a file' if path.exists() else 'does not exist'}.")
    digest = digest_of(path, source, progress) if verify else None
    record_use(source.name, path.stat().st_size)
    return Found(path, digest, where)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise unwritable(path, error) from error
