"""MURA v1.1: 40,005 films of the upper limb in 14,656 studies, each study called normal or abnormal by a radiologist.

It may not be redistributed: `load` reads the user's own copy. The unit that is judged is the study of one body part
(`cases`): the same study name, `study1_positive`, stands under several body parts of one patient.
"""

import hashlib
import json
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from layerscope.archive import Member, members
from layerscope.card import Card
from layerscope.data.decode import BadImage, decode
from layerscope.data.loaded import Loaded
from layerscope.data.mura_lists import SHOWN, STUDY, listed_images
from layerscope.data.once import cores, make_once, stamp
from layerscope.data.prepared import HEADER, Prepared, Skipped, Table, save_table, sort_pixels
from layerscope.data.square import squared
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
SIZE = 128
BATCH = 32  # images in one piece of work for one thread
HOW = (
    "MURA may not be redistributed, so there is nothing to download from here. Register at "
    "https://stanfordmlgroup.github.io/competitions/mura/, download MURA-v1.1.zip, and give it or its unpacked folder "
    "with --data. To try without: layerscope run xrays (X-ray phantoms in MURA's layout)."
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
    return read(path, cache_dir() / CARD.name / f"prepared-{size}", CARD, skip_bad, progress, size)


def read(
    path: Path, into: Path, card: Card, skip_bad: bool = False, progress: Progress = silent, size: int = SIZE
) -> Loaded:
    """Any folder or archive in MURA's layout, prepared in the folder `into`."""
    if size < 8:
        raise DataError(f"films are laid on a square of 8 pixels a side or more. Got {size}.")
    listed = listed_images(path)
    made = {"archive": stamp(path), "listed": hashlib.sha256("\n".join(listed).encode()).hexdigest(), "size": size}
    prepared = make_once(
        into,
        made,
        lambda found: skip_bad or not found.skipped,
        lambda folder: _fill(path, folder, made, listed, skip_bad, progress),
        progress,
    )
    return _loaded(path, prepared, json.loads((into / "unlisted.json").read_text()), card, size)


def _fill(path: Path, folder: Path, made: dict, listed: list[str], skip_bad: bool, progress: Progress) -> None:
    """Every listed image on its square; the rows in the order of the lists."""
    row_of = {name: row for row, name in enumerate(listed)}
    size = made["size"]
    rows, digests, bad, unlisted = [], [], [], 0
    with (folder / "pixels.npy").open("wb") as file, closing(_decoded(path, size)) as films:
        file.write(bytes(HEADER))
        for done, (name, digest, film) in enumerate(films, start=1):
            progress("preparing films", done, len(listed), "images")
            if name not in row_of:
                unlisted += 1
            elif isinstance(film, str):
                bad.append(Skipped(name, film))
            else:
                file.write(film.data)
                rows.append(row_of[name])
                digests.append(digest)
    missing = set(listed) - {listed[row] for row in rows} - {name for name, _ in bad}
    bad = sorted(bad + [Skipped(name, "missing: listed, but not there") for name in missing])
    if bad and not skip_bad:
        raise DataError(_complaint(path, bad, len(listed)))
    if not rows:
        raise DataError(
            f"{path}: none of {len(listed):,} listed images can be used. First: {bad[0].name}: {bad[0].cause}."
        )
    order = np.argsort(rows).tolist()
    names = np.array([listed[rows[i]] for i in order])
    sort_pixels(folder / "pixels.npy", (1, size, size), order)
    targets = np.array([int("_positive/" in name) for name in names])
    table = np.frombuffer(b"".join(digests[i] for i in order), np.uint8).reshape(-1, 32)
    (folder / "unlisted.json").write_text(json.dumps(unlisted))
    save_table(folder, Table(targets, names, table, CLASSES, tuple(bad)), made)


def _decoded(path: Path, size: int) -> Generator[tuple[str, bytes, UInt8[np.ndarray, "h w"] | str], None, None]:
    """Name, digest, and the film or why there is none. This thread reads; others decode, while it reads on."""
    waiting: deque = deque()
    with ThreadPoolExecutor(cores()) as pool:
        found = ((_inside(member.name), member.data) for member in members(path))
        films = (Member(name, data) for name, data in found if name)
        while batch := list(islice(films, BATCH)):
            waiting.append(pool.submit(lambda batch: [_film(member, size) for member in batch], batch))
            if len(waiting) > 2 * cores():
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _inside(name: str) -> str | None:
    """The name from "train" or "valid" on; None if it is no image of a study."""
    folders = name.split("/")
    inside = folders[-5:]
    right = len(inside) == 5 and len(folders) <= 6 and STUDY.match("/".join(inside[:-1])) and name.endswith(".png")
    return "/".join(inside) if right else None


def _film(member: Member, size: int) -> tuple[str, bytes, UInt8[np.ndarray, "h w"] | str]:
    digest = hashlib.sha256(member.data).digest()
    try:
        colour = decode(member.data, channels=3)
    except BadImage as error:
        return member.name, digest, str(error)
    grey = colour[0]
    if (colour != grey).any():  # a tinted scan
        grey = np.rint(np.einsum("c,chw->hw", GREY, colour)).astype(np.uint8)
    return member.name, digest, squared(grey, size)


def _complaint(path: Path, bad: list[Skipped], total: int) -> str:
    first = "".join(f"\n  {name}: {cause}" for name, cause in bad[:SHOWN])
    more = f"\n  and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
    return (
        f"{path}: {len(bad):,} of {total:,} listed images cannot be used.{first}{more}\nGo on without them: --skip-bad."
    )


def _loaded(path: Path, prepared: Prepared, unlisted: int, card: Card, size: int) -> Loaded:
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
    if unlisted:
        origin += f"; {unlisted:,} image(s) beside the lists were left out"
    identity = hashlib.sha256("\n".join([str(size), *prepared.names]).encode() + prepared.digests.tobytes()).hexdigest()
    return Loaded(dataset, origin, identity, None, tuple((bad.name, bad.cause) for bad in prepared.skipped))
