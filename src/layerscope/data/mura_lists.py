"""MURA's four lists: which images there are, of which study, and which studies are abnormal."""

import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from layerscope.archive import DAMAGE, JUNK
from layerscope.source import DataError

HALVES = ("train", "valid")
LISTS = tuple(f"{half}_{kind}.csv" for half in HALVES for kind in ("image_paths", "labeled_studies"))
PARTS = ("ELBOW", "FINGER", "FOREARM", "HAND", "HUMERUS", "SHOULDER", "WRIST")
STUDY = re.compile(rf"(train|valid)/XR_({'|'.join(PARTS)})/patient(\d+)/study\d+_(positive|negative)$")
IMAGE = re.compile(r"[^/]+\.png$")
LARGEST = 64 << 20  # bytes of a list; MURA's largest has 3 million
SHOWN = 10


class Lists(NamedTuple):
    """The text of each list, and the folder in which they lie."""

    top: str  # "" or "MURA-v1.1/"
    texts: dict[str, str]


class Listed(NamedTuple):
    """The listed images in the order of the lists, and the folder below which they must lie."""

    top: str  # "" or "MURA-v1.1/"
    images: list[str]  # "valid/XR_WRIST/patient00001/study1_positive/image1.png"


def listed_images(path: Path) -> Listed:
    """Which images there must be.

    A header line, which has no "/" in it, and Windows' line ends are read over.

    Raises:
        DataError: if a list is missing or has a line that is none of MURA's; an image or a study is listed twice; a
            study's label is not that of its path; images have no study, or studies no image; or a patient is in both
            halves.
    """
    top, texts = read_lists(path)
    images: list[str] = []
    for half in HALVES:
        own = [row[0] for row in _rows(f"{half}_image_paths.csv", texts, half, columns=1)]
        studies = _rows(f"{half}_labeled_studies.csv", texts, half, columns=2)
        wrong = [f"{s} has label {label}" for s, label in studies if label != str(int(s.endswith("_positive")))]
        _none(wrong, f"{path}: the label of {{n}} in {half}_labeled_studies.csv is not the one in the path", "study")
        with_label, with_image = {study for study, _ in studies}, {image.rpartition("/")[0] for image in own}
        _none(sorted(with_image - with_label), f"{path}: {{n}} with images but without a label", "study")
        _none(sorted(with_label - with_image), f"{path}: {{n}} with a label but without images", "study")
        images += own
    sides: dict[str, set[str]] = {}
    for image in images:
        half, _, patient, *_ = image.split("/")
        sides.setdefault(patient, set()).add(half)
    both = sorted(patient for patient, halves in sides.items() if len(halves) > 1)
    _none(both, f"{path}: {{n}} in train and in valid, so nothing judged on valid can be believed", "patient")
    return Listed(top, images)


def _rows(name: str, texts: dict[str, str], half: str, columns: int) -> list[list[str]]:
    """The lines of one list, each path without what stands before "train" or "valid" and without a last "/"."""
    rows: list[list[str]] = []
    seen: set[str] = set()
    for number, line in enumerate(texts[name].splitlines(), start=1):
        if not line.strip():
            continue
        row = line.split(",")  # no name in MURA has a comma or a quote
        whole = row[0].strip().rstrip("/")
        inside = whole[max(whole.find(f"{half}/XR_"), 0) :]
        study, _, file = inside.rpartition("/") if columns == 1 else (inside, "", "a.png")
        if not (STUDY.match(study) and study.startswith(half) and IMAGE.match(file) and len(row) == columns):
            if number == 1 and "/" not in line:
                continue  # a header
            raise DataError(f"{name}, line {number}, is none of MURA v1.1's: {line[:200]!r}.")
        if inside in seen:
            raise DataError(f"{name}, line {number}: {inside} is listed twice.")
        seen.add(inside)
        rows.append([inside, *(field.strip() for field in row[1:])])
    if not rows:
        raise DataError(f"{name} lists nothing.")
    return rows


def _none(names: list[str], what: str, of: str) -> None:
    if names:
        count = f"{len(names):,} {of if len(names) == 1 else of.replace('study', 'studie') + 's'}"
        more = f"\n  and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        raise DataError(what.format(n=count) + ":\n  " + "\n  ".join(names[:SHOWN]) + more)


def read_lists(path: Path, names: tuple[str, ...] = LISTS) -> Lists:
    """The lists from the folder or the archive, or from the one folder in it.

    Raises:
        DataError: if one is not there, is there twice or is too large, they are not in one folder, or the folder or
            the archive cannot be read.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder.")
    try:
        return _from_folder(path, names) if path.is_dir() else _from_zip(path, names)
    except DataError:
        raise
    except DAMAGE as error:
        kind = "folder" if path.is_dir() else ".zip"
        cause = str(error) or type(error).__name__
        raise DataError(
            f"{path} is not a readable {kind}: {cause}. Give MURA-v1.1.zip or its unpacked folder."
        ) from error


def _from_folder(path: Path, names: tuple[str, ...]) -> Lists:
    inside = [p.relative_to(path).as_posix() for level in ("*.csv", "*/*.csv") for p in sorted(path.glob(level))]
    top, found = _found(path, names, inside)
    texts = {}
    for name, file in found.items():
        with (path / file).open("rb") as stream:
            texts[name] = _text(path, name, stream.read(LARGEST + 1))
    return Lists(top, texts)


def _from_zip(path: Path, names: tuple[str, ...]) -> Lists:
    with zipfile.ZipFile(path) as archive:
        top, found = _found(path, names, [name for name in archive.namelist() if name.endswith(".csv")])
        texts = {}
        for name, file in found.items():
            with archive.open(file) as stream:
                texts[name] = _text(path, name, stream.read(LARGEST + 1))
    return Lists(top, texts)


def _text(path: Path, name: str, data: bytes) -> str:
    if len(data) > LARGEST:
        raise DataError(f"{path}: {name} has more than {LARGEST:,} bytes. MURA's largest list has 3 million.")
    return data.decode("utf-8-sig", "replace")


def _found(path: Path, names: tuple[str, ...], inside: list[str]) -> tuple[str, dict[str, str]]:
    """The folder in which the lists lie, and each list's name in the archive."""
    inside = [name for name in inside if not JUNK.search(name)]
    found = {name: _only(path, name, inside) for name in names}
    tops = sorted({file.removeprefix("./").removesuffix(name) for name, file in found.items()})
    if len(tops) > 1:
        raise DataError(f"{path} is not MURA v1.1: its lists are needed in one folder, found in {' and '.join(tops)}.")
    return tops[0], found


def _only(path: Path, name: str, inside: list[str]) -> str:
    found = [one for one in inside if re.fullmatch(rf"(\./)?([^/]+/)?{re.escape(name)}", one)]
    if len(found) != 1:
        got = f"found {len(found)}" if found else f"not found among {', '.join(inside[:SHOWN]) or 'no .csv file'}"
        raise DataError(
            f"{path} is not MURA v1.1: {name} is needed once, in it or in the one folder in it; {got}. "
            "Give MURA-v1.1.zip or the folder MURA-v1.1."
        )
    return found[0]
