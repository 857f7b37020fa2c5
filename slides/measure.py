"""The real runs behind the numbers of the slides; each is written into results/ with how, when and where.

    python tools/slides.py measure              all of them (about half an hour on two quiet cores)
    python tools/slides.py measure lesson0      one

Lessons are run as they are, and their own variables are kept: a slide and a lesson cannot disagree.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import matplotlib
from experiments import lessons, mainjob, part2, pictures, small

from layerscope.checkpoint import write_text
from layerscope.source import DataError

RESULTS = Path(__file__).parent / "results"
JOBS: dict[str, Callable[[], dict[str, Any]]] = {
    "lesson0": lessons.lesson0,
    "lesson1": lessons.lesson1,
    "lesson2": lessons.lesson2,
    "mednist": mainjob.mednist,
    "part2": part2.part2,
    "pictures": pictures.pictures,
    "shuffled": small.shuffled,
    "shortcut": small.shortcut,
}


def main(names: list[str]) -> Iterator[str]:
    """Measure them one after the other; says which one begins. One that cannot be measured here stops no other.

    Raises:
        SystemExit: at the end, if any could not be measured.
    """
    matplotlib.use("agg")
    unknown = [name for name in names if name not in JOBS]
    if unknown:
        sys.exit(f"There is no measurement {', '.join(unknown)}. There are: {', '.join(JOBS)}")
    RESULTS.mkdir(exist_ok=True)
    missing = []
    for name in names or JOBS:
        yield f"measuring {name} ..."
        began = time.perf_counter()
        try:
            found = json.loads(json.dumps(rounded(JOBS[name]()), allow_nan=False))
        except (SystemExit, DataError, CalledProcessError) as error:
            missing.append(f"{name} could not be measured: {error}")
            yield missing[-1]
            continue
        if found == kept(RESULTS / f"{name}.json"):
            yield f"{name}: the same as before"
            continue
        made = {
            "command": f"python tools/slides.py measure {name}",
            "date": time.strftime("%Y-%m-%d"),
            "machine": f"{os.cpu_count()} CPU cores ({platform.machine()}, {platform.system()})",
            "seconds": round(time.perf_counter() - began),
        }
        write(RESULTS / f"{name}.json", {"made": made} | found)
    if missing:
        sys.exit("\n".join(missing))


def kept(file: Path) -> dict[str, Any] | None:
    """What a result says, without when and where it was measured."""
    if not file.exists():
        return None
    return {name: value for name, value in json.loads(file.read_text(encoding="utf-8")).items() if name != "made"}


def write(file: Path, found: dict[str, Any]) -> None:
    """One line for each name, so that a change can be read."""
    lines = [f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in found.items()]
    write_text(file, "{\n" + ",\n".join(lines) + "\n}\n")


def rounded(value: Any) -> Any:
    """Floats with six significant digits: no slide shows more, and the file stays small."""
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return rounded(value._asdict())
    if hasattr(value, "tolist"):
        return rounded(value.tolist())
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
