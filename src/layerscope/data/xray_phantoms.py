"""X-ray phantoms: synthetic films in the layout of MURA v1.1, whose fractures and implants are known."""

import csv
import io
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from layerscope.data.anatomy.arm import Build
from layerscope.data.anatomy.radiograph import PARTS, Exposure, Lesion, lesion_of, radiograph
from layerscope.progress import Progress, silent

TITLE = "X-ray phantoms (synthetic, drawn by layerscope)"
LICENSE = "CC0 1.0: drawn from random numbers; no patient was imaged and no pixel of a real image is in them"
FOLDER = "MURA-v1.1"
PATIENTS = 600  # with about 2,200 images
VALID = 0.25  # share of the patients
VIEWS = (0.12, 0.28, 0.42, 0.18)  # how often a study has 1, 2, 3, 4 images
ONE_VIEW = 0.25  # share of the abnormal studies in which only one of the views shows what is wrong
STUDIES = (  # of ten patients: whether each study is abnormal, and whether the second is of another body part
    ((True, True), True),  # the same study name under two body parts
    ((False, False), True),
    ((True, False), False),
    ((True, False), True),
    ((True,), False),
    ((True,), False),
    ((False,), False),
    ((False,), False),
    ((False,), False),
    ((False,), False),
)


class Study(NamedTuple):
    """The films of one body part of one patient on one day."""

    half: str  # "train" or "valid"
    part: str
    patient: int
    number: int
    abnormal: bool

    @property
    def folder(self) -> str:
        label = "positive" if self.abnormal else "negative"
        return f"{self.half}/XR_{self.part}/patient{self.patient:05}/study{self.number}_{label}"


@dataclass(frozen=True)
class XrayPhantoms:
    """Films in the order of MURA's lists, with the truth about each."""

    paths: tuple[str, ...]  # "train/XR_WRIST/patient00001/study1_positive/image1.png"
    images: tuple[UInt8[np.ndarray, "_ _"], ...]
    truth: dict[str, Lesion]  # by path; an image of an abnormal study that shows nothing is not in it

    def __len__(self) -> int:
        return len(self.paths)


def draw(patients: int = PATIENTS, seed: int = 0, progress: Progress = silent) -> XrayPhantoms:
    """Draw about four films a patient; a quarter of the patients are MURA's validation set.

    Of ten patients, three have studies of two body parts, one has an abnormal and a normal study of one body part, and
    one has two abnormal studies of the same name, `study1_positive`, under two body parts. Children's growth plates and
    finger rings are normal.

    Example:
        >>> drawn = draw(8, seed=1)
        >>> drawn.paths[0]
        'train/XR_ELBOW/patient00001/study1_negative/image1.png'

    Raises:
        ValueError: fewer than 8 patients, or a negative seed.
    """
    if patients < 8:
        raise ValueError(f"X-ray phantoms need at least 8 patients, 2 of them for validation. Got {patients}.")
    if seed < 0:
        raise ValueError(f"A seed is 0 or a positive whole number. Got {seed}.")
    found: dict[str, tuple[UInt8[np.ndarray, "_ _"], Lesion | None]] = {}
    for done, studies in enumerate(_patients(patients, seed)):
        progress("Drawing X-ray phantoms", done, patients, "patients")
        found |= _drawn(studies, np.random.default_rng((seed, 1, studies[0].patient)))
    progress("Drawing X-ray phantoms", patients, patients, "patients")
    paths = tuple(sorted(found))
    truth = {path: lesion for path in paths if (lesion := found[path][1])}
    return XrayPhantoms(paths, tuple(found[path][0] for path in paths), truth)


def _patients(patients: int, seed: int) -> Iterator[list[Study]]:
    """The studies of each patient, those for training first."""
    rng = np.random.default_rng((seed, 0))
    parts = list(PARTS)
    valid = max(2, round(VALID * patients))
    for half, first, count in (("train", 1, patients - valid), ("valid", patients - valid + 1, valid)):
        kinds = rng.permutation(count)
        for patient, kind in enumerate(kinds, start=first):
            abnormal, elsewhere = STUDIES[kind % len(STUDIES)]
            part = int(kind) % len(parts)
            other = (part + int(rng.integers(1, len(parts)))) % len(parts) if elsewhere else part
            numbers = (1, 1) if elsewhere else (1, 2)
            rows = zip((part, other), numbers, abnormal, strict=False)
            yield [Study(half, parts[where], patient, number, wrong) for where, number, wrong in rows]


def _drawn(studies: list[Study], rng: np.random.Generator) -> dict[str, tuple[UInt8[np.ndarray, "_ _"], Lesion | None]]:
    """All films of one patient, by path."""
    u = rng.uniform
    young, ring = bool(rng.random() < 0.12), int(rng.random() < 0.1) * int(rng.choice((3, 4, 4, 5)))
    build = Build(u(0.92, 1.08), u(0.8, 1.25), u(0.9, 1.12), u(0.7, 1.2), u(0.8, 1.2), young, ring)
    films = {}
    for study in studies:
        side, finger = "LR"[rng.integers(2)], int(rng.integers(1, 6))
        views = int(rng.choice(len(VIEWS), p=VIEWS)) + 1
        shown = {int(rng.integers(views))} if rng.random() < ONE_VIEW else set(range(views))
        while True:
            lesion = lesion_of(study.part, finger, rng) if study.abnormal else None
            drawn = [
                radiograph(build, Exposure(study.part, finger, view, side), lesion if view in shown else None, rng)
                for view in range(views)
            ]
            if not study.abnormal or any(found for _, found in drawn):  # else it lies beyond the edge of every film
                break
        films |= {f"{study.folder}/image{view}.png": film for view, film in enumerate(drawn, start=1)}
    return films


def write(phantoms: XrayPhantoms, path: str | Path, progress: Progress = silent) -> None:
    """Write `MURA-v1.1/` with its four lists, and `truth.csv` beside them, into a new folder or a new `.zip`.

    The same bytes each time; every image says in its comment that it is synthetic.

    Raises:
        ValueError: the path exists already.
    """
    path = Path(path)
    if path.exists():
        raise ValueError(f"Phantoms are written to a new place. {path} exists: remove it or choose another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # renamed when complete: never a half-written data set
    files = _files(phantoms, progress)
    try:
        if path.suffix == ".zip":
            _write_zip(files, part)
        else:
            _write_folder(files, part)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True) if part.is_file() else shutil.rmtree(part, ignore_errors=True)


def _files(phantoms: XrayPhantoms, progress: Progress) -> Iterator[tuple[str, bytes]]:
    for half in ("train", "valid"):
        own = [path for path in phantoms.paths if path.startswith(half)]
        studies = dict.fromkeys(path.rpartition("/")[0] for path in own)
        yield f"{half}_image_paths.csv", _table((f"{FOLDER}/{path}",) for path in own)
        yield f"{half}_labeled_studies.csv", _table((f"{FOLDER}/{s}/", int(s.endswith("_positive"))) for s in studies)
    sizes = {path: image.shape[::-1] for path, image in zip(phantoms.paths, phantoms.images, strict=True)}
    known = ((f"{FOLDER}/{path}", lesion.kind, *lesion.box, *sizes[path]) for path, lesion in phantoms.truth.items())
    yield "truth.csv", _table([("path", "kind", "x0", "y0", "x1", "y1", "width", "height"), *known])
    comment = PngInfo()
    comment.add_text("Comment", TITLE)
    for done, (path, image) in enumerate(zip(phantoms.paths, phantoms.images, strict=True), start=1):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG", compress_level=1, pnginfo=comment)
        yield path, buffer.getvalue()
        progress("Writing X-ray phantoms", done, len(phantoms), "images")


def _table(rows: Iterable[tuple]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _write_folder(files: Iterator[tuple[str, bytes]], path: Path) -> None:
    for name, data in files:
        file = path / FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _write_zip(files: Iterator[tuple[str, bytes]], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files:
            info = zipfile.ZipInfo(f"{FOLDER}/{name}")  # dated 1980 unless told otherwise
            info.create_system = 3  # Unix, on every system
            archive.writestr(info, data)
