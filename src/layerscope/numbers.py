"""Numbers as text, as a run folder holds them: None is "not to be had", "inf" infinity. A live score may be nan."""

import math
from collections.abc import Callable
from typing import Any

from layerscope.draw.style import percent

Number = float | str | None
NONE = "–"


def number(value: Number, form: str = ".2f") -> str:
    """0.98, ∞, or a dash where there is none.

    Example:
        >>> number(0.976), number(0.5, "+.1f"), number("-inf"), number(None)
        ('0.98', '+0.5', '-∞', '–')
    """
    if value is None or math.isnan(float(value)):
        return NONE
    return format(float(value), form).replace("inf", "∞")


def share(value: Number) -> str:
    """98.76 %, or a dash where there is none."""
    return NONE if value is None else percent(float(value))


def has_interval(s: dict[str, Any]) -> bool:
    """Not where the value cannot be had, or all samples are of one group."""
    return s["low"] is not None


def interval(s: dict[str, Any], shown: Callable[[float], str], level: float = 0.95) -> str:
    """95 % interval 0.30 to 0.70; in words where there is none."""
    if not has_interval(s):
        return "no interval can be had"
    return f"{100 * level:.3g} % interval {shown(s['low'])} to {shown(s['high'])}"
