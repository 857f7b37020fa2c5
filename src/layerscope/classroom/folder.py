"""The folder of a class: everything that a teacher hands out, apart from what the teacher keeps."""

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from layerscope.checkpoint import write_text
from layerscope.classroom import SHARE, TEACHER, timing
from layerscope.classroom.course import PACKAGE, Lesson, lessons, needed, slides
from layerscope.classroom.mirror import Mirrored, mirror
from layerscope.doctor import EXTRAS
from layerscope.progress import Progress, silent
from layerscope.source import DataError

MADE = "made.json"
SLIDES = (
    "There are no slides here: this installation came without them. The project's website has them; in a clone of the "
    "repository they are made by: make slides"
)


class Class(NamedTuple):
    """What was made."""

    folder: Path
    lessons: tuple[Lesson, ...]
    slides: int  # files
    kept: tuple[str, ...]  # files that somebody has changed since they were written, and that were left as they are
    mirrored: list[Mirrored] | None  # None: not asked for

    @property
    def size(self) -> int:
        """Bytes of what is handed out."""
        return sum(file.stat().st_size for file in (self.folder / SHARE).rglob("*") if file.is_file())


class Made(NamedTuple):
    """What an earlier call has written, so that what was changed since then is known."""

    lessons: list[str]  # numbers
    files: dict[str, str]  # path below the folder -> sha256


def make(into: Path, numbers: Sequence[str] = (), with_mirror: bool = True, progress: Progress = silent) -> Class:
    """Make the folder; or add lessons to it, and bring it up to date.

    A file that somebody has changed since it was written is left as it is. Every other is written anew.

    Args:
        numbers: of lessons. None: those that the class has; of a new class, all.

    Raises:
        ValueError: if there is no lesson of a number, or the folder holds something else.
        DataError: if there are no notebooks here.
    """
    made = _made_before(into)
    chosen = lessons([*dict.fromkeys([*made.lessons, *numbers])] if numbers else made.lessons)
    for name in ("machines", "answers"):
        (into / SHARE / name).mkdir(parents=True, exist_ok=True)
    _note(into, made)  # first, so that a call that was stopped can be made again
    kept, digests = [], dict(made.files)
    for name, data in _files(chosen).items():
        if _write(into / name, data, made.files.get(name)):
            digests[name] = hashlib.sha256(data).hexdigest()
        else:
            kept.append(name)
    _note(into, Made([lesson.number for lesson in chosen], digests))
    found = mirror(into / SHARE / "mirror", needed(chosen), progress) if with_mirror else None
    return Class(into, tuple(chosen), len(slides()), tuple(kept), found)


def _made_before(into: Path) -> Made:
    if into.exists() and not into.is_dir():
        raise ValueError(f"{into} is a file. Give a folder.")
    if not into.is_dir() or not any(into.iterdir()):
        return Made([], {})
    if not (into / MADE).is_file():
        raise ValueError(
            f"{into} holds other things and is no folder of a class: {MADE} is not there. Give an empty one, or a new "
            "name."
        )
    try:
        told = json.loads((into / MADE).read_text(encoding="utf-8"))
        made = Made([str(number) for number in told["lessons"]], {str(k): str(v) for k, v in told["files"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{into / MADE} cannot be read ({type(error).__name__}): it says what was written here. Make the class in "
            "a new folder, and copy into it what you have changed."
        ) from error
    return made


def _note(into: Path, made: Made) -> None:
    write_text(into / MADE, json.dumps(made._asdict(), indent=1) + "\n")


def _files(chosen: Sequence[Lesson]) -> dict[str, bytes]:
    """Path below the folder -> what is to stand there."""
    texts = {
        "README.md": _page("README.md.jinja", chosen),
        f"{SHARE}/START.md": _page("START.md.jinja", chosen),
        f"{SHARE}/class.json": json.dumps(wanted(chosen), indent=1) + "\n",
        f"{SHARE}/check_machine.py": (PACKAGE / "check_machine.py").read_text(encoding="utf-8"),
    }
    for lesson in chosen:
        texts[f"{SHARE}/student/{lesson.student.name}"] = lesson.student.read_text(encoding="utf-8")
        texts[f"{TEACHER}/solutions/{lesson.solution.name}"] = lesson.solution.read_text(encoding="utf-8")
    made = {name: text.encode() for name, text in texts.items()}
    return made | {f"{TEACHER}/slides/{path.name}": path.read_bytes() for path in slides()}


def _write(path: Path, data: bytes, before: str | None) -> bool:
    """False if what stands there is neither this nor what was written before: then it is left."""
    if path.exists():
        there = path.read_bytes()
        if there == data:
            return True
        if hashlib.sha256(there).hexdigest() != before:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")  # half a file would be taken for one that somebody has changed
    part.write_bytes(data)
    part.replace(path)
    return True


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
                    *EXTRAS["lessons"],
                    *(module for extra in lesson.extra.split(",") if extra for module in EXTRAS[extra]),
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
    told = {"lessons": chosen, "install": install(chosen), "slides": slides(), "no_slides": SLIDES}
    return environment.get_template(template).render(**told, assumed=timing.ASSUMED)


def clock(seconds: float) -> str:
    """4 min 43 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def plan(lesson: Lesson) -> str:
    """The time for a class that reads, guesses, talks and writes: that of the website's timing plans."""
    notebook = json.loads(lesson.student.read_text(encoding="utf-8"))
    return timing.hours(timing.minutes(timing.sections(notebook)))
