"""Timing plans: a clock, breaks and lunch, from the lessons and the decks as they are."""

import re

import pytest
import slidesource
from website import DOCS, facts, teach

GIVEN = {"longest": 90, "break": 15, "lunch": 60, "lunch_by": "13:00"}
DECK = """---
minutes: 10
---
# One
<!--
2 min
-->
---
<!-- header: "1 · First" -->
## Two
<!--
2.5 min
-->
---
<!-- _header: "" -->
## Three
<!--
4 min
-->
---
<!-- header: "2 · Second" -->
## Four
<!--
9 min
-->
"""


def planned(tmp_path, parts, **day):
    """A plan of sections of 40 minutes and of a deck, as a page."""
    (tmp_path / "part1.md").write_text(DECK, encoding="utf-8")
    own = [teach.Section(f"{i} · S", 1300, 1, 2, 8) for i in range(1, 7)]
    decks = {"part1": teach.chapters(slidesource.read(tmp_path / "part1.md"))}
    day = {"starts": "9:00", "minutes": 420, "parts": parts} | day
    plan = {"name": "A day", "aim": "It fits.", "left": "for questions", "day": [day]}
    return teach._plan(plan, teach.Course({0: own}, decks, {0: 283.3}), GIVEN)


def test_a_plan_has_a_clock_breaks_and_lunch(tmp_path):
    made = planned(
        tmp_path, [{"slides": "part1", "to": "First", "how": "a lecture"}, {"lesson": 0, "how": "in pairs"}], lunch=True
    )
    rows = [line.split(" | ") for line in made.splitlines() if re.match(r"\| \d", line)]
    assert [(row[0].strip("| "), row[1], row[-1].strip(" |").replace("\xa0", " ")) for row in rows] == [
        ("9:00", "[slides, part\xa01](../slides.md)", "10 min"),
        ("9:10", rows[1][1], "1 h 20 min"),
        ("10:30", "break", "15 min"),
        ("10:45", rows[1][1], "1 h 20 min"),
        ("12:05", "break", "15 min"),
        ("12:20", rows[1][1], "40 min"),
        ("13:00", "**lunch**", "1 h"),
        ("14:00", rows[1][1], "40 min"),
    ]
    assert rows[0][2] == "slides 1 to 3: 1 · First" and rows[1][2] == "1 · S; 2 · S"
    assert made.endswith("5\xa0h\xa040\xa0min of 7\xa0h, to 14:40; 1\xa0h\xa020\xa0min are left for questions.\n")


def test_what_runs_by_itself_takes_none_of_the_day(tmp_path):
    parts = [
        {"lesson": 0, "run": [2, 5], "how": "everybody"},
        {"slides": "part1", "from": "Second", "to": "Second", "how": "-"},
    ]
    made = planned(tmp_path, parts)
    assert (
        "| sections 2 to 5 | everybody: they run without stopping, and all of the lesson takes the computer 5\xa0min |"
        in made
    )
    assert made.count("| 9:00 |") == 2 and "| meanwhile |" in made and "slides 4 to 4: 2 · Second" in made


def test_a_plan_that_does_not_fit_its_time_is_refused(tmp_path):
    parts = [{"lesson": 0, "sections": [1], "how": "alone"}]
    assert "40\xa0min of 1\xa0h, to 9:40; 20\xa0min are left for questions.\n" in planned(tmp_path, parts, minutes=60)
    with pytest.raises(SystemExit, match="A day has 30 minutes, its parts take 40"):
        planned(tmp_path, parts, minutes=30)
    with pytest.raises(SystemExit, match="A day, day two, has 30 minutes"):
        planned(tmp_path, parts, minutes=30, name="Day two")


def test_a_chapter_that_is_not_in_the_deck_is_named_with_those_that_are(tmp_path):
    with pytest.raises(SystemExit, match="'Third' is not in list. Its chapters: opening; First; Second"):
        planned(tmp_path, [{"slides": "part1", "to": "Third", "how": "a lecture"}])


def test_the_plans_fit_the_lessons_and_the_decks_as_they_are():
    made = teach.pages()
    assert all(f"## {name}" in made["_made/plans.md"] for name in ("Half a day", "A day", "A week"))
    course = teach.as_it_is()
    for name, deck in course.decks.items():
        slides = slidesource.read(DOCS.parent / "slides" / f"{name}.md").slides
        assert sum(chapter.minutes for chapter in deck) == sum(slide.minutes or 0 for slide in slides)
        assert (deck[0].first, deck[-1].last) == (1, len(slides))


def test_a_class_is_told_the_times_of_the_site():
    from layerscope.classroom.course import lessons
    from layerscope.classroom.folder import plan

    own = teach.as_it_is().lessons
    assert {lesson.number: plan(lesson) for lesson in lessons()} == {
        str(number): teach.hours(teach.minutes(sections)) for number, sections in own.items()
    }


def test_pages_for_teachers_have_numbers_that_follow_from_the_lessons():
    assert facts.hub_memory({"1": 2 * 10**9, "0": 10**9}) == "30 learners at once: lesson 0 38 GB, lesson 1 75 GB"
    assert 10**8 < facts.data_size() < 10**9
    own = [teach.minutes(sections) for sections in teach.as_it_is().lessons.values()]
    notebooks = [teach.nb.build(source, "student") for source in teach.nb.LESSONS]
    assert facts.lesson_hours(notebooks) == f"{teach.hours(min(own))} to {teach.hours(max(own))}"
