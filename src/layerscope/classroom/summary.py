"""The page that shows what a class answered: for the class as a whole, with no one in it."""

import re
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from layerscope.checkpoint import write_text
from layerscope.classroom import TEACHER
from layerscope.classroom.answers import Guessed, LessonTally, Tally
from layerscope.classroom.course import lessons
from layerscope.judge import wilson
from layerscope.source import DataError

FEW = 5  # sessions; below, a count may say who it was
CODE = re.compile(r"`([^`]+)`")
EMPHASIS = (  # as Markdown has it: a star beside a space, or within a word, is a star
    (re.compile(r"(?<![\w*])\*\*(?=\S)(.+?)(?<=\S)\*\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])"), "em"),
)


def write_summary(found: Tally, folder: Path) -> Path:
    """One HTML file that needs nothing beside it."""
    loader = ChoiceLoader([PackageLoader("layerscope", "classroom"), PackageLoader("layerscope", "report")])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"inline": inline, "lesson": title}
    told = {"of": of, "interval": interval, "guesses": guess_words, "stuck": stuck_words, "FEW": FEW}
    out = folder / TEACHER / "summary.html"
    out.parent.mkdir(exist_ok=True)
    write_text(out, environment.get_template("summary.html.jinja").render(found=found, **told))
    return out


def title(number: str) -> str:
    """That of a lesson, where its notebook is here."""
    try:
        return lessons([number])[0].title
    except (DataError, ValueError):
        return f"Lesson {number}"


def of(k: int, n: int) -> str:
    """5 of 7."""
    return f"{k} of {n}"


def interval(k: int, n: int) -> str:
    """What the share of a large class could be that guesses as this one did."""
    low, high = wilson(k, n)
    return f"{100 * low:.0f}–{100 * high:.0f} %"


def inline(text: str) -> Markup:
    """The little Markdown that questions have."""
    parts = CODE.split(str(escape(text)))  # between the texts stands what was code
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f"<code>{part}</code>"
        else:
            for pattern, tag in EMPHASIS:
                parts[i] = pattern.sub(rf"<{tag}>\1</{tag}>", parts[i])
    return Markup("".join(parts))  # what came in was escaped


def guess_words(lesson: LessonTally) -> str:
    """On which question the class was wrong most often, and on which least."""
    if not lesson.guessed:
        return ""
    last, first = min(lesson.guessed, key=_share), max(lesson.guessed, key=_share)
    if last.right == last.sessions:
        return "Every first guess was right."
    most = max(last.choices, key=lambda choice: choice.chosen)
    instead = "" if most.right else f"; most said {most.letter})"
    said = f"Fewest first guesses were right on {last.name}: {of(last.right, last.sessions)}{instead}."
    if _share(first) > _share(last):
        said += f" Most were right on {first.name}: {of(first.right, first.sessions)}."
    return said


def stuck_words(lesson: LessonTally) -> str:
    """Which exercise cost most, and what went wrong there."""
    hard = max(lesson.tried, key=lambda tried: (tried.stuck / tried.begun, tried.tries or 0), default=None)
    if hard is None:
        return ""
    if not hard.stuck and hard.tries == 1:
        return "No exercise held many up: every session passed what it tried, most of them at once."
    word = "try" if hard.tries == 1 else "tries"
    tries = f" Those took {hard.tries:g} {word} until then (median)." if hard.tries else ""
    mistake = f" The most common mistake: “{hard.mistakes[0][0].rstrip('.')}”." if hard.mistakes else ""
    return f"Stuck most: {hard.name}, passed in {of(hard.passed, hard.begun)} sessions.{tries}{mistake}"


def _share(guessed: Guessed) -> float:
    return guessed.right / guessed.sessions
