"""Folders that a class can write to: what stands there is counted, or called unreadable; the rest is seen."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from layerscope.classroom.answers import tally
from layerscope.classroom.machines import read_machines
from layerscope.classroom.summary import write_summary
from layerscope.cli import app
from layerscope.lessons.check import lesson_parts

TEXT = st.text(st.characters(exclude_categories=[]), max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
NUMBER = st.sampled_from(["0", "1", "99", "x", "²", "-1", ""])


@cache
def names() -> list[str]:
    return [name for number in "01" for part in ("QUESTIONS", "CHECKS") for name in lesson_parts(number, part)]


@cache
def options() -> list[str]:
    asked = [question for number in "01" for question in lesson_parts(number, "QUESTIONS").values()]
    return [option.text for question in asked for option in question.options.values()]


def fields(**known) -> st.SearchStrategy:
    """Each as it should be, or anything, or not there."""
    return st.fixed_dictionaries({}, optional={name: known[name] | VALUE for name in known})


ANSWER = st.deferred(
    lambda: fields(
        session=st.sampled_from(["a", "b"]),
        lesson=NUMBER,
        question=st.sampled_from(names()),
        kind=st.sampled_from(["guess", "check", "use"]),
        answer=st.sampled_from(["pass", "fail", "todo", "own", "reference", *options()]),
        mistake=TEXT,
        seconds=st.integers(0, 10**9),
    )
)
ROW = fields(what=TEXT, advice=TEXT, lessons=st.lists(NUMBER, max_size=2))
REPORT = fields(
    machine=TEXT,
    number=TEXT,
    system=TEXT,
    layerscope=TEXT,
    ready=st.lists(NUMBER, max_size=2),
    missing=st.lists(ROW | VALUE, max_size=2),
    to_set=st.booleans(),
    memory=st.booleans(),
)


def whole(line: object) -> str:
    return json.dumps(line)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(ANSWER.map(whole), VALUE.map(whole), TEXT), max_size=6))
def test_any_line_is_counted_or_called_damaged(lines):
    with TemporaryDirectory() as folder:
        answers = Path(folder) / "share" / "answers"
        answers.mkdir(parents=True)
        text = "\n".join(line.replace("\n", " ") for line in lines)
        (answers / "a.jsonl").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        found = tally(Path(folder))
        there = (answers / "a.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
        assert found.answers + found.unreadable + found.unknown == len(there)
        write_summary(found, Path(folder)).read_text(encoding="utf-8")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(REPORT.map(whole), VALUE.map(whole), TEXT), min_size=1, max_size=4))
def test_any_report_is_read_or_named_and_all_of_it_can_be_shown(reports):
    with TemporaryDirectory() as folder:
        machines = Path(folder) / "share" / "machines"
        machines.mkdir(parents=True)
        (machines.parent / "class.json").write_text('{"layerscope": "1", "lessons": [{"number": "0"}]}')
        for i, report in enumerate(reports):
            (machines / f"{i}.json").write_text(report, encoding="utf-8", errors="surrogatepass")
        found = read_machines(Path(folder))
        assert len(found.unreadable) <= len(reports)
        done = CliRunner().invoke(app, ["class", folder, "--machines"])
        assert done.exit_code == 0, done.exception
