"""What a network does to the plane of its inputs: a grid of lines, carried along from layer to layer."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from layerscope.draw.style import BLUE, GREY, INK, ORANGE

TWO = ((BLUE, "o"), (ORANGE, "^"))  # colour and marker of class 0 and 1


def grid_lines(limit: float, lines: int = 13, points: int = 61) -> Float[np.ndarray, "l p 2"]:
    """Straight lines across and along the square from -limit to limit, each as a row of points."""
    fixed = np.repeat(np.linspace(-limit, limit, lines)[:, None], points, axis=1)
    along = np.repeat(np.linspace(-limit, limit, points)[None], lines, axis=0)
    return np.concatenate([np.stack([fixed, along], -1), np.stack([along, fixed], -1)])


def draw_bent(
    ax: Axes,
    lines: Float[np.ndarray, "l p d"],
    points: Float[np.ndarray, "s d"],
    targets: Int[np.ndarray, " s"],
    names: tuple[str, str] = ("healthy", "sick"),
) -> Axes:
    """The carried grid and the samples of two classes, in 2 or (on a 3-D ax) in 3 dimensions."""
    draw: Any = ax  # 2-D and 3-D axes take as many coordinates as they have
    for line in lines:
        draw.plot(*line.T, color=GREY, linewidth=0.6, alpha=0.55)
    for k, (colour, marker) in enumerate(TWO):
        own = points[targets == k]
        draw.scatter(*own.T, s=11, color=colour, marker=marker, linewidths=0, alpha=0.85, label=names[k])
    ax.grid(visible=False)
    return ax


def draw_straight(ax: Axes, normal: Float[np.ndarray, "2"], offset: float) -> Axes:
    """The line of all h with normal · h + offset = 0, if it is one."""
    length = float(normal @ normal)
    if length > 0:
        foot = -offset * normal / length
        ax.axline(tuple(foot), tuple(foot + np.array([-normal[1], normal[0]])), color=INK, linewidth=1.8)
    return ax
