"""MURA's four lists: which images there are, of which study, and which studies are abnormal."""

import csv
import re
import zipfile
from pathlib import Path

from layerscope.archive import JUNK
from layerscope.source import DataError

HALVES = ("train", "valid")
LISTS = tuple(f"{half}_{kind}.csv" for half in HALVES for kind in ("image_paths", "labeled_studies"))
PARTS = ("ELBOW", "FINGER", "FOREARM", "HAND", "HUMERUS", "SHOULDER", "WRIST")
STUDY = re.compile(rf"(train|valid)/XR_({'|'.join(PARTS)})/patient(\d+)/study\d+_(positive|negative)$")
IMAGE = re.compile(r"[^/]+\.png$")
LARGEST = 64 << 20  # bytes of a list; MURA's largest has 3 million
SHOWN = 10


def listed_images(path: Path) -> list[str]:
    """The listed images, "valid/XR_WRIST/patient00001/study1_positive/image1.png", in the order of the lists.

    A header line and Windows' line ends are read over.

    Raises:
        DataError: if a list is missing or has a line that is none of MURA's; an image or a study is listed twice; a
            study's label is not that of its path; images have no study, or studies no image; or a patient is in both
            halves.
    """
    texts = read_texts(path)
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
    return images


def _rows(name: str, texts: dict[str, str], half: str, columns: int) -> list[list[str]]:
    """The lines of one list, each path without what stands before "train" or "valid" and without a last "/"."""
    rows: list[list[str]] = []
    seen: set[str] = set()
    for number, row in enumerate(csv.reader(texts[name].splitlines()), start=1):
        if not row:
            continue
        whole = row[0].strip().rstrip("/")
        inside = whole[max(whole.find(f"{half}/XR_"), 0) :]
        study, _, file = inside.rpartition("/") if columns == 1 else (inside, "", "a.png")
        if not (STUDY.match(study) and study.startswith(half) and IMAGE.match(file) and len(row) == columns):
            if number == 1 and f"{half}/" not in whole:
                continue  # a header
            raise DataError(f"{name}, line {number}, is none of MURA v1.1's: {','.join(row)[:200]!r}.")
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


def read_texts(path: Path, names: tuple[str, ...] = LISTS) -> dict[str, str]:
    """The lists as text, from the folder or the archive, or from a folder in it.

    Raises:
        DataError: if one is not there or is there twice, or the archive cannot be read.
    """
    if path.is_dir():
        inside = [p.relative_to(path).as_posix() for level in ("*.csv", "*/*.csv") for p in sorted(path.glob(level))]
        return {name: (path / _only(path, name, inside)).read_text("utf-8-sig", "replace") for name in names}
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder.")
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith(".csv") and not JUNK.search(name)]
            texts = {}
            for name in names:
                with archive.open(_only(path, name, inside)) as file:
                    texts[name] = file.read(LARGEST).decode("utf-8-sig", "replace")
            return texts
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise DataError(
            f"{path} is not a readable .zip: {error}. Give MURA-v1.1.zip or its unpacked folder."
        ) from error


def _only(path: Path, name: str, inside: list[str]) -> str:
    found = [one for one in inside if one == name or (one.endswith(f"/{name}") and one.count("/") == 1)]
    if len(found) != 1:
        got = f"found {len(found)}" if found else f"not found among {', '.join(inside[:SHOWN]) or 'no .csv file'}"
        raise DataError(
            f"{path} is not MURA v1.1: {name} is needed once, in it or in the one folder in it; {got}. "
            "Give MURA-v1.1.zip or the folder MURA-v1.1."
        )
    return found[0]
