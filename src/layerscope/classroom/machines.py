"""Which machines of a class are ready: read from the files that check_machine.py writes on each."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from layerscope.source import DataError

FIELDS = {"machine": str, "system": str, "layerscope": str, "ready": list, "missing": list}


class Missing(NamedTuple):
    what: str
    advice: str
    lessons: tuple[str, ...]  # numbers of those that need it
    machines: tuple[str, ...]


class Machines(NamedTuple):
    ready: dict[str, tuple[str, ...]]  # machine -> numbers of the lessons for which it is ready
    lessons: tuple[str, ...]
    missing: tuple[Missing, ...]  # what most machines lack stands first
    unreadable: tuple[str, ...]  # names of files

    @property
    def all_ready(self) -> int:
        return sum(set(self.lessons) <= set(own) for own in self.ready.values())


def read_machines(folder: Path) -> Machines:
    """Of the files in `folder`/machines.

    Raises:
        DataError: if it is no class folder, or no machine was checked yet.
    """
    files = sorted((folder / "machines").glob("*.json"))
    if not files:
        raise DataError(
            f"no machine was checked yet: {folder / 'machines'} is empty. On each machine: python check_machine.py"
        )
    reports = {file: _report(file) for file in files}
    good = [report for report in reports.values() if report]
    wanting: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for report in good:
        for row in report["missing"]:
            wanting.setdefault(row["what"], []).append((report["machine"], row))
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
        {report["machine"]: tuple(report["ready"]) for report in good},
        tuple(_lessons(folder)),
        tuple(sorted(missing, key=lambda one: (-len(one.machines), one.what))),
        tuple(file.name for file, report in reports.items() if report is None),
    )


def _lessons(folder: Path) -> list[str]:
    try:
        made = json.loads((folder / "class.json").read_text(encoding="utf-8"))
        return [lesson["number"] for lesson in made["lessons"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} is no class folder: class.json cannot be read ({type(error).__name__}).") from error


def _report(file: Path) -> dict[str, Any] | None:
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        whole = all(isinstance(report[field], kind) for field, kind in FIELDS.items())
        rows = all(isinstance(row["what"] + row["advice"], str) and row["lessons"] for row in report["missing"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return report if whole and rows else None
