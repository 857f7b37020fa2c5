"""The card of a data set, and proof that a file is what its card says."""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from layerscope.progress import Progress, silent

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, none left to this user, file too large
HEX_DIGITS = {"git blob": 40, "md5": 32, "sha256": 64}


class DataError(ValueError):
    """The data is not there, or is not what its card says."""


@dataclass(frozen=True)
class Digest:
    """One accepted file: its digest, and in words whose file that is ("MONAI's release 0.8.1").

    md5 is what some publishers give. It finds damage, not forgery. "git blob" is the name that Git gives to a file's
    contents (SHA-1 of its size and bytes): what a commit that is known by its hash vouches for.
    """

    algorithm: str
    hex: str
    of: str

    def __post_init__(self) -> None:
        if self.algorithm not in HEX_DIGITS:
            raise DataError(f"a digest is one of {sorted(HEX_DIGITS)}. Got {self.algorithm!r}.")
        if not re.fullmatch(f"[0-9a-f]{{{HEX_DIGITS[self.algorithm]}}}", self.hex):
            needed = HEX_DIGITS[self.algorithm]
            raise DataError(f"{self.algorithm} has {needed} lower-case hex digits. Got {self.hex!r} ({len(self.hex)}).")
        if not self.of.strip():
            raise DataError(f"{self.algorithm} {self.hex}: say whose file this is (`of`). Got {self.of!r}.")

    def __str__(self) -> str:
        return f"{self.algorithm} {self.hex} ({self.of})"


@dataclass(frozen=True)
class Source:
    """The card of a data set. A field that is unknown says so in words; none is left empty.

    Example:
        >>> digest = Digest("md5", "0bc7306e7427e00ad1c5526a6677552d", "the first release")
        >>> address = "https://example.org/toy.zip"
        >>> Source("toy", "A toy", "toy.zip", (address,), (digest,), 5, "CC0", "none", "patient").accepted()
        'md5 0bc7306e7427e00ad1c5526a6677552d (the first release)'
    """

    name: str  # also the name of its folder in the cache and in a mirror
    title: str
    file: str
    urls: tuple[str, ...]  # tried in order
    digests: tuple[Digest, ...]  # any one of them is accepted
    size: int  # bytes of the largest accepted file: no download reads more
    license: str
    citation: str
    group: str  # what one group is: "patient", "scaffold", or "unknown: why it matters"

    def __post_init__(self) -> None:
        texts = {field: value.strip() if isinstance(value, str) else value for field, value in vars(self).items()}
        if empty := [field for field, value in texts.items() if not value]:
            raise DataError(f"the card of {self.name!r} must fill every field. Empty: {', '.join(empty)}.")
        for field in ("name", "file"):
            if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", texts[field]):
                raise DataError(f"{field} must be a plain file name without folders. Got {texts[field]!r}.")
        if self.size < 0:
            raise DataError(f"{self.name}: size is a number of bytes above 0. Got {self.size}.")
        if wrong := [url for url in self.urls if not url.startswith(("https://", "http://"))]:
            raise DataError(f"{self.name}: an address starts with https:// or http://. Got {wrong[0]!r}.")

    def accepted(self) -> str:
        """Every accepted digest with whose file it is, for error texts."""
        return " or ".join(map(str, self.digests))


def cache_dir() -> Path:
    """Where downloads and prepared arrays are kept: LAYERSCOPE_CACHE, else ~/.cache/layerscope. Nothing is created."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "layerscope"
    return Path(os.environ.get("LAYERSCOPE_CACHE") or usual)


def mirror_dir() -> Path | None:
    """A folder `<mirror>/<name>/<file>` to read from instead of downloading: LAYERSCOPE_MIRROR, else none."""
    mirror = os.environ.get("LAYERSCOPE_MIRROR")
    return Path(mirror) if mirror else None


def unwritable(path: Path, error: OSError, needed: str = "more") -> DataError:
    """The error for a file that cannot be written, with the way out. `needed`: how many bytes, in words."""
    folder = next(folder for folder in path.parents if folder.exists())
    if error.errno in FULL:
        return DataError(
            f"no room for {path.name}: {needed} bytes are needed in {folder}, {shutil.disk_usage(folder).free:,} are "
            "free. Free some, or set LAYERSCOPE_CACHE to a folder on another disk."
        )
    return DataError(f"{path} cannot be written: {error.strerror or error}. Set LAYERSCOPE_CACHE to a folder that can.")


@contextmanager
def locked(path: Path, progress: Progress = silent, what: str = "") -> Iterator[None]:
    """Make `path` while no other process does: the second waits, and then finds it made. `what`: it in words."""
    lock = FileLock(f"{path}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress(f"waiting for another process that makes {what or path.name}", 0, None, "")
            lock.acquire()
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def digest_of(path: Path, source: Source, progress: Progress = silent) -> Digest:
    """The accepted digest that a file has. Every algorithm is computed in one read.

    Raises:
        DataError: if the file has none of them, or cannot be read.
    """
    try:
        size, done = path.stat().st_size, 0
        sums = {d.algorithm: _begun(d.algorithm, size) for d in source.digests}
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                for digest in sums.values():
                    digest.update(chunk)
                done += len(chunk)
                progress(f"checking {path.name}", done, size, "bytes")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    for digest in source.digests:
        if sums[digest.algorithm].hexdigest() == digest.hex:
            return digest
    got = ", ".join(f"{name} {found.hexdigest()}" for name, found in sums.items())
    raise DataError(f"{path} is not {source.title}: got {got} ({done:,} bytes), accepted is {source.accepted()}.")


def _begun(algorithm: str, size: int) -> "hashlib._Hash":
    """A digest that has read no byte yet. Git's begins with how many there will be."""
    if algorithm == "git blob":
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.new(algorithm, usedforsecurity=False)
