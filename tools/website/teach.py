"""Timing plans: minutes counted from the lessons' own words, guesses, exercises and measured runs."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

import nb
from nbformat import NotebookNode

from website import DOCS, Files

BREAK = 15
PLANS = DOCS / "teach" / "plans.toml"


@dataclass(frozen=True)
class Section:
    """A numbered section of a lesson, as a learner gets it."""

    title: str
    words: int
    guesses: int
    exercises: int
    cells: int

    def minutes(self, assumed: dict[str, float]) -> float:
        return (
            self.words / assumed["words_a_minute"]
            + self.guesses * assumed["minutes_a_guess"]
            + self.exercises * assumed["minutes_an_exercise"]
            + self.cells * assumed["minutes_a_cell"]
        )


def pages() -> Files:
    given = tomllib.loads(PLANS.read_text(encoding="utf-8"))
    lessons = {int(source.stem.split("-")[2]): sections(nb.build(source, "student")) for source in nb.LESSONS}
    assumed = given["assumed"]
    return {
        "_made/plans.md": "\n".join(_plan(plan, lessons, assumed) for plan in given["plan"]),
        "_made/minutes.md": _assumed(assumed) + "\n\n" + _minutes(lessons, assumed),
        "teach/plans.toml": PLANS,
    }


def sections(notebook: NotebookNode) -> list[Section]:
    """What stands before the first heading counts to the first section."""
    found: list[dict[str, Any]] = [{"title": "", "words": 0, "guesses": 0, "exercises": 0, "cells": 0}]
    for cell in notebook.cells:
        tags = nb.tags(cell)
        if cell.cell_type == "markdown" and "header" not in tags:
            for part in re.split(r"^(?=## )", cell.source, flags=re.M):
                if heading := re.match(r"## (.+)", part):
                    if found[-1]["title"]:
                        found.append({"title": "", "words": 0, "guesses": 0, "exercises": 0, "cells": 0})
                    found[-1]["title"] = heading[1]
                found[-1]["words"] += len(part.split())
        elif cell.cell_type == "code" and not {"setup", "ci-only"} & set(tags):
            kind = "guesses" if "guess" in tags else "exercises" if "exercise" in tags else "cells"
            found[-1][kind] += 1
    return [Section(**section) for section in found]


def _rounded(minutes: float) -> int:
    """To five minutes: more would not be honest."""
    return max(5, 5 * round(minutes / 5))


def _plan(plan: dict[str, Any], lessons: dict[int, list[Section]], assumed: dict[str, float]) -> str:
    rows, total, since = [], 0, 0
    for part in plan["parts"]:
        own = lessons[part["lesson"]]
        chosen = [own[i - 1] for i in part.get("sections", range(1, len(own) + 1))]
        minutes = _rounded(sum(section.minutes(assumed) for section in chosen))
        if "days" not in plan and since and since + minutes > assumed["longest"]:
            rows.append(f"| | break | | {_hours(BREAK)} |")
            total, since = total + BREAK, 0
        total, since = total + minutes, since + minutes
        link = f"[lesson\N{NO-BREAK SPACE}{part['lesson']}](../lessons/{_stem(part['lesson'])}.ipynb)"
        what = "all of it" if "sections" not in part else "; ".join(section.title for section in chosen)
        rows.append(f"| {link} | {what} | {part['how']} | {_hours(minutes)} |")
    if total > plan["minutes"]:
        raise SystemExit(f"teach/plans.toml: {plan['name']} has {plan['minutes']} minutes, its parts take {total}.")
    left = plan["minutes"] - total
    head = "| lesson | sections | how | time |\n|---|---|---|---:|"
    time = f"{_hours(total)} of {_hours(plan['minutes'])}; {_hours(left)} are left for questions, slides, surprises"
    return (
        f"## {plan['name']}\n\n{plan['aim']}\n\n{head}\n"
        + "\n".join(rows)
        + f"\n\n{time} for questions, slides and what goes wrong.\n"
    )


def _hours(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return "\N{NO-BREAK SPACE}".join(
        [f"{hours}\N{NO-BREAK SPACE}h"] * (hours > 0) + [f"{rest}\N{NO-BREAK SPACE}min"] * (rest > 0 or hours == 0)
    )


def _stem(number: int) -> str:
    return next(source.stem for source in nb.LESSONS if int(source.stem.split("-")[2]) == number)


def _assumed(assumed: dict[str, float]) -> str:
    a = {name: f"{value:g}" for name, value in assumed.items()}
    return (
        f"Counted from the lessons themselves: {a['words_a_minute']} words a minute, {a['minutes_a_guess']} minutes "
        f"for each guess, {a['minutes_an_exercise']} for each exercise, {a['minutes_a_cell']} for each cell that is "
        "run and looked at; rounded to five minutes. Your group will differ: change the numbers in "
        "`docs/teach/plans.toml`, and these tables follow."
    )


def _minutes(lessons: dict[int, list[Section]], assumed: dict[str, float]) -> str:
    """Every section of every lesson, to put a plan of one's own together."""
    rows = ["| section | words | guesses | exercises | minutes |", "|---|---:|---:|---:|---:|"]
    for number, own in lessons.items():
        total = sum(section.minutes(assumed) for section in own)
        link = f"[Lesson {number}](../lessons/{_stem(number)}.ipynb)"
        rows.append(
            f"| **{link}** | **{sum(s.words for s in own):,}** | **{sum(s.guesses for s in own)}** | "
            f"**{sum(s.exercises for s in own)}** | **{_hours(_rounded(total))}** |"
        )
        rows += [
            f"| {s.title} | {s.words:,} | {s.guesses or ''} | {s.exercises or ''} | {_rounded(s.minutes(assumed))} |"
            for s in own
        ]
    return "\n".join(rows)
