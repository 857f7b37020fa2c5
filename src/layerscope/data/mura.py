"""MURA v1.1: 40,005 films of the upper limb in 14,656 studies, each study called normal or abnormal by a radiologist.

It may not be redistributed: `load` reads the user's own copy. The unit that is judged is the study of one body part
(`cases`): the same study name, `study1_positive`, stands under several body parts of one patient.
"""

import hashlib
import json
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8

from layerscope.archive import Member, entries
from layerscope.card import Card
from layerscope.data.decode import BadImage, decode
from layerscope.data.loaded import Loaded
from layerscope.data.mura_lists import SHOWN, Listed, listed_images
from layerscope.data.once import make_once, stamp
from layerscope.data.prepared import HEADER, Prepared, Skipped, Table, save_table, sort_pixels
from layerscope.data.square import squared
from layerscope.data.threads import in_batches
from layerscope.dataset import Dataset
from layerscope.inputs import Images
from layerscope.progress import Progress, silent
from layerscope.source import DataError, cache_dir

CARD = Card(
    "mura",
    "MURA v1.1",
    "Stanford's research use agreement: no redistribution, no commercial use; every user registers",
    "Rajpurkar P. et al.: MURA: Large Dataset for Abnormality Detection in Musculoskeletal Radiographs. MIDL 2018, "
    "arXiv:1712.06957",
    "patient (published: the folder patientNNNNN, over all body parts)",
)
CLASSES = ("normal", "abnormal")
SPLIT = "published"
FROM = "own copy"
KIND = "images"
SIZE = 128
FILE = "MURA-v1.1.zip"
HOW = (
    "MURA may not be redistributed, so there is nothing to download from here. Register at "
    f"https://stanfordmlgroup.github.io/competitions/mura/, download {FILE}, and give it or its unpacked folder "
    "with --data. To try without: layerscope run xrays (X-ray phantoms in MURA's layout)."
)
NOT_HANDED_ON = (
    "Stanford's agreement forbids handing it on: every user registers at "
    "https://stanfordmlgroup.github.io/competitions/mura/ and keeps a copy of their own"
)
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as everywhere


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent, size: int = SIZE) -> Loaded:
    """The user's copy, prepared once in the cache and memory-mapped from then on.

    Args:
        path: MURA-v1.1.zip or its unpacked folder.
        skip_bad: go on without the images that are missing or cannot be read, and list them.
        size: pixels a side of the square on which every film is laid; padded with black, never squeezed.

    Raises:
        DataError: if no path is given, it is not MURA v1.1, its lists contradict each other (see `listed_images`), or a
            listed image is missing or cannot be read.
    """
    if path is None:
        raise DataError(HOW)
    return read(path, cache_dir() / CARD.name, CARD, skip_bad, progress, size)


def read(
    path: Path, cache: Path, card: Card, skip_bad: bool = False, progress: Progress = silent, size: int = SIZE
) -> Loaded:
    """Any folder or archive in MURA's layout, prepared below the folder `cache`: each source and size in its own."""
    if size < 8:
        raise DataError(f"films are laid on a square of 8 pixels a side or more. Got {size}.")
    listed = listed_images(path)
    made = {"archive": stamp(path), "listed": _sha256([listed.top, *listed.images]), "size": size}
    prepared = make_once(
        cache / f"prepared-{size}-{_sha256([json.dumps(made)])[:12]}",
        made,
        lambda found: skip_bad or not found.skipped,
        lambda folder: _fill(path, folder, made, listed, skip_bad, progress),
        progress,
    )
    return _loaded(path, prepared, card, size)


def _sha256(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _fill(path: Path, folder: Path, made: dict, listed: Listed, skip_bad: bool, progress: Progress) -> None:
    """Every listed image on its square; the rows in the order of the lists."""
    top, names = listed
    row_of = {name: row for row, name in enumerate(names)}
    size, unlisted = made["size"], 0

    def wanted() -> Generator[Member, None, None]:
        nonlocal unlisted
        with closing(entries(path)) as found:
            for whole, data in found:
                name = whole.removeprefix(top)
                if whole == top + name and name in row_of:
                    yield Member(name, data)
                else:
                    unlisted += whole.endswith(".png")

    rows, digests, bad, done = [], [], [], 0
    batches = in_batches(
        wanted(), lambda member: len(member.data) + size * size, lambda batch: [_film(member, size) for member in batch]
    )
    with (folder / "pixels.npy").open("wb") as file, closing(batches):
        file.write(bytes(HEADER))
        for batch in batches:
            for name, digest, film in batch:
                done += 1
                progress("preparing films", done, len(names), "images")
                if isinstance(film, str):
                    bad.append(Skipped(name, film))
                    continue
                file.write(film.data)
                rows.append(row_of[name])
                digests.append(digest)
    missing = set(names) - {names[row] for row in rows} - {name for name, _ in bad}
    bad = sorted(bad + [Skipped(name, "missing: listed, but not there") for name in missing])
    if bad and not skip_bad:
        raise DataError(_complaint(path, bad, len(names)))
    if not rows:
        raise DataError(
            f"{path}: none of {len(names):,} listed images can be used. First: {bad[0].name}: {bad[0].cause}."
        )
    order = np.argsort(rows).tolist()
    sort_pixels(folder / "pixels.npy", (1, size, size), order)
    kept = np.array([names[rows[i]] for i in order])
    targets = np.array([int("_positive/" in name) for name in kept])
    table = np.frombuffer(b"".join(digests[i] for i in order), np.uint8).reshape(-1, 32)
    save_table(folder, Table(targets, kept, table, CLASSES, tuple(bad), unlisted), made)


class _Film(NamedTuple):
    name: str
    digest: bytes
    film: UInt8[np.ndarray, "h w"] | str  # on its square, or why there is none


def _film(member: Member, size: int) -> _Film:
    digest = hashlib.sha256(member.data).digest()
    try:
        colour = decode(member.data, channels=3)
    except BadImage as error:
        return _Film(member.name, digest, str(error))
    grey = colour[0]
    if (colour != grey).any():  # a tinted scan
        grey = np.rint(np.einsum("c,chw->hw", GREY, colour)).astype(np.uint8)
    return _Film(member.name, digest, squared(grey, size))


def _complaint(path: Path, bad: list[Skipped], total: int) -> str:
    first = "".join(f"\n  {name}: {cause}" for name, cause in bad[:SHOWN])
    more = f"\n  and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
    return (
        f"{path}: {len(bad):,} of {total:,} listed images cannot be used.{first}{more}\nGo on without them: --skip-bad."
    )


def _loaded(path: Path, prepared: Prepared, card: Card, size: int) -> Loaded:
    folders = [name.split("/") for name in prepared.names]
    cases = np.array([name.rpartition("/")[0] for name in prepared.names])
    groups = np.array([int(patient.removeprefix("patient")) for _, _, patient, *_ in folders])
    strata = np.array([part.removeprefix("XR_") for _, part, *_ in folders])
    dataset = Dataset(
        card.title,
        Images(torch.from_numpy(prepared.pixels)),
        torch.from_numpy(prepared.targets),
        groups,
        prepared.names,
        CLASSES,
        card,
        cases,
        strata,
    )
    origin = (
        f"{path.name} ({len(set(cases)):,} studies of {len(set(groups)):,} patients, laid on {size} × {size} pixels)"
    )
    if prepared.unlisted:
        origin += f"; {prepared.unlisted:,} image(s) beside the lists were left out"
    identity = hashlib.sha256("\n".join([str(size), *prepared.names]).encode() + prepared.digests.tobytes()).hexdigest()
    return Loaded(dataset, origin, identity, None, tuple((bad.name, bad.cause) for bad in prepared.skipped))
