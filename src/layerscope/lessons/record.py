"""What a class answers, kept in a folder of its own: only where LAYERSCOPE_ANSWERS names one. Nothing is sent anywhere.

A line holds the question, the answer and the seconds since the notebook was started; no name, no date, no code, and
nothing that an answer has put into a message. A session, which is one start of a notebook, has a random number.
"""

import ast
import json
import os
import secrets
import traceback
from pathlib import Path
from time import monotonic
from typing import Literal

VARIABLE = "LAYERSCOPE_ANSWERS"
OWN_CODE = "an assert of the learner's own code"
LESSONS = Path(__file__).parent

Kind = Literal["guess", "check", "use"]


class _Session:
    """One start of a notebook."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.began = monotonic()
        self.told = ""  # what the learner was told last


_session = _Session()


def record(name: str, kind: Kind, answer: str, mistake: str = "") -> None:
    """Add one line to the session's file, if the learner's environment asks for it; never raises.

    Args:
        answer: the text of the option that was guessed; how a check ended; "own" or "reference", whichever is used.
        mistake: which of the lesson's known mistakes it was.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    line = {
        "session": _session.id,
        "lesson": name.split(".")[0],
        "question": name,
        "kind": kind,
        "answer": answer,
        "mistake": mistake,
        "seconds": round(monotonic() - _session.began),
    }
    try:
        path = Path(folder).expanduser()
        path.mkdir(exist_ok=True)  # but not its parents: a drive that is not there must not be made up
        with (path / f"{_session.id}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        told = f"Answers are kept, without a name, in {folder}, for a summary of the class. {VARIABLE} asks for it."
    except (OSError, RuntimeError, ValueError) as error:
        told = f"Answers cannot be kept in {folder} ({type(error).__name__}). The lesson goes on without."
    _tell(told)


def known_mistake(error: AssertionError) -> str:
    """The message as the lesson has it, with … where values of the answer stand."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or frames[-1].lineno is None or Path(frames[-1].filename).parent != LESSONS:
        return OWN_CODE
    here, line = frames[-1].name, frames[-1].lineno
    try:
        tree = ast.parse(Path(frames[-1].filename).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return here
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert | ast.Raise) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    message = around[-1].msg if around and isinstance(around[-1], ast.Assert) else _raised(around)
    return _words(message).replace("….", "…") or f"{here.strip('_')}: not as expected"


def raised_kind(error: BaseException) -> str:
    """Only the name of an error, and only of Python's own: others may be named by the learner."""
    kind = type(error)
    return f"the code raised {kind.__name__ if kind.__module__ == 'builtins' else 'an error of another library'}"


def _raised(around: list[ast.Assert | ast.Raise]) -> ast.expr | None:
    error = around[-1].exc if around and isinstance(around[-1], ast.Raise) else None
    return error.args[0] if isinstance(error, ast.Call) and error.args else None


def _words(message: ast.expr | None) -> str:
    """Of a text in the source: what does not depend on the answer."""
    match message:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_words(part) or "…" for part in parts)
        case ast.BinOp(left=left, right=right):
            return _words(left) + _words(right)
        case _:
            return ""


def _tell(sentence: str) -> None:
    """Once, and again whenever it has changed: whether answers are kept is never left open."""
    from layerscope.lessons.show import note

    if _session.told != sentence:
        _session.told = sentence
        note(sentence)
