"""Checks and questions never raise before a learner, and never let an empty answer pass."""

import inspect

import pytest

from layerscope.lessons import Check, Option, Question, check, explain, guess, use
from layerscope.lessons import check as check_function
from layerscope.lessons.check import untouched
from layerscope.lessons.show import _line

check_module, guess_module = inspect.getmodule(check_function), inspect.getmodule(guess)
assert check_module is not None


def _double(f):
    got = f(21)
    assert got == 42, f"the double of 21 is 42, got {got}"
    return "21 became 42"


CHECKS = {
    "0.double": Check(_double, ("think of +", "x + x"), reference=lambda x: 2 * x),
    "0.low": Check(lambda share: _low(share), full_only=True),
}
QUESTIONS = {
    "0.why": Question("Why?", {"a": Option("No.", "It is <b>not</b>."), "b": Option("Yes.", "It is.")}, right="b")
}


def _low(share):
    assert share < 0.5, "too high"


@pytest.fixture(autouse=True)
def lesson(monkeypatch):
    parts = {"CHECKS": CHECKS, "QUESTIONS": QUESTIONS}
    monkeypatch.setattr(check_module, "lesson_part", lambda name, part: parts[part].get(name))
    monkeypatch.setattr(guess_module, "lesson_part", lambda name, part: parts[part].get(name))
    monkeypatch.setattr(check_module, "_tries", check_module._tries.__class__())
    monkeypatch.setattr(guess_module, "_guesses", {})
    monkeypatch.delenv("LAYERSCOPE_LESSONS", raising=False)


def stub(x): ...  # YOUR CODE HERE


def stub_that_returns(x):
    return ...  # YOUR CODE HERE


class Stub:
    def forward(self, x):
        x = ...  # YOUR CODE HERE
        return x + 1


def finished(x):
    return x + x  # YOUR CODE HERE


@pytest.mark.parametrize("answer", [stub, stub_that_returns, Stub, None, ...])
def test_what_was_not_begun_is_to_do(answer):
    verdict = check("0.double", answer)
    assert (verdict.status, bool(verdict), verdict.hints) == ("todo", False, ())
    assert untouched(answer)


def test_what_was_finished_beside_the_mark_counts():
    verdict = check("0.double", finished)
    assert verdict and repr(verdict) == "✅ 0.double: 21 became 42"


def test_hints_escalate_with_each_failure_and_stop_at_the_last():
    shown = [check("0.double", lambda x: x).hints for _ in range(3)]
    assert shown == [("think of +",), ("think of +", "x + x"), ("think of +", "x + x")]
    assert check("0.double", lambda x: x).message.startswith("the double of 21 is 42, got 21")


@pytest.mark.parametrize("error", [ZeroDivisionError("by 0"), RecursionError("deep"), SystemExit(3), KeyError("k")])
def test_an_answer_that_crashes_is_told_in_a_line(error):
    def crash(x):
        raise error

    verdict = check("0.double", crash)
    assert verdict.status == "error" and type(error).__name__ in verdict.message and verdict.hints == ("think of +",)


def test_stopping_the_kernel_is_not_swallowed():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("0.double", interrupted)


def test_an_unknown_name_is_told():
    assert check("0.nothing", 1).status == guess("0.nothing", "a").status == explain("0.nothing").status == "error"


def test_use_takes_an_answer_only_when_it_passes(capsys):
    assert use("0.double", finished) is finished
    assert capsys.readouterr().out == ""
    assert use("0.double", stub)(4) == 8
    assert use("0.double", lambda x: x)(4) == 8
    assert capsys.readouterr().out.count("reference answer") == 2


@pytest.mark.parametrize(("mode", "raises"), [("full", True), ("smoke", False), ("", False)])
def test_results_are_judged_in_full_runs_only(monkeypatch, mode, raises):
    monkeypatch.setenv("LAYERSCOPE_LESSONS", mode)
    if raises:
        with pytest.raises(AssertionError, match="too high"):
            check("0.low", 0.9)
    else:
        assert check("0.low", 0.9).status == "fail"


@pytest.mark.parametrize("mode", ["full", "smoke"])
def test_where_solutions_are_tested_a_failure_is_an_error(monkeypatch, mode):
    monkeypatch.setenv("LAYERSCOPE_LESSONS", mode)
    for failing in (lambda: check("0.double", stub), lambda: guess("0.why", "a"), lambda: guess("0.why", ...)):
        with pytest.raises(AssertionError):
            failing()
    assert check("0.double", finished) and guess("0.why", "b") and explain("0.why")


def test_a_guess_is_noted_and_not_given_away():
    assert guess("0.why", ...).status == "todo" and guess("0.why", "z").status == "todo"
    for letter in ("a", "b", " B "):
        noted = guess("0.why", letter)
        assert noted.status == "noted" and "It is" not in noted.message


def test_explained_after_the_experiment():
    assert explain("0.why").message == "you did not guess. The answer: b) Yes. It is."
    guess("0.why", "a")
    assert explain("0.why").message == "you guessed a) No. It is <b>not</b>. The answer: b) Yes. It is."
    assert "&lt;b&gt;not" in explain("0.why")._repr_html_()
    guess("0.why", "b")
    assert explain("0.why").status == "pass"


def test_a_question_as_the_lesson_shows_it():
    assert QUESTIONS["0.why"].markdown() == "**Your guess.** Why?\n\n- **a)** No.\n- **b)** Yes."


@pytest.mark.parametrize("unit", ["", "images", "bytes"])
@pytest.mark.parametrize(("total", "meter"), [(None, "<progress "), (0, "<progress "), (4_000_000, 'max="4000000"')])
def test_a_bar_knows_its_total_or_shows_that_it_is_busy(total, meter, unit):
    line = _line("reading <b>", 1_000_000, total, unit, 2.0)
    assert meter in line and "reading &lt;b&gt;" in line and "2.0 s" in line
    assert ("of" in line) == bool(total) and ("1.0" in line) == (unit == "bytes")
