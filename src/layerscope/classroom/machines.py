"""Which machines of a class are ready: read from the files that check_machine.py writes on each."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from layerscope.classroom import SHARE
from layerscope.classroom.answers import is_text
from layerscope.source import DataError

TEXTS = ("machine", "number", "layerscope")
NUMBER = re.compile(r"[0-9]{1,3}")


class Missing(NamedTuple):
    what: str
    advice: str
    lessons: tuple[str, ...]  # numbers of those that need it
    machines: tuple[str, ...]


class Machines(NamedTuple):
    ready: dict[str, tuple[str, ...]]  # machine -> numbers of the lessons for which it is ready
    lessons: tuple[str, ...]
    missing: tuple[Missing, ...]  # what most machines lack stands first
    to_set: tuple[str, ...]  # machines on which LAYERSCOPE_MIRROR was not set yet
    unmeasured: tuple[str, ...]  # machines of which the memory is not known
    again: tuple[str, ...]  # machines that were checked for another version, or before a lesson was added
    unreadable: tuple[str, ...]  # names of files

    @property
    def all_ready(self) -> int:
        return sum(set(self.lessons) <= set(own) for own in self.ready.values())


def read_machines(folder: Path) -> Machines:
    """Of the files in `folder`/share/machines. The class can write there, so a file is read whole, or named.

    Raises:
        DataError: if it is no class folder, or no machine was checked yet.
    """
    lessons, version = _class(folder / SHARE / "class.json")
    files = sorted((folder / SHARE / "machines").glob("*.json"))
    if not files:
        raise DataError(
            f"no machine was checked yet: {folder / SHARE / 'machines'} is empty. On each machine: python "
            "check_machine.py"
        )
    reports = {file: _report(file) for file in files}
    named = _named([report for report in reports.values() if report])
    wanting: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for machine, report in named.items():
        for row in report["missing"]:
            wanting.setdefault(row["what"], []).append((machine, row))
    missing = [
        Missing(
            what,
            rows[0][1]["advice"],
            tuple(sorted({number for _, row in rows for number in row["lessons"]}, key=int)),
            tuple(machine for machine, _ in rows),
        )
        for what, rows in wanting.items()
    ]
    return Machines(
        {machine: tuple(report["ready"]) for machine, report in named.items()},
        lessons,
        tuple(sorted(missing, key=lambda one: (-len(one.machines), one.what))),
        tuple(machine for machine, report in named.items() if report["to_set"]),
        tuple(machine for machine, report in named.items() if not report["memory"]),
        tuple(machine for machine, report in named.items() if not _is_of(report, lessons, version)),
        tuple(_shown(file.name) for file, report in reports.items() if report is None),
    )


def _named(reports: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By the name that was given, and by its number as well where two machines were given the same."""
    uses = Counter(report["machine"] for report in reports)
    return {
        report["machine"] if uses[report["machine"]] == 1 else f"{report['machine']} ({report['number']})": report
        for report in reports
    }


def _is_of(report: dict[str, Any], lessons: tuple[str, ...], version: str) -> bool:
    """Whether it answers what is asked now; a machine that lacks this version of layerscope says so itself."""
    asked = {*report["ready"], *(number for row in report["missing"] for number in row["lessons"])}
    return set(lessons) <= asked and (report["layerscope"] == version or bool(report["missing"]))


def _class(file: Path) -> tuple[tuple[str, ...], str]:
    try:
        made = json.loads(file.read_text(encoding="utf-8"))
        return tuple(str(lesson["number"]) for lesson in made["lessons"]), str(made["layerscope"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{file.parent.parent} is no class folder: {file} cannot be read ({type(error).__name__}). A class is made "
            f"by: layerscope class {file.parent.parent}"
        ) from error


def _report(file: Path) -> dict[str, Any] | None:
    """What check_machine.py would have written; None if it did not."""
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        texts = all(is_text(report[field]) for field in TEXTS)
        flags = all(isinstance(report[field], bool) for field in ("to_set", "memory"))
        rows = all(
            is_text(row["what"]) and is_text(row["advice"]) and row["lessons"] and _are_numbers(row["lessons"])
            for row in report["missing"]
        )
        return report if texts and flags and rows and _are_numbers(report["ready"]) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _shown(name: str) -> str:
    return name if is_text(name) else ascii(name)


def _are_numbers(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) and NUMBER.fullmatch(one) for one in found)
