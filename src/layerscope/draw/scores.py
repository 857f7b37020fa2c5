"""How good is it, really? Scores with intervals, confusion and calibration."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, PercentFormatter

from layerscope.draw.style import BLUE, COLOURS, GREY, INK, MARKERS, SOFT, name


def draw_scores(scores: dict[str, dict[str, Any]], ax: Axes | None = None) -> Axes:
    """Error of each classifier on a log scale, with its 95 % interval: 99 % and 99.9 % are ten times apart.

    Args:
        scores: name -> {value, low, high} of the accuracy; low and high are None where there is no interval.
    """
    ax = ax or plt.gca()
    order = sorted(scores, key=lambda key: scores[key]["value"])
    floor = (
        min(1 - s["value"] for s in scores.values() if s["value"] < 1) / 4
        if any(s["value"] < 1 for s in scores.values())
        else 1e-4
    )
    for y, key in enumerate(order):
        s = scores[key]
        error, left, right = np.maximum(1 - _numbers(s, "value", "high", "low"), floor)
        ax.plot([left, right], [y, y], color=COLOURS[key], linewidth=3, alpha=0.35, solid_capstyle="round")
        ax.plot(error, y, color=COLOURS[key], marker=MARKERS.get(key, "o"), markersize=7)
    ax.set_yticks(range(len(order)), [name(key) for key in order])
    ax.set_xscale("log")
    percent = FuncFormatter(lambda x, _: f"{100 * x:g} %")
    ax.xaxis.set_major_formatter(percent)
    low, high = ax.get_xlim()
    if high < 10 * low:  # less than a power of ten: ticks between those are needed, and few of them
        ax.xaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
        ax.xaxis.set_minor_formatter(percent)
    ax.set_xlabel("errors on the test set (log scale; left is better)")
    ax.grid(axis="y", visible=False)
    return ax


def draw_confusion(table: Sequence[Sequence[int]], classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Rows are the truth; colour is the share of the row, numbers are images; mistakes are outlined."""
    ax = ax or plt.gca()
    counts = np.array(table)
    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            right = i == j
            strength = share[i, j] if right else min(1.0, 4 * share[i, j] ** 0.5)
            ax.add_patch(
                Rectangle(
                    (j - 0.48, i - 0.48),
                    0.96,
                    0.96,
                    color=BLUE if right else "#d55e00",
                    alpha=0.10 + 0.55 * strength if count else 0.04,
                    linewidth=0,
                )
            )
            if count:
                ax.text(
                    j,
                    i,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    fontsize=9,
                    fontweight="normal" if right else "bold",
                    color=INK,
                )
    ax.set_xticks(range(len(classes)), classes, rotation=35, ha="right")
    ax.set_yticks(range(len(classes)), classes)
    ax.set_xlim(-0.5, len(classes) - 0.5)
    ax.set_ylim(len(classes) - 0.5, -0.5)
    ax.set_aspect("equal")
    ax.set_xlabel("the network says")
    ax.set_ylabel("truth")
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def draw_reliability(found: dict[str, dict[str, Any]], ax: Axes | None = None) -> Axes:
    """Of the images on which the network is so sure, how many does it get right?

    Args:
        found: name -> judge.Reliability as plain values.
    """
    ax = ax or plt.gca()
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    for key, r in found.items():
        confidence, accuracy, count = (np.array(r[part], dtype=float) for part in ("confidence", "accuracy", "count"))
        kept = count > 0
        low, high = (np.array(r[part], dtype=float)[kept] for part in ("low", "high"))
        x, y = confidence[kept], accuracy[kept]
        error = np.nan_to_num(np.stack([y - low, high - y]).clip(min=0))
        ax.errorbar(
            x,
            y,
            error,
            color=COLOURS[key],
            marker=MARKERS[key],
            linewidth=1.4,
            elinewidth=1,
            capsize=2,
            label=name(key),
        )
    ax.set_xlabel("confidence")
    ax.set_ylabel("share right", color=SOFT)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(fontsize=8.5, loc="upper left")
    return ax


def draw_strata(
    found: dict[str, dict[str, Any]], elsewhere: dict[str, Sequence[float]], label: str, ax: Axes | None = None
) -> Axes:
    """A score with its 95 % interval for all samples together and for each stratum.

    Args:
        found: stratum -> {value, low, high, samples}, that of all first; None where there is none.
        elsewhere: stratum -> what others have published, measured on other samples; drawn hollow.
    """
    ax = ax or plt.gca()
    for y, (stratum, s) in enumerate(found.items()):
        colour = INK if y == 0 else BLUE
        value, low, high = _numbers(s, "value", "low", "high")
        ax.plot([low, high], [y, y], color=colour, linewidth=3, alpha=0.35, solid_capstyle="round")
        ax.plot(value, y, color=colour, marker="o", markersize=7)
        others = list(elsewhere.get(stratum, ()))
        ax.plot(others, [y] * len(others), color=GREY, marker="D", markersize=4.5, linestyle="none", fillstyle="none")
    ax.axvline(0, color=GREY, linewidth=1, linestyle="--")
    ax.set_yticks(range(len(found)), [f"{stratum} ({s['samples']:,})" for stratum, s in found.items()])
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.set_xlabel(label)
    ax.set_xlim(right=1.02)
    ax.grid(axis="y", visible=False)
    return ax


def _numbers(s: dict[str, Any], *parts: str) -> np.ndarray:
    """nan, which is not drawn, for what cannot be had."""
    return np.array([s[part] for part in parts], dtype=float)
