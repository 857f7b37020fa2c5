"""How long a class takes for a lesson: counted from the notebook itself, by a rule of thumb that was not measured."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

SPACE = "\N{NO-BREAK SPACE}"


class Assumed(NamedTuple):
    """Of a group that is new to the field."""

    words_a_minute: float = 130  # of prose, read by each for themselves or said by the teacher
    minutes_a_guess: float = 2  # think, write down the letter, look at the answer
    minutes_an_exercise: float = 10
    minutes_a_cell: float = 1  # to run a cell, and to look at what it gives

    def __str__(self) -> str:
        return (
            f"{self.words_a_minute:g} words a minute, {self.minutes_a_guess:g} minutes for each guess, "
            f"{self.minutes_an_exercise:g} for each exercise, {self.minutes_a_cell:g} for each other cell that is run "
            "and looked at; rounded to five minutes"
        )


ASSUMED = Assumed()


class Section(NamedTuple):
    """A section of a lesson, as a learner gets it."""

    title: str
    words: int
    guesses: int
    exercises: int
    cells: int

    def minutes(self, assumed: Assumed = ASSUMED) -> float:
        return (
            self.words / assumed.words_a_minute
            + self.guesses * assumed.minutes_a_guess
            + self.exercises * assumed.minutes_an_exercise
            + self.cells * assumed.minutes_a_cell
        )


def sections(notebook: dict[str, Any]) -> list[Section]:
    """Of a notebook for learners. What stands before the first heading counts to the first section."""
    found = [Section("", 0, 0, 0, 0)]
    for cell in notebook["cells"]:
        tags, source = cell["metadata"].get("tags", ()), "".join(cell["source"])
        if cell["cell_type"] == "markdown" and "header" not in tags:
            for part in re.split(r"^(?=## )", source, flags=re.MULTILINE):
                if heading := re.match(r"## (.+)", part):
                    found += [Section("", 0, 0, 0, 0)] if found[-1].title else []
                    found[-1] = found[-1]._replace(title=heading[1])
                found[-1] = found[-1]._replace(words=found[-1].words + len(part.split()))
        elif cell["cell_type"] == "code" and not {"setup", "ci-only"} & set(tags):
            kind = "guesses" if "guess" in tags else "exercises" if "exercise" in tags else "cells"
            found[-1] = found[-1]._replace(**{kind: getattr(found[-1], kind) + 1})
    return found


def minutes(chosen: Sequence[Section], assumed: Assumed = ASSUMED) -> int:
    return rounded(sum(section.minutes(assumed) for section in chosen))


def rounded(minutes: float) -> int:
    """To five minutes: more would not be honest."""
    return max(5, 5 * round(minutes / 5))


def hours(minutes: float) -> str:
    """2 h 55 min."""
    hours, rest = divmod(round(minutes), 60)
    return SPACE.join([f"{hours}{SPACE}h"] * (hours > 0) + [f"{rest}{SPACE}min"] * (rest > 0 or hours == 0))
