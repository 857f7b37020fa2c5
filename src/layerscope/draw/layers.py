"""The layer curve: how well the answer can be read from each layer, beside everything that could fool us."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from layerscope.draw.style import COLOURS, GREY, INK, LINE, SOFT

Readings = Sequence[dict[str, Any]]  # one network's layers, as see.curve.Reading


def draw_layers(seeds: Sequence[dict[str, Readings]], few: bool = False, ax: Axes | None = None) -> Axes:
    """Trained network and untrained twin, layer by layer.

    Args:
        seeds: for each training seed {"trained": readings, "untrained": readings}; the line is the mean over seeds, the
            band their range, widened for the trained network by the interval over groups of the first seed.
        few: draw the probe that was given ten labels per class rather than all.
    """
    ax = ax or plt.gca()
    stages = [reading["stage"] for reading in seeds[0]["trained"]]
    at = np.arange(len(stages))
    chance = min(reading["shuffled"]["value"] for seed in seeds for reading in seed["trained"])
    ends = []
    for kind, label in (("untrained", "untrained twin"), ("trained", "trained")):
        values, low, high = _band([seed[kind] for seed in seeds], few)
        colour = COLOURS[kind]
        ax.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(
            at,
            values,
            color=colour,
            marker="o" if kind == "trained" else "s",
            markeredgecolor="white",
            markeredgewidth=0.7,
        )
        ends.append((float(values[-1]), label, colour))
        if not few:
            equal = np.mean([[reading["equal"]["value"] for reading in seed[kind]] for seed in seeds], axis=0)
            ax.plot(at, equal, color=colour, linewidth=1, linestyle=(0, (1, 1.5)))
    raw = seeds[0]["trained"][0]
    ax.axhline(raw["few" if few else "probe"]["value"], color=INK, linewidth=1, linestyle="--")
    if not few:
        ax.axhline(raw["neighbours"]["value"], color=INK, linewidth=1, linestyle=":")
        shuffled = np.mean([[reading["shuffled"]["value"] for reading in seed["trained"]] for seed in seeds], axis=0)
        ax.plot(at, shuffled, color=GREY, linewidth=1.2)
    placed = _apart(ends)
    for value, label, colour in placed:
        ax.annotate(
            label,
            (at[-1], value),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            fontsize=9,
        )
    names = [_label(stage) for stage in stages]
    if len(names) > 7:  # too many to stand side by side on one line
        names = [label.replace(" ", "\n") for label in names]
    ax.set_xticks(at, names, fontsize=8.5)
    ax.set_xlim(-0.25, len(stages) - 0.25 + 0.95)
    ax.set_ylim(max(0.0, min(chance - 0.08, placed[-1][0] - 0.02)), 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.grid(axis="x", visible=False)
    return ax


def layer_key(few: bool = False, raw: str = "raw pixels", seeds: int | None = None) -> str:
    """What the lines are, in words, for the text below the figure; of so many training seeds, if that is known."""
    if few:
        return (
            f"Dashed: the same probe on {raw}. Bands: the range over training seeds and draws of labels, "
            "widened by the 95 % interval over groups."
        )
    return (
        f"Dashed black: the same probe on {raw}; dotted black: nearest neighbours on them; fine dots: every "
        "layer projected to the same number of features; grey: a probe that learned shuffled labels, which is chance. "
        + ("Bands: " if seeds == 1 else "Bands: the range over training seeds, widened by ")
        + "the 95 % interval over groups."
    )


def draw_alike(cka: Sequence[Sequence[float]], stages: Sequence[str], ax: Axes | None = None) -> Axes:
    """How alike the layers of two networks are (CKA)."""
    ax = ax or plt.gca()
    table = np.clip(np.array(cka, dtype=float), 0, 1)
    ax.imshow(table, cmap="cividis", vmin=0, vmax=1, origin="lower")
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            ax.text(
                j,
                i,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=7.5,
                color="#ffffff" if value < 0.6 else "#000000",
            )
    labels = [stage.replace("block", "block ") for stage in stages]
    ax.set_xticks(range(len(labels)), labels, rotation=40, ha="right", fontsize=8)
    ax.set_yticks(range(len(labels)), labels, fontsize=8)
    ax.grid(visible=False)
    ax.set_xlabel("second network", color=SOFT)
    ax.set_ylabel("first network", color=SOFT)
    for side in ax.spines.values():
        side.set_color(LINE)
    return ax


def _label(stage: str) -> str:
    return "raw\npixels" if stage == "pixels" else stage.replace("block", "block ")


def _band(seeds: Sequence[Readings], few: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    of = "few" if few else "probe"
    ends = ("least", "greatest") if few else ("value", "value")
    values, least, most = (np.array([[r[of][end] for r in seed] for seed in seeds]) for end in ("value", *ends))
    low, high = (np.array([reading[of][end] for reading in seeds[0]], dtype=float) for end in ("low", "high"))
    return values.mean(axis=0), np.fmin(least.min(axis=0), low), np.fmax(most.max(axis=0), high)


def _apart(ends: list[tuple[float, str, str]], least: float = 0.06) -> list[tuple[float, str, str]]:
    """Labels moved so that none covers another."""
    placed: list[tuple[float, str, str]] = []
    for value, label, colour in sorted(ends, reverse=True):
        placed.append((min(value, placed[-1][0] - least) if placed else value, label, colour))
    return placed
