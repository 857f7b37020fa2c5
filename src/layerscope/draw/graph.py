"""A small computation as a picture: boxes for values, arrows for who was made of whom."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from layerscope.draw.style import BLUE, INK, LINE, ORANGE, SOFT


class Box(NamedTuple):
    """A value of the computation and where it stands."""

    text: str  # such as "a = w x"
    value: float
    grad: float | None  # None: not known yet
    x: float
    y: float


def draw_graph(
    boxes: dict[str, Box], arrows: Sequence[tuple[str, str, str]], ax: Axes | None = None, width: float = 1.5
) -> Axes:
    """Values in ink, gradients in orange below them; each arrow (from, to, slope) bears its slope.

    Args:
        width: of a box, in the units of x; a box is one unit high.
    """
    ax = ax or plt.gca()
    for start, end, slope in arrows:
        a, b = boxes[start], boxes[end]
        begin, stop = (a.x + width / 2, a.y), (b.x - width / 2, b.y)
        ax.annotate("", stop, begin, arrowprops={"arrowstyle": "-|>", "color": SOFT, "linewidth": 1.2})
        at = ((begin[0] + stop[0]) / 2, (begin[1] + stop[1]) / 2)
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(*at, slope, color=BLUE, fontsize=8.5, ha="center", va="center", bbox=clear)
    for box in boxes.values():
        ax.add_patch(
            Rectangle((box.x - width / 2, box.y - 0.5), width, 1, facecolor="white", edgecolor=LINE, linewidth=1.4)
        )
        ax.text(box.x, box.y + 0.2, f"{box.text} = {box.value:g}", color=INK, ha="center", va="center", fontsize=9.5)
        if box.grad is not None:
            text = f"gradient {box.grad:g}"
            ax.text(box.x, box.y - 0.25, text, color=ORANGE, ha="center", va="center", fontsize=8.5)
    xs, ys = [box.x for box in boxes.values()], [box.y for box in boxes.values()]
    ax.set_xlim(min(xs) - 0.52 * width, max(xs) + 0.52 * width)
    ax.set_ylim(min(ys) - 0.6, max(ys) + 0.6)
    ax.axis("off")
    return ax
