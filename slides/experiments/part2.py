"""Part 2: what finished runs and executed lessons have found, beside small looks of its own.

Two places, which the environment can name: SLIDES_RUNS, a folder with the run folders of `layerscope run bbbp`, `esol`
and `nci` (else `runs/`), and SLIDES_LESSONS, a folder with executed notebooks (else `build/lessons/full/`). What is not
there is kept as it was measured before, and that is said; each entry tells how and when it was made.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments import looks, notebooks
from layerscope.study.folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "slides" / "results" / "part2.json"
RUNS = ("bbbp", "esol", "nci")
STEPS = ("judged", "splits", "stacking", "domain", "layers", "calibrated")
LESSONS = {"lesson3": notebooks.take3, "lesson4": notebooks.take4}
SAME = 0.005  # a share that two measurements of the same may differ by

Found = dict[str, Any]


def part2() -> Found:
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    runs = Path(os.environ.get("SLIDES_RUNS") or ROOT / "runs")
    lessons = Path(os.environ.get("SLIDES_LESSONS") or ROOT / "build" / "lessons" / "full")
    found: Found = {
        "runs": {
            name: entry(
                before,
                before.get("runs", {}).get(name),
                runs / name,
                f"layerscope run {name} --seed 0 --out runs/{name}",
                lambda path: take_run(RunFolder(path)),
            )
            for name in RUNS
        }
    }
    for name, take in LESSONS.items():
        source = lesson(int(name[-1]))
        notebook = lessons / f"{source.stem}.ipynb"
        found[name] = entry(before, before.get(name), notebook, f"python tools/nb.py run {name[-1]}", take)
    return found | {
        "few_texts": agreeing(looks.few_texts(lesson(3)), found["lesson3"]["few"]),
        "cliffs": {name: looks.cliff_pairs(name) for name in ("bbbp", "esol")},
        "attention": looks.attended(),
        "told": looks.told(),
        "paracetamol": looks.drawing("CC(=O)Nc1ccc(O)cc1"),
    }


def lesson(number: int) -> Path:
    (source,) = (ROOT / "lessons").glob(f"part*/DL-Example-{number}-*.py")
    return source


def entry(before: Found, kept: Found | None, path: Path, how: str, take: Callable[[Path], Found]) -> Found:
    """What is taken from a path; else what was taken before, with the date of that."""
    if path.exists():
        date = time.strftime("%Y-%m-%d", time.localtime(path.stat().st_mtime))
        return {"made": {"command": how, "date": date}} | take(path)
    if kept is None:
        sys.exit(f"{path} is not there, and nothing was measured before. Make it: {how}")
    kept = {"made": {"command": how, "date": before["made"]["date"]}} | kept
    logging.getLogger(__name__).warning(
        "%s is not there: kept as measured on %s. To measure it anew: %s", path, kept["made"]["date"], how
    )
    return kept


def agreeing(found: dict[str, dict[str, list[float]]], printed: Found) -> Found:
    """The curve of few labels, if it says what the lesson has printed of it."""
    labels = f"{printed['labels']:.0f}"
    for method, right in found.items():
        mean, theirs = sum(right[labels]) / len(right[labels]), printed["right"][method]
        if abs(mean - theirs) > SAME:
            sys.exit(f"{method}, {labels} labels per class: measured {mean:.4f}, but lesson 3 has printed {theirs:.4f}")
    return found


def take_run(run: RunFolder) -> Found:
    facts = run.run
    kept = {
        "command": f"layerscope run {facts['plan']['data']} --seed {facts['plan']['seed']}",
        "machine": facts["device"],
        **{name: facts[name] for name in ("started", "seconds", "samples", "groups")},
        "title": facts["source"]["title"],
        "citation": facts["source"]["citation"],
    }
    return kept | {name: run.found(name) for name in STEPS} | {"cliffs": cliffs(run.found("cliffs"))}


def cliffs(found: Found) -> Found:
    return {name: found[name] for name in ("pairs", "cliffs", "compared", "told_apart")}
