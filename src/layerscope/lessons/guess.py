"""Predict, observe, explain: a question before the cell that answers it, and the reasons after.

Reference: White and Gunstone 1992, Probing Understanding.
"""

from typing import NamedTuple

from layerscope.lessons.check import lesson_part, untouched
from layerscope.lessons.record import record
from layerscope.lessons.verdict import Verdict, must_pass

_guesses: dict[str, str] = {}


class Option(NamedTuple):
    text: str
    why: str  # it is right, or wrong


class Question(NamedTuple):
    text: str
    options: dict[str, Option]  # letter -> option
    right: str

    def markdown(self) -> str:
        """As the lesson shows it."""
        lines = [f"- **{letter})** {option.text}" for letter, option in self.options.items()]
        return "\n".join([f"**Your guess.** {self.text}", "", *lines])


def guess(name: str, letter: object) -> Verdict:
    """Note what the learner expects, before it is seen."""
    question = lesson_part(name, "QUESTIONS")
    if question is None:
        return must_pass(Verdict(name, "error", "there is no such question. Is the name spelled as in the lesson?"))
    letters = ", ".join(question.options)
    if untouched(letter):
        return must_pass(Verdict(name, "todo", f"put the letter of your guess in the place of the `...`: {letters}."))
    chosen = str(letter).strip().lower()
    if chosen not in question.options:
        return must_pass(Verdict(name, "todo", f"a guess is one letter of {letters}. Got {letter!r:.20}."))
    _guesses[name] = chosen
    record(name, "guess", question.options[chosen].text)  # its letter may be another in another version
    verdict = Verdict(name, "noted", f"your guess is {chosen}) {question.options[chosen].text} Run on and see.")
    if chosen != question.right:  # told to whoever tests the solutions, not yet to the learner
        must_pass(Verdict(name, "fail", f"the right answer is {question.right}, the solution says {chosen}."))
    return verdict


def explain(name: str) -> Verdict:
    """After it was seen: whether the guess was right, and why."""
    question = lesson_part(name, "QUESTIONS")
    if question is None:
        return must_pass(Verdict(name, "error", "there is no such question. Is the name spelled as in the lesson?"))
    right, chosen = question.options[question.right], _guesses.get(name)
    answer = f"{question.right}) {right.text} {right.why}"
    if chosen is None:
        return Verdict(name, "todo", f"you did not guess. The answer: {answer}")
    if chosen == question.right:
        return Verdict(name, "pass", f"you guessed it. {answer}")
    wrong = question.options[chosen]
    return must_pass(Verdict(name, "fail", f"you guessed {chosen}) {wrong.text} {wrong.why} The answer: {answer}"))
