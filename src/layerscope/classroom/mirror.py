"""One folder with the data of a class, so that its laptops need no internet: LAYERSCOPE_MIRROR=that folder.

Every file is checked before and while it is copied, and is put in its place whole. A set that may not be handed on is
left out, and it is said why.
"""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from layerscope.checkpoint import write_text
from layerscope.data import DATASETS
from layerscope.data.files import packaged, ways
from layerscope.fetch import Found, fetch, here
from layerscope.models.weights import WEIGHTS
from layerscope.progress import Progress, silent
from layerscope.source import FULL, DataError, Source, digest_of, locked

BLOCK = 1 << 20
DRAWN = "drawn on every machine: nothing to mirror"


README = """\
# Data for Layerscope

Made by `layerscope data mirror`. To use this folder, set LAYERSCOPE_MIRROR to its path on each machine: then what lies
here is not downloaded. `layerscope doctor` shows whether it is found. Layerscope knows the digest of every file and
checks it before use; `sha256sum --check SHA256SUMS` does so too.

The files are as they were found. Whoever hands them on keeps to their licences, and names who made them:

| name | what | licence | made by, to be cited |
|---|---|---|---|"""


class Mirrored(NamedTuple):
    """What became of one data set, or of the weights of one network."""

    name: str
    title: str
    license: str
    files: tuple[str, ...]  # below the mirror: mednist/MedNIST.tar.gz
    size: int  # bytes
    how: str  # "copied from cache", "downloaded", "was there", or why it is not there
    failed: bool = False  # it was meant to be there, and is not


def mirror(into: Path, names: Sequence[str], progress: Progress = silent) -> list[Mirrored]:
    """Put data sets and weights of these names into a folder, in the layout that LAYERSCOPE_MIRROR reads.

    One that fails does not stop the others. What is there and whole is not fetched again, so a mirror that was stopped
    goes on; of two processes that fill one folder, the second waits.

    Raises:
        ValueError: if there is neither a data set nor a network of a name.
        DataError: if the folder cannot be written.
    """
    if unknown := [name for name in names if name not in DATASETS and name not in WEIGHTS]:
        raise ValueError(f"nothing is called {unknown[0]!r}. There are: {', '.join(sorted({*DATASETS, *WEIGHTS}))}.")
    _make(into)
    with locked(into / ".mirror", progress, f"the mirror {into}"):
        made = [_mirror_one(name, into, progress) for name in dict.fromkeys(names)]
        write_text(into / "SHA256SUMS", _sums(into, progress))
        write_text(into / "README.md", _readme(into, made))
    return made


def left_out(made: Sequence[Mirrored], asked: Sequence[str] = ()) -> list[Mirrored]:
    """What should be there and is not: what failed, and what was asked for by name and may not be handed on."""
    return [one for one in made if one.failed or (one.name in asked and not one.files and one.how != DRAWN)]


def _mirror_one(name: str, into: Path, progress: Progress) -> Mirrored:
    card = _card(name)
    if card.why_not:
        return Mirrored(name, card.title, card.license, (), 0, card.why_not)
    try:
        places = _places(name, into, progress)
        how = {_put(source, place, into, progress) for source, place in places}
    except DataError as error:
        return Mirrored(name, card.title, card.license, (), 0, str(error), failed=True)
    files = [into / source.name / source.file for source, _ in places]
    size = sum(file.stat().st_size for file in files)
    shown = tuple(file.relative_to(into).as_posix() for file in files)
    return Mirrored(name, card.title, card.license, shown, size, ", ".join(sorted(how)))


class _Card(NamedTuple):
    title: str
    license: str
    citation: str
    why_not: str  # it is not mirrored; "" where it is


def _card(name: str) -> _Card:
    if name in WEIGHTS:
        source = WEIGHTS[name].files[0]
        return _Card(WEIGHTS[name].title, source.license, source.citation, "")
    module = DATASETS[name]
    if module.FROM == "drawn":
        why_not = DRAWN
    else:
        why_not = getattr(module, "NOT_HANDED_ON", "" if hasattr(module, "SOURCE") else module.HOW)
    return _Card(module.CARD.title, module.CARD.license, module.CARD.citation, why_not)


def _ways(name: str) -> list[tuple[Source, ...]]:
    return [WEIGHTS[name].files] if name in WEIGHTS else ways(DATASETS[name])


def _places(name: str, into: Path, progress: Progress) -> list[tuple[Source, Found]]:
    """The files, in the new mirror already, or wherever `fetch` finds them."""
    for sources in _ways(name):
        there = [(source, found) for source in sources if (found := _whole(source, into, progress))]
        if len(there) == len(sources):
            return there
    if name in WEIGHTS:
        return WEIGHTS[name].fetched(progress)
    module = DATASETS[name]
    for sources in _ways(name):
        if found := here([sources], progress, packaged=packaged(module)):
            return list(zip(sources, found, strict=True))
    if module.FROM == "own copy":
        raise DataError(module.HOW)
    return [(source, fetch(source, None, progress, packaged=packaged(module))) for source in _ways(name)[-1]]


def _whole(source: Source, into: Path, progress: Progress) -> Found | None:
    """The file in the new mirror, if it is there and is what its card says."""
    file = into / source.name / source.file
    if not file.is_file():
        return None
    try:
        return Found(file, digest_of(file, source, progress), "the new mirror")
    except DataError:
        return None


def _put(source: Source, found: Found, into: Path, progress: Progress) -> str:
    """Copy a file to its place, through a part of its own name; says what was done."""
    kept = into / source.name / source.file
    if kept == found.path:
        return "was there"
    if found.digest is None:
        raise DataError(
            f"{found.path} is an unpacked folder, which no digest proves: it is not copied. Put {source.file} "
            "there, or unset LAYERSCOPE_MIRROR, so that the file is downloaded."
        )
    part = kept.with_name(f".{kept.name}.part")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        _copy(found.path, part, progress)
        digest_of(part, source, progress)
        part.replace(kept)
    except OSError as error:
        raise _unwritable(kept, error, found.path.stat().st_size) from error
    finally:
        part.unlink(missing_ok=True)
    return "downloaded" if found.where == "download" else f"copied from {found.where}"


def _copy(file: Path, to: Path, progress: Progress) -> None:
    done, size = 0, file.stat().st_size
    with file.open("rb") as old, to.open("wb") as new:
        while block := old.read(BLOCK):
            new.write(block)
            done += len(block)
            progress(f"copying {file.name}", done, size, "bytes")


def _make(into: Path) -> None:
    try:
        into.mkdir(parents=True, exist_ok=True)
        (into / ".writable").touch()
        (into / ".writable").unlink()
    except OSError as error:
        raise _unwritable(into, error, 0) from error


def _unwritable(path: Path, error: OSError, needed: int) -> DataError:
    folder = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    if error.errno in FULL:
        free = shutil.disk_usage(folder).free
        return DataError(f"no room for {path.name}: {needed:,} bytes are needed in {folder}, {free:,} are free.")
    return DataError(f"{path} cannot be written: {error.strerror or error}. Give a folder that can.")


def _files(into: Path) -> Iterable[Path]:
    return sorted(file for file in into.glob("*/*") if file.is_file() and not file.name.startswith("."))


def _sums(into: Path, progress: Progress) -> str:
    """As `sha256sum --check` reads it."""
    lines = []
    for done, file in enumerate(files := [*_files(into)], start=1):
        with file.open("rb") as opened:
            lines.append(f"{hashlib.file_digest(opened, 'sha256').hexdigest()}  {file.relative_to(into).as_posix()}\n")
        progress("adding up SHA256SUMS", done, len(files), "files")
    return "".join(lines)


def _readme(into: Path, made: Sequence[Mirrored]) -> str:
    """What lies here, under which licence; also what an earlier call has put here."""
    rows = [
        f"| {name} | {card.title} | {card.license} | {card.citation} |"
        for name in sorted({*DATASETS, *WEIGHTS})
        if not (card := _card(name)).why_not and _is_there(name, into)
    ]
    left = [f"- {one.name} ({one.title}): {one.how}" for one in made if not one.files]
    return "\n".join([README, *rows, *(["", "Not here:", "", *left] if left else []), ""])


def _is_there(name: str, into: Path) -> bool:
    return any(all((into / source.name / source.file).is_file() for source in way) for way in _ways(name))
