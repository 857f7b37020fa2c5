"""How good is it where a sample may have several labels? All labels together, and each for itself."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from layerscope.draw.style import COLOURS, INK, MARKERS, name

Scores = dict[str, dict[str, Any]]  # method -> metric -> {value, low, high}; None where there is none


def draw_metric(scores: Scores, metric: str, ax: Axes | None = None) -> Axes:
    """One metric of every method, with its 95 % interval."""
    ax = ax or plt.gca()
    order = sorted(scores, key=lambda method: scores[method][metric]["value"])
    for y, method in enumerate(order):
        _point(scores[method][metric], y, method, ax)
    ax.set_yticks(range(len(order)), [name(method) for method in order])
    ax.set_xlim(0, 1)
    ax.grid(axis="y", visible=False)
    return ax


def draw_each_label(
    scores: Scores, metric: str, methods: Sequence[str], labels: dict[str, int], ax: Axes | None = None
) -> Axes:
    """One metric of each label, with its 95 % interval, of some methods beside each other.

    Args:
        metric: "f1" or "average_precision".
        labels: how many test samples have each; the most frequent stands above.
    """
    ax = ax or plt.gca()
    order = sorted(labels, key=lambda label: labels[label])
    for y, label in enumerate(order):
        for method, aside in zip(methods, np.linspace(0.17, -0.17, len(methods)), strict=True):
            _point(scores[method][f"{metric}({label})"], y + aside, method, ax)
    ax.set_yticks(range(len(order)), [f"{label} ({labels[label]})" for label in order], color=INK)
    ax.set_xlim(0, 1)
    ax.grid(axis="y", visible=False)
    return ax


def _point(s: dict[str, Any], y: float, method: str, ax: Axes) -> None:
    if s["value"] is None:
        return
    if s["low"] is not None:
        colour = COLOURS[method]
        ax.plot([s["low"], s["high"]], [y, y], color=colour, linewidth=3, alpha=0.35, solid_capstyle="round")
    ax.plot(s["value"], y, color=COLOURS[method], marker=MARKERS.get(method, "o"), markersize=7)
