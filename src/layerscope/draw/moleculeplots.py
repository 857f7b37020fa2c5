"""Plots of a study of molecules: methods, ways to split, how far answers reach, where cliffs part."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from layerscope.draw.style import BLUE, GREEN, GREY, INK, LINE, ORANGE, PURPLE

METHODS = {"graph network": (BLUE, "o"), "guessing": (GREY, "D")}
OTHERS = ((ORANGE, "^"), (GREEN, "s"), (PURPLE, "v"))
Score = Mapping[str, Any]  # value, low, high; None where there is none


def draw_methods(scores: Mapping[str, Score], ax: Axes | None = None) -> Axes:
    """One metric of each method with its 95 % interval, the first method at the top."""
    ax = ax or plt.gca()
    spare = iter(OTHERS * len(scores))
    for y, (method, s) in enumerate(scores.items()):
        colour, marker = METHODS.get(method) or next(spare)
        _point(s, y, colour, marker, ax)
    ax.set_yticks(range(len(scores)), list(scores), color=INK)
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    return ax


def draw_ways(ways: Mapping[str, Mapping[str, Sequence[Score]]], ax: Axes | None = None) -> Axes:
    """How good the same method looks by each way to split: every draw with its interval, forest above network."""
    ax = ax or plt.gca()
    for y, found in enumerate(ways.values()):
        for method, (colour, marker, aside) in {"forest": (ORANGE, "^", -0.16), "network": (BLUE, "o", 0.2)}.items():
            draws = found[method]
            for at, s in zip(y + aside + 0.1 * np.arange(len(draws)) - 0.05 * (len(draws) - 1), draws, strict=True):
                _point(s, float(at), colour, marker, ax)
    ax.set_yticks(range(len(ways)), list(ways), color=INK)
    ax.set_ylim(len(ways) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    return ax


def _point(s: Score, y: float, colour: str, marker: str, ax: Axes) -> None:
    if s["value"] is None:
        return
    if s["low"] is not None:
        ax.plot([s["low"], s["high"]], [y, y], color=colour, linewidth=3, alpha=0.35, solid_capstyle="round")
    ax.plot(s["value"], y, color=colour, marker=marker, markersize=6.5)


def draw_domain(
    bins: Sequence[Mapping[str, Any]], trusted_from: float | None, chance: bool, ax: Axes | None = None
) -> Axes:
    """A score in each range of similarity to the nearest training molecule, beside what guessing has there.

    Args:
        chance: guessing has the same score everywhere, a half.
    """
    ax = ax or plt.gca()
    edge = 1.0 if trusted_from is None else trusted_from
    ax.axvspan(0, edge, color=GREY, alpha=0.14, linewidth=0)
    for row in bins:
        s, low, high = row["score"], row["from"], row["to"]
        middle = (low + high) / 2
        if s["low"] is not None:
            ax.fill_between([low, high], s["low"], s["high"], color=BLUE, alpha=0.18, linewidth=0)
        if s["value"] is not None:
            ax.plot([low, high], [s["value"]] * 2, color=BLUE, solid_capstyle="butt", linewidth=2.6)
        if row["guessing"] is not None and not chance:
            ax.plot([low, high], [row["guessing"]] * 2, color=INK, linewidth=1, linestyle="--")
        ax.annotate(
            f"{row['molecules']:,}",
            (middle, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=INK,
        )
    if chance:
        ax.axhline(0.5, color=INK, linewidth=1, linestyle="--")
    ax.set_xlim(0, 1)
    ax.set_xlabel("similarity to the nearest training molecule (Tanimoto of ECFP4)")
    return ax


def draw_parting(stages: Sequence[Mapping[str, Any]], ax: Axes | None = None) -> Axes:
    """At each stage, the distance of two near-identical molecules: with different answers, and with the same."""
    ax = ax or plt.gca()
    at = np.arange(len(stages))
    for key, colour, marker, label in (
        ("beside", GREY, "s", "same answer"),
        ("cliffs", ORANGE, "o", "different answers"),
    ):
        value, low, high = (
            np.array([row[key][end] for row in stages], dtype=float) for end in ("value", "low", "high")
        )
        ax.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(at, value, color=colour, marker=marker, markeredgecolor="white", markeredgewidth=0.7, label=label)
    ax.set_xticks(at, [row["stage"].replace("block", "block ").replace(" ", "\n") for row in stages], fontsize=8.5)
    ax.set_ylim(bottom=0)
    ax.grid(axis="x", visible=False)
    ax.legend(fontsize=8.5, loc="lower left")
    for side in ax.spines.values():
        side.set_color(LINE)
    return ax
