"""Arrays that take long to make: made once, kept in the cache under a digest of all that they are made from."""

import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from layerscope.progress import Progress, silent
from layerscope.source import cache_dir, locked, unwritable

Arrays = dict[str, np.ndarray]
FEW = 1_000  # molecules that are not worth a file


def digest_of_texts(*parts: str | Sequence[str]) -> str:
    """One digest of texts and lists of texts; another, if any of them is another or moves from one list to the next."""
    return sha256(repr([part if isinstance(part, str) else list(part) for part in parts]).encode()).hexdigest()


def kept(folder: str, name: str, digest: str, make: Callable[[], Arrays], progress: Progress = silent) -> Arrays:
    """What `make` gives, from the cache if it was made before. A file that cannot be read is made again.

    Raises:
        DataError: if the cache cannot be written.
    """
    path = cache_dir() / folder / f"{name}-{digest[:24]}.npz"
    with locked(path, progress):
        if found := _read(path):
            return found
        made = make()
        part = path.with_name(path.stem + ".part.npz")
        try:
            np.savez(part, **made)  # pyright: ignore[reportArgumentType]
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise unwritable(path, error) from error
    return made


def kept_texts(
    folder: str, name: str, digest: str, make: Callable[[], list[str]], progress: Progress = silent
) -> list[str]:
    """The same for texts of one line each. An array of texts would pad all of them to the longest."""

    def packed() -> Arrays:
        return {"lines": np.frombuffer("".join(f"{text}\n" for text in make()).encode(), np.uint8)}

    return kept(folder, name, digest, packed, progress)["lines"].tobytes().decode().split("\n")[:-1]


def _read(path: Path) -> Arrays | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
