"""What all decks draw with: results, sizes that fill a slide, and how numbers are read."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("slides/results", "benchmarks/results", "lessons")
TYPE: Any = {  # one point is 1.39 px on the slide: nothing below 12 points, which is 16.7 px
    "font.size": 15,
    "axes.titlesize": 17,
    "axes.labelsize": 15,
    "xtick.labelsize": 14,
    "ytick.labelsize": 14,
    "legend.fontsize": 14,
    "lines.linewidth": 3,
    "lines.markersize": 9,
}


class Found(dict[str, Any]):
    """A dict that says which name was missing, and where."""

    def __init__(self, where: str, data: dict[str, Any]) -> None:
        super().__init__({k: Found(f"{where}: {k}", v) if isinstance(v, dict) else v for k, v in data.items()})
        self.where = where

    def __missing__(self, name: str) -> Any:
        raise SystemExit(f"{self.where} has no {name!r}. It has: {', '.join(map(str, self)) or 'nothing'}")


def results(name: str) -> Found:
    """What was measured: NAME.json of slides/results, benchmarks/results or lessons."""
    for folder in FOLDERS:
        file = ROOT / folder / f"{name}.json"
        if file.exists():
            return Found(f"{folder}/{name}.json", json.loads(file.read_text(encoding="utf-8")))
    raise SystemExit(f"There is no {name}.json in {', '.join(FOLDERS)}. Make it: python tools/slides.py measure {name}")


def wide(height: float = 4.9) -> Figure:
    """A figure as wide as a slide; less high where words stand beside it."""
    mpl.rcParams.update(TYPE)  # within the context of style(), in which every figure is drawn
    return Figure(figsize=(11.68, height), layout=ConstrainedLayoutEngine(h_pad=0.1))


def half() -> Figure:
    """A figure for the right of a `split` slide."""
    mpl.rcParams.update(TYPE)
    return Figure(figsize=(7.12, 5.28), layout=ConstrainedLayoutEngine(h_pad=0.1))


def percent(value: float, digits: int = 0) -> str:
    """98 %, which never breaks at the end of a line.

    Never rounded to all or nothing: one mistake in a thousand is a mistake, and so is one right answer.
    """
    text = f"{100 * value:.{digits}f}"
    if text in (f"{0:.{digits}f}", f"{100:.{digits}f}") and 0 < value < 1:
        digits += 1
        text = f"{min(100 * value, 100 - 10.0**-digits):.{digits}f}"
        text = f"less than {10.0**-digits:.{digits}f}" if float(text) == 0 else text
    return f"{text}\N{NO-BREAK SPACE}%"


def span(s: dict[str, Any], digits: int = 0) -> str:
    """The ends of an interval: 90 to 99.9 %, which never breaks at the end of a line."""
    low, high = (percent(s[end], digits) for end in ("low", "high"))
    return f"{low[:-2]} to {high}".replace(" ", "\N{NO-BREAK SPACE}")


def shares(ax: Axes, axis: str = "y") -> None:
    """Percentages along an axis, written as in the text."""
    (ax.yaxis if axis == "y" else ax.xaxis).set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
