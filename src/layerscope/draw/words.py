"""A sentence as a network takes it: each word on the colour of its score, and who looks at whom."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, ScaledTranslation

from layerscope.draw.style import BLUE, INK, LINE, ORANGE, SOFT

AGAINST_FOR = LinearSegmentedColormap.from_list("against_for", [ORANGE, "#ffffff", BLUE])
LARGEST, SMALLEST = 13.0, 6.0  # points of a word
SMALL, LINE_HEIGHT = 0.62, 2.8  # times that: numbers, and a line with its numbers
MOST_NUMBERS = 12  # words in a matrix with numbers


def draw_words(words: Sequence[str], scores: Float[np.ndarray, " w"], ax: Axes | None = None) -> Axes:
    """Blue speaks for the class, orange against it, white for nothing; lines break where the axes end.

    Below each word stands its score. Letters shrink until all lines fit; axes made smaller afterwards do not hold them.

    Raises:
        ValueError: if there is not a finite score for each word, or even the smallest letters do not fit.
    """
    if len(words) != len(scores) or not len(words) or not np.isfinite(scores).all():
        raise ValueError(
            f"every word needs a finite score. Got {len(words)} words, {np.isfinite(scores).sum()} such scores."
        )
    ax = ax or plt.gca()
    ax.set_axis_off()
    if isinstance(ax.figure, Figure) and (layout := ax.figure.get_layout_engine()):
        layout.execute(ax.figure)  # or the axes would still be as wide as before it
    inches = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    width, height = 72 * inches.width, 72 * inches.height
    most = float(np.abs(scores).max()) or 1.0
    decimals = int(np.clip(2 - np.floor(np.log10(most)), 0, 6))  # three digits of the greatest
    numbers = [f"{score:+.{decimals}f}" for score in scores]
    wide = [max(_wide(word), SMALL * _wide(number)) + 0.6 for word, number in zip(words, numbers, strict=True)]
    key, size = f"orange {-most:+.{decimals}f} to blue {most:+.{decimals}f}", LARGEST
    while (needed := _needed(places := _places(wide, size, width), size))[0] > width or needed[1] > height:
        size -= 0.5
        if size < SMALLEST:
            raise ValueError(
                f"{len(words)} words need axes of {needed[0]:.0f} x {needed[1]:.0f} points or more. "
                f"Got {width:.0f} x {height:.0f}."
            )
    axes: Any = ax.transAxes
    down = Affine2D().scale(1 / 72, -1 / 72) + ax.figure.dpi_scale_trans
    points: Any = {"transform": down + ScaledTranslation(0, 1, axes), "clip_on": False}  # from the upper left corner
    for word, number, score, (x, y, across) in zip(words, numbers, scores, places, strict=True):
        colour = AGAINST_FOR(0.5 + 0.5 * score / most)
        ax.add_patch(Rectangle((x, y), across, 1.5 * size, facecolor=colour, edgecolor=LINE, linewidth=0.6, **points))
        at = x + across / 2
        ax.text(at, y + 0.78 * size, word, size=size, color=_ink(colour), ha="center", va="center_baseline", **points)
        ax.text(at, y + 2 * size, number, size=SMALL * size, color=SOFT, ha="center", va="center", **points)
    ax.text(0, needed[1] - 0.5 * size, key, size=SMALL * size, color=SOFT, va="center", **points)
    return ax


def draw_attention(weights: Float[np.ndarray, "t t"], words: Sequence[str], ax: Axes | None = None) -> Axes:
    """How much each word (row) takes from each other (column); not how much the prediction rests on it.

    Raises:
        ValueError: if the matrix does not have a row for each word.
    """
    if len(words) != len(weights):
        raise ValueError(f"needed a row and a column for each of {len(words)} words. Got {weights.shape}.")
    ax = ax or plt.gca()
    most = float(weights.max())
    image = ax.imshow(weights, cmap="cividis", vmin=0, vmax=most)
    if len(words) <= MOST_NUMBERS:
        for (i, j), weight in np.ndenumerate(weights):
            ink = _ink(image.cmap(weight / most if most else 0))
            ax.text(j, i, f"{weight:.2f}", ha="center", va="center", fontsize=7.5, color=ink)
    size = float(np.clip(150 / len(words), 4, 9))
    ax.set_xticks(range(len(words)), words, rotation=90, fontsize=size)
    ax.set_yticks(range(len(words)), words, fontsize=size)
    ax.set_xlabel("from this word", color=SOFT)
    ax.set_ylabel("this word takes", color=SOFT)
    ax.grid(visible=False)
    ax.figure.colorbar(image, ax=ax, label=f"weight, from 0 to {most:.2f}")
    return ax


def _places(wide: Sequence[float], size: float, width: float) -> list[tuple[float, float, float]]:
    """Left, top and width of each word's box in points, line after line; `wide` is for letters of one point."""
    x, y, places = 0.0, 0.0, []
    for across in wide:
        if x and x + size * across > width:
            x, y = 0.0, y + LINE_HEIGHT * size
        places.append((x, y, size * across))
        x += size * (across + 0.25)
    return places


def _needed(places: Sequence[tuple[float, float, float]], size: float) -> tuple[float, float]:
    """Width and height that hold every box, the last line's numbers and the key."""
    return max(x + across for x, _, across in places), places[-1][1] + (LINE_HEIGHT + 1) * size


def _wide(text: str) -> float:
    """The width of a text in letters of one point."""
    return TextPath((0, 0), text.replace("$", r"\$"), size=10).get_extents().width / 10 if text.strip() else 0.0


def _ink(colour: tuple[float, float, float, float]) -> str:
    """Dark on light, light on dark (by relative luminance, WCAG 2)."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return INK if float(linear @ [0.2126, 0.7152, 0.0722]) > 0.21 else "#ffffff"
