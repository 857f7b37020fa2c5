"""The files in an archive, one after another, never written to disk: safe with an archive from anywhere."""

import bz2
import gzip
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from layerscope.progress import Progress, silent
from layerscope.source import DataError
from layerscope.tar import BLOCK, MAGIC, read_tar

STEP = 512  # members between two calls of `progress`
PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
ZIPPED = (b"PK\x03\x04", b"PK\x05\x06")

UNSAFE = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|[\\\x00-\x1f\x7f\ud800-\udfff]")
JUNK = re.compile(r"(^|/)(__MACOSX/|\._|\.DS_Store$|Thumbs\.db$)")
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError)
DAMAGE += (
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
)  # all seen from Python's readers on damaged bytes


@dataclass(frozen=True)
class Limits:
    """More than this is refused while it is read, whatever the headers promise."""

    members: int = 200_000
    member_bytes: int = 64 << 20
    total_bytes: int = 8 << 30
    name_length: int = 1_000


class Member(NamedTuple):
    name: str  # "/" between folders
    data: bytes


def members(path: Path, *, limits: Limits = Limits(), progress: Progress = silent) -> Iterator[Member]:
    """The files of a .tar (plain, .gz, .bz2 or .xz), a .zip or a folder; an archive's in the order it has them.

    What macOS and Windows add by themselves (`__MACOSX/`, `._x`, `.DS_Store`, `Thumbs.db`) is left out.

    Raises:
        DataError: if the archive is damaged, cut, empty or too large, or has a member that is not a plain file or not
            plainly inside it, or one twice. The error names the member.
    """
    return (member for member in entries(path, limits=limits, progress=progress) if not member.name.endswith("/"))


def entries(path: Path, *, limits: Limits = Limits(), progress: Progress = silent) -> Generator[Member, None, None]:
    """As `members`, and the folders that the archive lists as well: their names end in "/"."""
    seen: set[str] = set()
    count = total = files = 0
    last = "its start"
    try:
        with closing(_reader(path)(path, limits, progress)) as found:
            for name, data in found:
                plain = _plain(name, limits)
                last = repr(plain)
                count, total = count + 1, total + len(data)
                if count > limits.members:
                    raise DataError(f"more than {limits.members:,} members")
                if len(data) > limits.member_bytes:
                    raise DataError(f"{last} has more than {limits.member_bytes:,} bytes")
                if total > limits.total_bytes:
                    raise DataError(f"more than {limits.total_bytes:,} bytes, reached at {last}")
                if plain in seen and not plain.endswith("/"):
                    raise DataError(f"{last} is in it twice")
                seen.add(plain)
                if not JUNK.search(plain):
                    files += not plain.endswith("/")
                    yield Member(plain, data)
        if not files:
            raise DataError("there is no file in it")
    except DataError as error:
        raise DataError(f"{path}: {error}.") from error
    except DAMAGE as error:
        cause = str(error) or type(error).__name__
        raise DataError(f"{path} cannot be read, it may be damaged or cut: {cause} (after {last}).") from error


def _reader(path: Path) -> Callable[[Path, Limits, Progress], Generator[tuple[str, bytes], None, None]]:
    if path.is_dir():
        return _folder
    if not path.is_file():
        raise DataError("not a file" if path.exists() else "no such file or folder")
    with path.open("rb") as file:
        start = file.read(BLOCK)
    if not start:
        raise DataError("the file is empty (0 bytes)")
    if start.startswith(ZIPPED):
        return _zip
    if start.startswith((*PACKED,)) or start[257:262] == MAGIC or start == bytes(BLOCK):
        return _tar
    raise DataError("not an archive (.tar, .tar.gz, .tar.bz2, .tar.xz or .zip)")


def _plain(name: str, limits: Limits) -> str:
    """The name without "./" and doubled "/"; refused if it could mean a place outside the archive."""
    if len(name) > limits.name_length:
        raise DataError(f"a name of {len(name):,} characters, more than {limits.name_length:,}: {name[:60]!r}...")
    if UNSAFE.search(name):
        raise DataError(
            f"{name!r} is not a safe name (absolute, with '..', a drive, a backslash or a control character)"
        )
    plain = "/".join(part for part in name.split("/") if part not in ("", "."))
    if name.endswith("/"):
        return plain + "/"
    if not plain:
        raise DataError(f"a file with the name {name!r}")
    return plain


def _tar(path: Path, limits: Limits, progress: Progress) -> Generator[tuple[str, bytes], None, None]:
    size = path.stat().st_size
    with path.open("rb") as raw:
        start = raw.peek(8)
        unpack = next((unpack for magic, unpack in PACKED.items() if start.startswith(magic)), None)
        with BufferedReader(unpack(raw), 1 << 18) if unpack else raw as stream:  # pyright: ignore[reportArgumentType]
            for count, member in enumerate(read_tar(stream, limits.member_bytes)):
                if count % STEP == 0:
                    progress(f"reading {path.name}", raw.tell(), size, "bytes")
                yield member
    progress(f"reading {path.name}", size, size, "bytes")


def _zip(path: Path, limits: Limits, progress: Progress) -> Generator[tuple[str, bytes], None, None]:
    with zipfile.ZipFile(path) as archive:
        listed = archive.infolist()
        for count, info in enumerate(listed):
            name = info.orig_filename
            if count % STEP == 0:
                progress(f"reading {path.name}", count, len(listed), "files")
            if info.flag_bits & 1:
                raise DataError(f"{name!r} is encrypted; unpack it with its password and give the folder")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DataError(f"{name!r} is a link or a device; only plain files are read")
            if name.endswith("/"):
                if info.file_size:
                    raise DataError(f"{name!r} is a file with the name of a folder")
                yield name, b""
            else:
                with archive.open(info) as file:
                    yield name, file.read(limits.member_bytes + 1)
        progress(f"reading {path.name}", len(listed), len(listed), "files")


def _folder(path: Path, limits: Limits, progress: Progress) -> Generator[tuple[str, bytes], None, None]:
    for count, (name, entry) in enumerate(_walk(path, "")):
        if count % STEP == 0:
            progress(f"reading {path.name}", count, None, "files")
        if name.endswith("/"):
            yield name, b""
        else:
            with Path(entry).open("rb") as file:
                yield name, file.read(limits.member_bytes + 1)


def _walk(folder: Path | os.DirEntry, inside: str) -> Generator[tuple[str, os.DirEntry], None, None]:
    with os.scandir(folder) as listed:
        here = sorted(listed, key=lambda entry: entry.name)
    for entry in here:
        name = inside + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield name + "/", entry
            yield from _walk(entry, name + "/")
        elif entry.is_file(follow_symlinks=False):
            yield name, entry
        else:
            raise DataError(f"{name!r} is a link or a device; only plain files are read")
