"""The lessons as they are handed out: notebooks, what each needs, and what its last full run took.

They come with the installed package; in a clone of the repository they are taken from there.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from layerscope.data import DATASETS
from layerscope.models.weights import WEIGHTS
from layerscope.source import DataError

PACKAGE = Path(__file__).parent
REPOSITORY = Path(__file__).parents[3]
NUMBER = re.compile(r"DL-Example-(\d+)-")
NAMED = {"guess": re.compile(r'\bguess\("([\w.]+)"'), "check": re.compile(r'\bcheck\("([\w.]+)"')}


class Measured(NamedTuple):
    """A full run of a lesson's solutions, as `tools/nb.py run` measured it."""

    seconds: float
    memory: int  # bytes, at the peak
    download: int  # bytes
    machine: str
    date: str


class Lesson(NamedTuple):
    number: str
    name: str  # of the notebook, without .ipynb
    title: str
    extra: str  # of the package, such as "vision"; "" where none is needed
    data: tuple[str, ...]  # names in DATASETS
    weights: tuple[str, ...]  # names in WEIGHTS
    guesses: int
    checks: int
    measured: Measured | None
    student: Path
    solution: Path


def lessons(numbers: Sequence[str] = ()) -> list[Lesson]:
    """All lessons, or those of these numbers, in the order of the course.

    Raises:
        DataError: if there are no notebooks here.
        ValueError: if there is no lesson of a number.
    """
    folder = _part("notebooks")
    if folder is None:
        raise DataError(
            "the notebooks of the course are not here. They come with the package (pip install --force-reinstall "
            "layerscope) and with its repository (folder notebooks/)."
        )
    took = _measured()
    found = [_lesson(path, folder, took.get(path.stem)) for path in sorted((folder / "student").glob("*.ipynb"))]
    if unknown := [number for number in numbers if number not in {lesson.number for lesson in found}]:
        there = ", ".join(lesson.number for lesson in found)
        raise ValueError(f"there is no lesson {unknown[0]!r}. There are: {there}.")
    return [lesson for lesson in found if not numbers or lesson.number in numbers]


def needed(chosen: Sequence[Lesson] | None = None) -> list[str]:
    """Names of the data sets and weights that lessons need; without an argument, all lessons."""
    return list(
        dict.fromkeys(name for one in (lessons() if chosen is None else chosen) for name in one.data + one.weights)
    )


def slides() -> list[Path]:
    """The decks that were built, if there are any: a page, a PDF and the speaker's notes of each."""
    folder = _part("slides", built=True)
    return sorted(file for file in folder.iterdir() if file.suffix in (".html", ".pdf")) if folder else []


def _part(name: str, built: bool = False) -> Path | None:
    """A folder of the package, else the same of the repository."""
    places = (PACKAGE / name, REPOSITORY / "build" / name if built else REPOSITORY / name)
    here = places if (REPOSITORY / "lessons").is_dir() else places[:1]
    return next((place for place in here if place.is_dir() and any(place.iterdir())), None)


def _measured() -> dict[str, Measured]:
    for file in (PACKAGE / "measured.json", REPOSITORY / "lessons" / "measured.json"):
        if file.is_file():
            return {name: Measured(**row) for name, row in json.loads(file.read_text(encoding="utf-8")).items()}
    return {}


def _lesson(path: Path, folder: Path, measured: Measured | None) -> Lesson:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    code = "\n".join(text for text, cell in zip(cells, notebook["cells"], strict=True) if cell["cell_type"] == "code")
    number, needs = NUMBER.match(path.stem), notebook["metadata"].get("layerscope")
    if number is None or needs is None:
        raise DataError(f"{path} is no notebook of the course: make notebooks builds them again.")
    guesses, checks = (len(set(NAMED[kind].findall(code))) for kind in ("guess", "check"))
    unknown = sorted({*needs["data"]} - {*DATASETS} | {*needs["weights"]} - {*WEIGHTS})
    if unknown:
        raise DataError(f"{path.name} says that it needs {', '.join(unknown)}, which is no data set and no weights.")
    return Lesson(
        number[1],
        path.stem,
        cells[0].splitlines()[0].removeprefix("# "),
        needs["extra"],
        tuple(needs["data"]),
        tuple(needs["weights"]),
        guesses,
        checks,
        measured,
        path,
        folder / "solution" / path.name,
    )
