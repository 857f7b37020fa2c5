"""What a lesson's notebook calls: exercises with checks, questions to guess at, and output that reads well.

No check needs a network, and none raises before a learner.
"""

from layerscope.lessons.check import Check, check, use
from layerscope.lessons.guess import Option, Question, explain, guess
from layerscope.lessons.show import bar, mednist_or_phantoms, say

__all__ = [
    "Check",
    "Option",
    "Question",
    "bar",
    "check",
    "explain",
    "guess",
    "mednist_or_phantoms",
    "say",
    "use",
]
