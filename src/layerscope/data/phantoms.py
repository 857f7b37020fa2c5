"""Phantoms: synthetic images that look like MedNIST and whose patients are known."""

import gzip
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from layerscope.data.anatomy.breast import breast_mri
from layerscope.data.anatomy.chest_xray import chest_xray
from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.hand_xray import hand_xray
from layerscope.data.anatomy.head import head_ct
from layerscope.data.anatomy.shapes import SIZE, Plane
from layerscope.data.anatomy.trunk import abdomen_ct, chest_ct
from layerscope.progress import Progress, silent

TITLE = "Phantoms (synthetic, drawn by layerscope)"
LICENSE = "CC0 1.0: drawn from random numbers; no patient was imaged and no pixel of a real image is in them"
FOLDER = "Phantoms"
CHUNK = 64  # images drawn at once: few enough for the cache of the processor


@dataclass(frozen=True)
class Anatomy:
    """How one class is drawn, and whether its images are the slices of a series or one film per patient."""

    draw: Callable[[Cohort], Plane]
    series: bool


ANATOMIES = {
    "AbdomenCT": Anatomy(abdomen_ct, series=True),
    "BreastMRI": Anatomy(breast_mri, series=True),
    "CXR": Anatomy(chest_xray, series=False),
    "ChestCT": Anatomy(chest_ct, series=True),
    "Hand": Anatomy(hand_xray, series=False),
    "HeadCT": Anatomy(head_ct, series=True),
}
CLASSES = tuple(ANATOMIES)


@dataclass(frozen=True)
class Phantoms:
    """Synthetic images in the order of their files, with the truth about each."""

    pixels: UInt8[np.ndarray, "s h w"]
    targets: Int[np.ndarray, " s"]  # position in CLASSES
    patients: Int[np.ndarray, " s"]  # no patient has images of two classes
    numbers: Int[np.ndarray, " s"]  # of the file within its class; a series is one contiguous range
    positions: Float[np.ndarray, " s"]  # along the body, 0 to 1, within what the class shows; 0 for films

    def __len__(self) -> int:
        return len(self.targets)


def draw(images: int, seed: int = 0, progress: Progress = silent) -> Phantoms:
    """Draw about as many images of each class as of any other.

    A film (CXR, Hand) is a patient of its own. The slices of a CT or MR class are shared by 1.5 √n patients, each with
    a series that covers 30 to 80 % of what the class shows, in file numbers without a gap and without order.

    Example:
        >>> draw(600, seed=1).pixels.shape
        (600, 64, 64)

    Raises:
        ValueError: fewer images than classes, or a negative seed.
    """
    if images < len(CLASSES):
        raise ValueError(f"{len(CLASSES)} classes need at least {len(CLASSES)} images. Got {images}.")
    if seed < 0:
        raise ValueError(f"A seed is 0 or a positive whole number. Got {seed}.")
    pixels = np.empty((images, SIZE, SIZE), np.uint8)
    ends = images * np.arange(len(CLASSES) + 1) // len(CLASSES)
    patients, positions, done, known = [], [], 0, 0
    for target, anatomy in enumerate(ANATOMIES.values()):
        rng = np.random.default_rng((seed, target))
        owner, height = _series(int(ends[target + 1] - ends[target]), anatomy.series, rng)
        for rows in _chunks(owner):
            grey = anatomy.draw(Cohort(rng, owner[rows] - owner[rows][0], height[rows]))
            pixels[done : done + len(grey)] = np.clip(np.rint(255 * grey), 0, 255)
            done += len(grey)
            progress("Drawing phantoms", done, images, "images")
        patients.append(owner + known)
        positions.append(height)
        known += int(owner[-1]) + 1
    return Phantoms(
        pixels=pixels,
        targets=np.repeat(np.arange(len(CLASSES)), np.diff(ends)),
        patients=np.concatenate(patients),
        numbers=np.concatenate([np.arange(count) for count in np.diff(ends)]),
        positions=np.concatenate(positions),
    )


def _series(
    images: int, series: bool, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " s"], Float[np.ndarray, " s"]]:
    """The patient and the position of each image of one class."""
    if not series:
        return np.arange(images), np.zeros(images)
    shares = np.cumsum(rng.uniform(0.7, 1.3, round(1.5 * images**0.5)))
    lengths = np.diff(np.rint(images * shares / shares[-1]).astype(int), prepend=0)
    lengths = lengths[lengths > 0]
    covered = rng.uniform(0.3, 0.8, len(lengths))
    first = rng.uniform(0, 1 - covered)
    heights = [
        rng.permutation(np.linspace(start, start + part, length))
        for start, part, length in zip(first, covered, lengths, strict=True)
    ]
    return np.repeat(np.arange(len(lengths)), lengths), np.concatenate(heights)


def _chunks(owner: Int[np.ndarray, " s"]) -> Iterator[slice]:
    """Cut the rows into runs of whole patients, CHUNK rows or one patient long."""
    ends = np.append(np.flatnonzero(np.diff(owner)) + 1, len(owner))
    start = 0
    while start < len(owner):
        fitting = ends[(ends > start) & (ends <= start + CHUNK)]
        end = int(fitting[-1] if len(fitting) else ends[ends > start][0])
        yield slice(start, end)
        start = end


def write(phantoms: Phantoms, path: str | Path, quality: int = 75, progress: Progress = silent) -> None:
    """Write JPEG files as MedNIST has them, `<class>/NNNNNN.jpeg`, into a new folder or a new archive (`.tar.gz`).

    The archive has the top folder `Phantoms` and the same bytes each time; every file says in its comment that it is
    synthetic.

    Raises:
        ValueError: the path exists already, or the quality is outside 1 to 95.
    """
    path = Path(path)
    if path.exists():
        raise ValueError(f"Phantoms are written to a new place. {path} exists: remove it or choose another.")
    if not 1 <= quality <= 95:
        raise ValueError(f"The quality of a JPEG is 1 to 95. Got {quality}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # renamed when complete: never a half-written data set
    files = _files(phantoms, quality, progress)
    try:
        if path.name.endswith(".tar.gz"):
            _write_archive(files, part)
        else:
            _write_folder(files, part)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True) if part.is_file() else shutil.rmtree(part, ignore_errors=True)


def _files(phantoms: Phantoms, quality: int, progress: Progress) -> Iterator[tuple[str, bytes]]:
    names = [f"{CLASSES[t]}/{n:06d}.jpeg" for t, n in zip(phantoms.targets, phantoms.numbers, strict=True)]
    for done, row in enumerate(sorted(range(len(names)), key=names.__getitem__), start=1):
        buffer = io.BytesIO()
        Image.fromarray(phantoms.pixels[row]).save(buffer, "JPEG", quality=quality, comment=TITLE)
        yield names[row], buffer.getvalue()
        progress("Writing phantoms", done, len(names), "images")


def _write_folder(files: Iterator[tuple[str, bytes]], path: Path) -> None:
    for name, data in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


def _write_archive(files: Iterator[tuple[str, bytes]], path: Path) -> None:
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in files:
            member = tarfile.TarInfo(f"{FOLDER}/{name}")  # owner and time are 0 unless set
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
