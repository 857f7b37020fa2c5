"""What a learner sees below a cell that asked to be checked: one coloured box, in a notebook or a terminal."""

import html
import os
from dataclasses import dataclass

LOOK = {
    "pass": ("✅", "#1a7f37"),
    "fail": ("❌", "#cf222e"),
    "todo": ("✏️", "#9a6700"),
    "error": ("⚠️", "#9a6700"),
    "noted": ("💭", "#0969da"),
}


@dataclass(frozen=True)
class Verdict:
    name: str  # of the check or question
    status: str  # a key of LOOK
    message: str
    hints: tuple[str, ...] = ()  # those given so far; the newest stands last
    mistake: str = ""  # which of the lesson's known ones, in its words alone

    def __bool__(self) -> bool:
        return self.status in ("pass", "noted")

    def __repr__(self) -> str:
        return "\n   Hint: ".join([f"{LOOK[self.status][0]} {self.name}: {self.message}", *self.hints])

    def _repr_html_(self) -> str:  # the colour of the text is the page's own, so it is read in the dark as well
        icon, colour = LOOK[self.status]
        hints = "".join(f"<li>{html.escape(hint)}</li>" for hint in self.hints)
        folded = f"<details><summary>Hint {len(self.hints)}</summary><ol>{hints}</ol></details>" if hints else ""
        return (
            f'<div role="status" style="border-left:4px solid {colour};padding:.4em .8em;margin:.4em 0">'
            f"{icon} <b>{html.escape(self.name)}</b>: {html.escape(self.message)}{folded}</div>"
        )


def must_pass(verdict: Verdict, full_only: bool = False) -> Verdict:
    """The verdict; but where solutions are tested, one that does not pass is an error.

    LAYERSCOPE_LESSONS=full asks for every check, =smoke for all but those of results that need a full run.
    """
    mode = os.environ.get("LAYERSCOPE_LESSONS", "")
    if not verdict and (mode == "full" or (mode == "smoke" and not full_only)):
        raise AssertionError(repr(verdict))
    return verdict
