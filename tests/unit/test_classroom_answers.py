"""What a class answered: kept only where it is asked for, without a person in it, and counted as it was."""

import ast
import inspect
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from layerscope.classroom import summary
from layerscope.classroom.answers import Choice, Guessed, LessonTally, Tally, Tried, tally
from layerscope.classroom.summary import guess_words, inline, interval, stuck_words, write_summary
from layerscope.cli import app
from layerscope.lessons import check, guess, lesson1, record, use
from layerscope.lessons.check import lesson_parts
from layerscope.lessons.record import OWN_CODE
from layerscope.source import DataError

check_module, guess_module = inspect.getmodule(check), inspect.getmodule(guess)
assert check_module and guess_module
RIGHT = lesson1.CHECKS["1.normalise"].reference
LETTER, OPTIONS = lesson1.QUESTIONS["1.twins"].right, lesson1.QUESTIONS["1.twins"].options


@pytest.fixture(autouse=True)
def notebook(monkeypatch):
    monkeypatch.delenv("LAYERSCOPE_LESSONS", raising=False)
    monkeypatch.delenv("LAYERSCOPE_ANSWERS", raising=False)
    start(monkeypatch)


def start(monkeypatch, minutes: float = 0) -> str:
    """A notebook is started, so many minutes ago."""
    session = record._Session()
    session.began -= 60 * minutes
    monkeypatch.setattr(record, "_session", session)
    monkeypatch.setattr(check_module, "_tries", Counter())
    monkeypatch.setattr(guess_module, "_guesses", {})
    return session.id


@pytest.fixture
def answers(tmp_path, monkeypatch) -> Path:
    (tmp_path / "share").mkdir()
    monkeypatch.setenv("LAYERSCOPE_ANSWERS", str(tmp_path / "share" / "answers"))
    return tmp_path / "share" / "answers"


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for file in sorted(folder.iterdir()) for line in file.read_text("utf-8").splitlines()]


# kept


def test_nothing_is_kept_unless_the_learner_s_environment_asks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for _ in ("not set", "empty"):
        guess("1.twins", LETTER)
        check("1.normalise", RIGHT)
        use("1.normalise", RIGHT)
        monkeypatch.setenv("LAYERSCOPE_ANSWERS", "")
    assert list(tmp_path.rglob("*")) == [] and "kept" not in capsys.readouterr().out


def test_one_line_for_each_answer(answers, monkeypatch):
    session = start(monkeypatch, minutes=2)
    guess("1.twins", ...)
    guess("1.twins", "z")
    guess("1.twins", "a")
    guess("1.twins", "b")
    check("1.normalise", ...)
    check("1.normalise", lambda pixels: RIGHT(pixels).double())
    check("1.normalise", RIGHT)
    use("1.normalise", ...)
    use("1.normalise", RIGHT)
    assert [path.name for path in answers.iterdir()] == [f"{session}.jsonl"]
    found = lines(answers)
    wanted = {"session", "lesson", "question", "kind", "answer", "mistake", "seconds"}
    assert {frozenset(line) for line in found} == {frozenset(wanted)}, "and nothing that nobody reads"
    assert [(line["kind"], line["answer"]) for line in found] == [
        *(("guess", OPTIONS["a"].text), ("guess", OPTIONS["b"].text)),
        *(("check", "todo"), ("check", "fail"), ("check", "pass")),
        *(("use", "reference"), ("use", "own")),
    ]
    assert {line["lesson"] for line in found} == {"1"} and {line["session"] for line in found} == {session}
    assert found[3]["mistake"] == "expected float32, got …: call .float() before you divide."
    assert all(120 <= line["seconds"] <= 180 for line in found)


def test_the_learner_is_told_once(answers, capsys):
    for _ in range(3):
        guess("1.twins", "a")
    said = capsys.readouterr().out
    assert said.count("Answers are kept, without a name") == 1 and str(answers) in said


def test_no_value_of_an_answer_and_no_text_of_an_error_is_kept(answers):
    class AnnaError(Exception): ...

    def path(pixels):
        raise FileNotFoundError("/home/anna/secret.txt")

    def own(pixels):
        raise AnnaError("anna")

    def asserts(pixels):
        assert pixels is None, "anna"

    def value(pixels):
        return "anna"

    for wrong in (path, own, asserts, value, lambda pixels: RIGHT(pixels) * 0.123456):
        assert check("1.normalise", wrong).status in ("fail", "error")
    assert [line["mistake"] for line in lines(answers)] == [
        "the code raised FileNotFoundError",
        "the code raised an error of another library",
        OWN_CODE,
        "a tensor was needed, got … Is there a `return`?",
        "0 must become -1, 127.5 must become 0, 255 must become 1.",
    ]
    assert "anna" not in (written := "".join(path.read_text() for path in answers.iterdir())).lower()
    assert "0.12" not in written


def test_every_message_of_the_lessons_has_words_without_values():
    """What is kept of a message are words of the source; no message is made of values alone."""
    seen = 0
    for file in record.LESSONS.glob("lesson*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            raised = node.exc if isinstance(node, ast.Raise) else None
            is_ours = isinstance(raised, ast.Call) and getattr(raised.func, "id", "") == "AssertionError"
            message = node.msg if isinstance(node, ast.Assert) else raised.args[0] if is_ours else None
            if message is not None and not isinstance(message, ast.Name):  # a name: another line has the words
                seen += 1
                words = record._words(message)
                assert re.search(r"\w{2}", words), f"{file.name}, line {node.lineno}: {ast.unparse(message)}"
    assert seen > 100


def test_messages_of_each_kind_lose_their_values():
    """Text, text with values, in a helper, raised."""
    from layerscope.lessons import lesson0

    def mistake(test, answer):
        try:
            test(answer)
        except AssertionError as error:
            return record.known_mistake(error)
        return None

    assert mistake(lesson1.CHECKS["1.normalise"].test, lambda x: 1) == "a tensor was needed, got … Is there a `return`?"
    assert mistake(lesson1.CHECKS["1.count"].test, lambda *_: -1).startswith(
        "a network … has … parameters, you count …"
    )

    def deep(node, seen=None):
        return [*(found for parent, _ in node.parents for found in deep(parent)), node]

    assert mistake(lesson0.CHECKS["0.order"].test, deep) == "every value once. Got … entries for … values."


@pytest.mark.parametrize("kind", ["a file", "no parent", "no drive"])
def test_a_folder_that_cannot_be_written_never_breaks_a_lesson(tmp_path, monkeypatch, capsys, kind):
    places = {
        "a file": tmp_path / "file",
        "no parent": tmp_path / "not" / "mounted",
        "no drive": "~nobody-here/answers",
    }
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAYERSCOPE_ANSWERS", str(places[kind]))
    assert guess("1.twins", "a").status == "noted" and check("1.normalise", RIGHT).status == "pass"
    assert use("1.normalise", RIGHT) is RIGHT
    said = capsys.readouterr().out
    assert said.count("cannot be kept") == 1 and "The lesson goes on without." in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_drive_that_goes_away_is_noticed_and_the_lesson_goes_on(answers, capsys):
    guess("1.twins", "a")
    for file in answers.iterdir():
        file.unlink()
    answers.rmdir()
    answers.write_text("now a file")
    for _ in range(2):
        assert guess("1.twins", "b").status == "noted"
    said = capsys.readouterr().out
    assert said.count("Answers are kept") == said.count("Answers cannot be kept") == 1
    answers.unlink()
    guess("1.twins", "c")
    assert capsys.readouterr().out.count("Answers are kept") == 1, "they are kept again, and the learner must know"


def test_a_session_says_nothing_of_another(answers, monkeypatch):
    sessions = {start(monkeypatch) for _ in range(50)}
    assert len(sessions) == 50 and all(len(session) == 16 for session in sessions)


# counted


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="no answers in .*LAYERSCOPE_ANSWERS"):
        tally(tmp_path)


def test_a_class_is_counted_by_sessions(tmp_path, answers, monkeypatch):
    """Six who really answer: first guesses count, tries until the check passes, and who went on with the reference."""
    letters = [*OPTIONS]
    wrong = next(letter for letter in letters if letter != LETTER)
    for number in range(6):
        start(monkeypatch, minutes=10 * (number + 1))
        guess("1.twins", LETTER if number < 4 else wrong)
        if number == 5:
            guess("1.twins", LETTER)
        check("1.normalise", ...)
        for _ in range(number):
            check("1.normalise", lambda pixels: RIGHT(pixels).double())
        if number == 2:
            check("1.normalise", lambda pixels: 1 / 0)
        if number < 4:
            check("1.normalise", RIGHT)
        use("1.normalise", RIGHT if number < 4 else ...)
    good = lines(answers)[0]
    strange = ({"question": "1.gone"}, {"lesson": "99", "question": "99.x"}, {"answer": "q"})
    (answers / "damaged.jsonl").write_text('{"session": "x"}\nnot json\n[1]\n')
    (answers / "other.jsonl").write_text("".join(json.dumps(good | other) + "\n" for other in strange))
    found = tally(tmp_path)
    (lesson,) = found.lessons
    assert (found.sessions, found.unreadable, found.unknown, lesson.number) == (6, 3, 3, "1")
    assert (lesson.sessions, round(lesson.minutes)) == (6, 35)
    (asked,) = lesson.guessed
    assert {c.letter: c.chosen for c in asked.choices} == dict.fromkeys(letters, 0) | {LETTER: 4, wrong: 2}
    assert (asked.right, asked.sessions, asked.changed) == (4, 6, 1)
    (tried,) = lesson.tried
    assert (tried.begun, tried.passed, tried.at_once, tried.tries, tried.reference, tried.stuck) == (6, 4, 1, 3, 2, 2)
    assert tried.mistakes == (
        ("expected float32, got …: call .float() before you divide.", 5),
        ("the code raised ZeroDivisionError", 1),
    )


LINE = {
    **{"session": "s", "lesson": "1", "question": "1.twins", "kind": "guess", "answer": OPTIONS["a"].text},
    **{"mistake": "", "seconds": 3},
}


@pytest.mark.parametrize(
    "text",
    [
        *(json.dumps(LINE | {"kind": kind}) for kind in ([], {}, None, 1)),
        *(json.dumps(LINE | {"seconds": seconds}) for seconds in (-1, True, 1.5, 10**400, "3")),
        json.dumps(LINE | {"mistake": "\ud800"}),
        json.dumps(LINE | {"mistake": "\x1b[2J"}),
        json.dumps(LINE | {"session": ["s"]}),
        "[" * 100_000,
        "1" * 5000,
        "\x00",
    ],
)
def test_a_damaged_line_is_left_out_and_the_summary_goes_on(tmp_path, answers, text):
    """A class can write into the folder, so whatever stands there must not keep the teacher from the rest."""
    answers.mkdir()
    (answers / "s.jsonl").write_text(f"{json.dumps(LINE)}\n{text}\n{json.dumps(LINE)}\n", encoding="utf-8")
    (answers / "folder.jsonl").mkdir()
    found = tally(tmp_path)
    assert (found.answers, found.unreadable) == (2, 2)
    assert "Very few sessions" in write_summary(found, tmp_path).read_text("utf-8")


def test_a_guess_counts_for_its_words_also_where_another_version_has_another_letter(tmp_path, answers, monkeypatch):
    guess("1.twins", LETTER)
    turned = dict(zip(OPTIONS, reversed(OPTIONS.values()), strict=True))
    right = next(letter for letter, option in turned.items() if option.text == OPTIONS[LETTER].text)
    newer = lesson1.QUESTIONS["1.twins"]._replace(options=turned, right=right)
    monkeypatch.setitem(lesson1.QUESTIONS, "1.twins", newer)
    (asked,) = tally(tmp_path).lessons[0].guessed
    assert asked.right == 1 and {c.letter for c in asked.choices if c.chosen} == {right}


def guessed(name: str, right: int, wrong: int) -> Guessed:
    return Guessed(name, "?", (Choice("a", "A", "", True, right), Choice("b", "B", "", False, wrong)), 0)


def tried(name: str, begun: int, passed: int, tries: float | None, *mistakes: tuple[str, int]) -> Tried:
    return Tried(name, begun, passed, 0, tries, 0, mistakes)


def test_the_sentences_follow_from_the_counts():
    lesson = LessonTally(
        "1",
        7,
        3.0,
        (guessed("1.x", 2, 5), guessed("1.y", 6, 1)),
        (tried("1.e", 7, 5, 3.0, ("no.", 4)), tried("1.f", 7, 7, 1.0)),
    )
    assert guess_words(lesson) == (
        "Fewest first guesses were right on 1.x: 2 of 7; most said b). Most were right on 1.y: 6 of 7."
    )
    assert stuck_words(lesson) == (
        "Stuck most: 1.e, passed in 5 of 7 sessions. Those took 3 tries until then (median). "
        "The most common mistake: “no”."
    )
    easy = lesson._replace(guessed=(guessed("1.x", 7, 0),), tried=(tried("1.f", 7, 7, 1.0),))
    assert guess_words(easy) == "Every first guess was right."
    assert stuck_words(easy).startswith("No exercise held many up")
    assert (
        stuck_words(lesson._replace(tried=(tried("1.e", 2, 0, None),))) == "Stuck most: 1.e, passed in 0 of 2 sessions."
    )
    assert guess_words(lesson._replace(guessed=())) == stuck_words(lesson._replace(tried=())) == ""


def test_small_counts_have_wide_intervals():
    assert interval(5, 7) == "36–92 %" and interval(0, 3) == "0–56 %" and interval(50, 70) == "60–81 %"


def test_the_little_markdown_of_questions_and_nothing_else():
    assert inline("*a* **b** `c` <script>") == "<em>a</em> <strong>b</strong> <code>c</code> &lt;script&gt;"


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("`a * b * c`", "<code>a * b * c</code>"),
        ("`x**2 + y**2`", "<code>x**2 + y**2</code>"),
        ("2 * 3 * 4 and x**2 + y**2", "2 * 3 * 4 and x**2 + y**2"),
        ("*given* `*` **both** and `**`", "<em>given</em> <code>*</code> <strong>both</strong> and <code>**</code>"),
        ("`*a` and `b*`", "<code>*a</code> and <code>b*</code>"),
        ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
    ],
)
def test_a_star_in_code_or_beside_a_space_is_a_star(text, page):
    assert inline(text) == page


def test_every_question_keeps_its_stars_and_ticks_in_pairs():
    """What the little Markdown does not understand would be seen as a star."""
    for number in "01234":
        for asked in lesson_parts(number, "QUESTIONS").values():
            for text in (
                asked.text,
                *(part for option in asked.options.values() for part in (option.text, option.why)),
            ):
                bare = re.sub(r"<code>.*?</code>|\$.*?\$", "", str(inline(text)))
                assert "`" not in bare and not re.search(r"(?<![\s\d])\*(?![\s\d*])", bare), (number, text)


def test_one_page_with_nothing_beside_it_and_no_one_in_it(tmp_path, answers, monkeypatch):
    session = start(monkeypatch, minutes=1)
    guess("1.twins", LETTER)
    check("1.normalise", lambda pixels: torch.zeros(3))
    done = CliRunner().invoke(app, ["class", str(tmp_path), "--summary"])
    assert done.exit_code == 0, done.output
    assert "1 of 1" in done.output and "Summary:" in done.output
    page = (tmp_path / "teacher" / "summary.html").read_text("utf-8")
    assert "Very few sessions" in page and "What the class answered" in page
    assert session not in page and "http" not in page and "src=" not in page and "url(" not in page
    assert OPTIONS[LETTER].text.split("*")[0][:20] in page
    assert "95 % interval 21–100 %" in page and "expected shape … (…), got …" in page


def test_a_larger_class_gets_no_warning_and_damage_is_named(tmp_path):
    many = Tally((LessonTally("1", 9, 2.0, (guessed("1.x", 9, 0),), ()),), 9, 9, 2, 1)
    page = write_summary(many, tmp_path).read_text("utf-8")
    assert (
        "Very few sessions" not in page
        and "2 damaged line(s) or file(s)" in page
        and "1 answer(s) are to questions" in page
    )
    assert "Exercises</h3>" not in page and summary.title("99") == "Lesson 99"
