"""What a class has answered, question by question, from the lines that layerscope.lessons.record keeps.

What is counted are sessions: one start of a notebook. Whoever starts it twice is counted twice.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from layerscope.classroom import SHARE
from layerscope.lessons.check import lesson_parts
from layerscope.source import DataError

ENDINGS = {"guess": None, "check": {"pass", "fail", "error", "todo"}, "use": {"own", "reference"}}
TEXTS = ("session", "lesson", "question", "answer", "mistake")
LONGEST = 10**8  # seconds, about three years: what is above was not counted by a notebook
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # of a terminal: no answer has them


class Choice(NamedTuple):
    letter: str
    text: str
    why: str
    right: bool
    chosen: int  # by so many sessions first


class Guessed(NamedTuple):
    """One question, by the first guess of each session: the one before anything was seen."""

    name: str
    text: str
    choices: tuple[Choice, ...]
    changed: int  # sessions whose last guess is another

    @property
    def sessions(self) -> int:
        return sum(choice.chosen for choice in self.choices)

    @property
    def right(self) -> int:
        return sum(choice.chosen for choice in self.choices if choice.right)


class Tried(NamedTuple):
    """One exercise."""

    name: str
    begun: int  # sessions with at least one try
    passed: int
    at_once: int  # passed at the first try
    tries: float | None  # until it passed, the median
    reference: int  # sessions that last went on with the reference answer
    mistakes: tuple[tuple[str, int], ...]  # in the words of the lesson, and in how many sessions; the most common first

    @property
    def stuck(self) -> int:
        return self.begun - self.passed


class LessonTally(NamedTuple):
    number: str
    sessions: int
    minutes: float  # from the start of the notebook to the last answer, the median
    guessed: tuple[Guessed, ...]
    tried: tuple[Tried, ...]


class Tally(NamedTuple):
    lessons: tuple[LessonTally, ...]
    sessions: int
    answers: int
    unreadable: int  # lines that are damaged, and files that cannot be read
    unknown: int  # answers to questions that this version does not have


Line = dict[str, Any]


def tally(folder: Path) -> Tally:
    """Of the files in `folder`/share/answers. The class can write there, so a line is counted, or called damaged.

    Raises:
        DataError: if there are none.
    """
    lines, unreadable = _lines(folder / SHARE / "answers")
    known = [line for line in lines if _is_known(line)]
    numbers = sorted({line["lesson"] for line in known}, key=int)
    of = {number: [line for line in known if line["lesson"] == number] for number in numbers}
    sessions = len({line["session"] for line in known})
    found = tuple(_of_lesson(number, own) for number, own in of.items())
    return Tally(found, sessions, len(known), unreadable, len(lines) - len(known))


def _lines(answers: Path) -> tuple[list[Line], int]:
    files = sorted(answers.glob("*.jsonl")) if answers.is_dir() else []
    if not files:
        raise DataError(
            f"no answers in {answers}. They are kept only where LAYERSCOPE_ANSWERS names that folder when the notebook "
            "is started; README.md of the class says how. Answers that were kept elsewhere: copy their files there."
        )
    found, unreadable = [], 0
    for file in files:
        try:
            texts = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            unreadable += 1
            continue
        read = [_line(text) for text in texts]
        found += [line for line in read if line]
        unreadable += read.count(None)
    return found, unreadable


def _line(text: str) -> Line | None:
    """What a notebook would have written; None if it did not."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not all(is_text(line.get(field)) for field in TEXTS):
        return None
    kind, seconds = line.get("kind"), line.get("seconds")
    if not isinstance(kind, str) or kind not in ENDINGS or type(seconds) is not int or not 0 <= seconds <= LONGEST:
        return None
    endings = ENDINGS[kind]
    return line if endings is None or line["answer"] in endings else None


def is_text(value: Any) -> bool:
    """A string that can be written to a page and shown in a terminal."""
    if not isinstance(value, str) or CONTROL.search(value):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character
        return False
    return True


def _is_known(line: Line) -> bool:
    """Whether this version has the question, and of a guess the option."""
    part = lesson_parts(line["lesson"], "QUESTIONS" if line["kind"] == "guess" else "CHECKS")
    asked = part.get(line["question"])
    return asked is not None and (
        line["kind"] != "guess" or line["answer"] in {option.text for option in asked.options.values()}
    )


def _of_lesson(number: str, lines: list[Line]) -> LessonTally:
    last: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        last[line["session"]] = max(last[line["session"]], line["seconds"])
    questions, checks = (lesson_parts(number, part) for part in ("QUESTIONS", "CHECKS"))
    guessed = [_guessed(name, asked, _by_session(lines, name, "guess")) for name, asked in questions.items()]
    tried = [_tried(name, _by_session(lines, name, "check"), _by_session(lines, name, "use")) for name in checks]
    minutes = median(last.values()) / 60
    return LessonTally(
        number,
        len(last),
        minutes,
        tuple(one for one in guessed if one.sessions),
        tuple(one for one in tried if one.begun),
    )


def _by_session(lines: list[Line], name: str, kind: str) -> list[list[Line]]:
    """Of each session its lines on one question, in the order in which they were written."""
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line["question"] == name and line["kind"] == kind:
            found[line["session"]].append(line)
    return list(found.values())


def _guessed(name: str, asked: Any, sessions: list[list[Line]]) -> Guessed:
    first = Counter(own[0]["answer"] for own in sessions)
    changed = sum(own[-1]["answer"] != own[0]["answer"] for own in sessions)
    choices = tuple(
        Choice(letter, option.text, option.why, letter == asked.right, first[option.text])
        for letter, option in asked.options.items()
    )
    return Guessed(name, asked.text, choices, changed)


def _tried(name: str, checks: list[list[Line]], uses: list[list[Line]]) -> Tried:
    tries = [own for lines in checks if (own := [line for line in lines if line["answer"] != "todo"])]
    until = [next(_places(own, "pass")) for own in tries if any(_places(own, "pass"))]
    mistakes = Counter(mistake for own in tries for mistake in {line["mistake"] for line in own} - {""})
    return Tried(
        name,
        len(tries),
        len(until),
        sum(place == 1 for place in until),
        median(until) if until else None,
        sum(own[-1]["answer"] == "reference" for own in uses),
        tuple(sorted(mistakes.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def _places(own: list[Line], ending: str) -> Iterator[int]:
    return (place for place, line in enumerate(own, start=1) if line["answer"] == ending)
