"""`check` an answer, and `use` it, or the reference where it does not pass yet.

A check never raises before a learner, whatever the answer does, and gives one more hint at each try.
"""

import inspect
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from layerscope.lessons.record import known_mistake, raised_kind, record
from layerscope.lessons.verdict import Verdict, must_pass

UNTOUCHED = re.compile(r"\.\.\.\s*# YOUR CODE HERE")
_tries: Counter[str] = Counter()  # failed ones, so that hints escalate


class Check(NamedTuple):
    """One exercise."""

    test: Callable[..., str | None]  # raises AssertionError in words that help, or returns a sentence of praise
    hints: tuple[str, ...] = ()  # from a nudge to nearly the answer
    reference: Any = None  # what `use` goes on with
    full_only: bool = False  # it judges the result of a full run


def check(name: str, *answer: Any) -> Verdict:
    """Test an answer, such as a function that the learner wrote; the verdict shows itself."""
    found = lesson_part(name, "CHECKS")
    if found is None:
        return must_pass(Verdict(name, "error", "there is no such check. Is the name spelled as in the lesson?"))
    verdict = _examine(name, found, answer)
    if verdict.status in ("fail", "error"):
        _tries[name] += 1
        verdict = replace(verdict, hints=found.hints[: _tries[name]])
    record(name, "check", verdict.status, verdict.mistake)
    return must_pass(verdict, found.full_only)


def use(name: str, answer: Any) -> Any:
    """The answer if it passes its check, else the reference answer, with a message that says so."""
    from layerscope.lessons.show import note

    found = lesson_part(name, "CHECKS")
    if found is None or found.reference is None:
        return answer
    passed = bool(_examine(name, found, (answer,)))
    record(name, "use", "own" if passed else "reference")
    if passed:
        return answer
    note(f"{name}: going on with the reference answer. Yours is used as soon as it passes its check.")
    return found.reference


def lesson_part(name: str, part: str) -> Any:
    """The check or question of this name; None if there is none. The number of the lesson stands before the dot."""
    return lesson_parts(name.split(".")[0], part).get(name)


def lesson_parts(number: str, part: str) -> dict[str, Any]:
    """All CHECKS or QUESTIONS of a lesson, by name; none of a lesson that there is not."""
    match number:
        case "0":
            from layerscope.lessons import lesson0 as lesson
        case "1":
            from layerscope.lessons import lesson1 as lesson
        case "2":
            from layerscope.lessons import lesson2 as lesson
        case "3":
            from layerscope.lessons import lesson3 as lesson
        case "4":
            from layerscope.lessons import lesson4 as lesson
        case _:
            return {}
    return getattr(lesson, part)


def _examine(name: str, found: Check, answer: tuple[Any, ...]) -> Verdict:
    if any(untouched(part) for part in answer):
        return Verdict(name, "todo", "not done yet. Put your code in the place of the `...` and run the cell again.")
    try:
        praise = found.test(*answer)
    except NotImplementedError:
        return Verdict(name, "todo", "not done yet: it raises NotImplementedError.")
    except AssertionError as error:
        return Verdict(name, "fail", str(error) or "not quite.", mistake=known_mistake(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  a learner's code may raise anything
        raised = f"your code raised {type(error).__name__}: {error}"
        return Verdict(name, "error", raised, mistake=raised_kind(error))
    return Verdict(name, "pass", praise or "well done.")


def untouched(answer: Any) -> bool:
    """Whether a place that the learner was to fill is still empty."""
    if answer is None or answer is ...:
        return True
    if inspect.isclass(answer):  # of a class in a notebook only the methods remember their source
        return any(untouched(part) for part in vars(answer).values() if inspect.isfunction(part))
    if not inspect.isroutine(answer):
        return False
    try:
        return UNTOUCHED.search(inspect.getsource(answer)) is not None
    except (OSError, TypeError):  # written in C, or its source is gone: let the test decide
        return False
