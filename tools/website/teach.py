"""Timing plans: lessons counted from their own words, guesses and exercises, lectures from their notes."""

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

import nb
import slidesource

from layerscope.classroom.timing import ASSUMED, SPACE, Assumed, Section, hours, minutes, rounded, sections
from website import DOCS, ROOT, Files

PLANS = DOCS / "teach" / "plans.toml"
HEADER = re.compile(r'<!--\s*header:\s*"(.*?)"\s*-->')
OPENING = "opening"
NAMED = 3  # sections; of more, the first and the last


@dataclass(frozen=True)
class Chapter:
    """Slides of a deck under one header."""

    name: str
    first: int  # numbers of slides
    last: int
    minutes: float


@dataclass(frozen=True)
class Row:
    what: str
    which: str
    how: str
    minutes: int  # 0: it runs by itself


@dataclass(frozen=True)
class Course:
    """What a plan can be made of."""

    lessons: dict[int, list[Section]]
    decks: dict[str, list[Chapter]]
    alone: dict[int, float]  # seconds that a computer needs for all of a lesson, as measured


def pages() -> Files:
    given = tomllib.loads(PLANS.read_text(encoding="utf-8"))
    course = as_it_is()
    plans = "\n".join(_plan(plan, course, given) for plan in given["plan"])
    return {
        "_made/plans.md": plans,
        "_made/minutes.md": _assumed() + "\n\n" + _minutes(course.lessons),
        "teach/plans.toml": PLANS,
    }


def as_it_is() -> Course:
    lessons = {int(nb.number(source.stem)): sections(nb.build(source, "student")) for source in nb.LESSONS}
    decks = {file.stem: chapters(slidesource.read(file)) for file in sorted((ROOT / "slides").glob("part*.md"))}
    measured = json.loads(nb.MEASURED.read_text(encoding="utf-8"))
    return Course(lessons, decks, {int(nb.number(name)): found["seconds"] for name, found in measured.items()})


def chapters(deck: slidesource.Deck) -> list[Chapter]:
    """A slide without a header of its own is of the chapter before it."""
    found: list[Chapter] = []
    for slide in deck.slides:
        named = HEADER.search(slide.text)
        if named or not found:
            found.append(Chapter(named[1] if named else OPENING, slide.number, slide.number, 0))
        last = found[-1]
        found[-1] = Chapter(last.name, last.first, slide.number, last.minutes + (slide.minutes or 0))
    return found


def _plan(plan: dict[str, Any], course: Course, given: dict[str, Any]) -> str:
    days = [_day(day, plan, course, given) for day in plan["day"]]
    return "\n\n".join([f"## {plan['name']}", plan["aim"], *days]) + "\n"


def _day(day: dict[str, Any], plan: dict[str, Any], course: Course, given: dict[str, Any]) -> str:
    begin = _minute(day["starts"])
    table = Table(begin, given, day.get("lunch", False))
    for part in day["parts"]:
        if "slides" in part:
            table.add(_lecture(part, course))
        elif "run" in part:
            table.add(_meanwhile(part, course))
        else:
            _add_lesson(table, part, course)
    if table.lunch:  # and nothing came so late
        table.pause(day["minutes"])
    taken, has = table.clock - begin, day["minutes"]
    name = f"{plan['name']}, {day['name'].lower()}," if "name" in day else plan["name"]
    if taken > has:
        raise SystemExit(f"teach/plans.toml: {name} has {has} minutes, its parts take {taken}.")
    said = f"{hours(taken)} of {hours(has)}, to {_clock(table.clock)}"
    rest = f"{hours(has - taken)} are left {plan['left']}" if has > taken else "none are left"
    head = [f"### {day['name']}", ""] if "name" in day else []
    top = ["| from | what | which | how | time |", "|---:|---|---|---|---:|"]
    return "\n".join([*head, *top, *table.lines, "", f"{said}; {rest}."])


class Table:
    """The rows of a day, with breaks so that nobody sits longer than may be, and lunch in time."""

    def __init__(self, clock: int, given: dict[str, Any], lunch: bool) -> None:
        self.clock, self.given, self.lunch = clock, given, lunch
        self.since = 0  # minutes without a break
        self.lines: list[str] = []

    @property
    def room(self) -> int:
        """Minutes to the next break or to lunch."""
        to_break = self.given["longest"] - self.since
        return min(to_break, _minute(self.given["lunch_by"]) - self.clock) if self.lunch else to_break

    def pause(self, needed: int) -> None:
        """Lunch, if what comes next and needs so many minutes would end too late after a break."""
        lunch = self.lunch and self.clock + self.given["break"] + needed > _minute(self.given["lunch_by"])
        name, takes = ("**lunch**", self.given["lunch"]) if lunch else ("break", self.given["break"])
        self.lines.append(f"| {_clock(self.clock)} | {name} | | | {hours(takes)} |")
        self.clock, self.since, self.lunch = self.clock + takes, 0, self.lunch and not lunch

    def add(self, row: Row) -> None:
        if self.since and row.minutes > self.room:
            self.pause(row.minutes)
        time = hours(row.minutes) if row.minutes else "meanwhile"
        self.lines.append(f"| {_clock(self.clock)} | {row.what} | {row.which} | {row.how} | {time} |")
        self.clock, self.since = self.clock + row.minutes, self.since + row.minutes


def _add_lesson(table: Table, part: dict[str, Any], course: Course) -> None:
    """Parted between sections where it is longer than one may sit."""
    own = course.lessons[part["lesson"]]
    chosen = [own[i - 1] for i in part.get("sections", range(1, len(own) + 1))]
    while chosen:
        if table.since and minutes(chosen[:1]) > table.room:
            table.pause(minutes(chosen[:1]))
        most = max(i for i in range(1, len(chosen) + 1) if i == 1 or minutes(chosen[:i]) <= table.room)
        titles = [section.title for section in chosen[:most]]
        which = "; ".join(titles) if most <= NAMED else f"{titles[0]} … to {titles[-1]}"
        table.add(Row(_link(part["lesson"]), which, part["how"], minutes(chosen[:most])))
        chosen = chosen[most:]


def _meanwhile(part: dict[str, Any], course: Course) -> Row:
    (first, last), number = part["run"], part["lesson"]
    takes = f"they run without stopping, and all of the lesson takes the computer {hours(course.alone[number] / 60)}"
    return Row(_link(number), f"sections {first} to {last}", f"{part['how']}: {takes}", 0)


def _lecture(part: dict[str, Any], course: Course) -> Row:
    deck = course.decks[part["slides"]]
    names = [re.sub(r"^\d+ · ", "", chapter.name) for chapter in deck]
    try:
        first, last = (names.index(part[key]) if key in part else 0 for key in ("from", "to"))
    except ValueError as error:
        raise SystemExit(f"teach/plans.toml: {part['slides']}.md: {error}. Its chapters: {'; '.join(names)}.") from None
    chosen = deck[first : last + 1]
    title = part["slides"].replace("part", f"part{SPACE}")
    which = f"slides {chosen[0].first} to {chosen[-1].last}: {'; '.join(c.name for c in chosen if c.name != OPENING)}"
    return Row(f"[slides, {title}](../slides.md)", which, part["how"], rounded(sum(c.minutes for c in chosen)))


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return 60 * int(hour) + int(minute)


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def _link(number: int) -> str:
    return f"[lesson{SPACE}{number}](../lessons/{_stem(number)}.ipynb)"


def _stem(number: int) -> str:
    return next(source.stem for source in nb.LESSONS if int(nb.number(source.stem)) == number)


def _assumed(assumed: Assumed = ASSUMED) -> str:
    return (
        f"Counted from the lessons themselves: {assumed}. Lectures are what the notes of their slides add up to. Your "
        "group will differ: the numbers stand in `src/layerscope/classroom/timing.py`, the plans in "
        "`docs/teach/plans.toml`, and these tables follow."
    )


def _minutes(lessons: dict[int, list[Section]]) -> str:
    """Every section of every lesson, to put a plan of one's own together."""
    rows = ["| section | words | guesses | exercises | minutes |", "|---|---:|---:|---:|---:|"]
    for number, own in lessons.items():
        link = f"[Lesson {number}](../lessons/{_stem(number)}.ipynb)"
        rows.append(
            f"| **{link}** | **{sum(s.words for s in own):,}** | **{sum(s.guesses for s in own)}** | "
            f"**{sum(s.exercises for s in own)}** | **{hours(minutes(own))}** |"
        )
        rows += [f"| {s.title} | {s.words:,} | {s.guesses or ''} | {s.exercises or ''} | {minutes([s])} |" for s in own]
    return "\n".join(rows)
