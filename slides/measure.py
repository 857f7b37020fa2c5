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
from typing import Any

import matplotlib
from experiments import lessons, mainjob, part2, pictures, small

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
    """Measure them one after the other; says which one begins."""
    matplotlib.use("agg")
    unknown = [name for name in names if name not in JOBS]
    if unknown:
        sys.exit(f"There is no measurement {', '.join(unknown)}. There are: {', '.join(JOBS)}")
    RESULTS.mkdir(exist_ok=True)
    for name in names or JOBS:
        yield f"measuring {name} ..."
        began = time.perf_counter()
        found = JOBS[name]()
        made = {
            "command": f"python tools/slides.py measure {name}",
            "date": time.strftime("%Y-%m-%d"),
            "machine": f"{os.cpu_count()} CPU cores ({platform.machine()}, {platform.system()})",
            "seconds": round(time.perf_counter() - began),
        }
        write(RESULTS / f"{name}.json", {"made": made} | rounded(found))


def write(file: Path, found: dict[str, Any]) -> None:
    """One line for each name, so that a change can be read."""
    lines = [f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in found.items()]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


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
