"""MedNIST as pictures: the images, baselines, convolution, the layers of a CNN seen and measured, few labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

from figures.shared import ROOT, half, percent, results, shares, wide
from layerscope.draw.style import AMBER, BLUE, COLOURS, INK, MARKERS, ORANGE, SOFT

SIMPLE = ("majority", "class mean", "logistic regression", "nearest neighbour")


def tiles(row: int) -> list[np.ndarray]:
    """One row of pictures.png."""
    found = results("pictures")
    whole = np.asarray(Image.open(ROOT / "slides" / "results" / found["file"]))
    side = found["side"]
    return [whole[row * side : (row + 1) * side, i * side : (i + 1) * side] for i in range(found["columns"])]


def show(ax: Axes, picture: np.ndarray, title: str = "", **how: Any) -> None:
    ax.imshow(picture, **({"cmap": "gray", "vmin": 0, "vmax": 255} | how))
    ax.set_title(title, loc="center")
    ax.axis("off")


def sign() -> Figure:
    """The sign of Layerscope: three layers."""
    figure = half()
    ax = figure.subplots()
    for y, width, colour in ((0, 10, BLUE), (3, 7, BLUE), (6, 4, BLUE)):
        ax.add_patch(
            FancyBboxPatch((-width, y), 2 * width, 2, boxstyle="round,pad=0.3", facecolor=colour, edgecolor=colour)
        )
    ax.set(xlim=(-11, 11), ylim=(-7, 15), aspect="equal")
    ax.axis("off")
    return figure


def six(titles: bool = True) -> Figure:
    """Two images of each class."""
    found = results("pictures")
    figure = wide(4.3)
    for i, (column, kind) in enumerate(zip(figure.subplots(2, 6).T, found["classes"], strict=True)):
        for j, ax in enumerate(column):
            show(ax, tiles(found["rows"]["clean"] + i)[1 + j], kind if titles and j == 0 else "")
    return figure


def program() -> Figure:
    """Two ways to a program."""
    figure = wide(4.7)
    for ax, (title, come, goes, colour) in zip(
        figure.subplots(1, 2),
        (
            ("a person writes the rule", ("image", "rule"), "answer", SOFT),
            ("the rule is found", ("images", "answers"), "rule", BLUE),
        ),
        strict=True,
    ):
        ax.set(xlim=(0, 10), ylim=(0, 7))
        ax.axis("off")
        ax.set_title(title, loc="center", color=colour)
        for text, x, y in ((come[0], 1.6, 5), (come[1], 1.6, 2), (goes, 8.4, 3.5)):
            ax.add_patch(
                FancyBboxPatch(
                    (x - 1.35, y - 0.7),
                    2.7,
                    1.4,
                    boxstyle="round,pad=0.1",
                    facecolor="white",
                    edgecolor=colour,
                    linewidth=2.5,
                )
            )
            ax.text(x, y, text, ha="center", va="center", fontsize=18, weight="bold" if text == goes else "normal")
        ax.text(5, 3.5, "computer", ha="center", va="center", fontsize=17, color=colour)
        for y in (5, 2):
            ax.add_patch(
                FancyArrowPatch(
                    (3.1, y),
                    (4.3, 3.5 + (y - 3.5) * 0.35),
                    arrowstyle="-|>",
                    mutation_scale=20,
                    color=colour,
                    linewidth=2,
                )
            )
        ax.add_patch(
            FancyArrowPatch((6.4, 3.5), (6.95, 3.5), arrowstyle="-|>", mutation_scale=20, color=colour, linewidth=2)
        )
    return figure


def baselines() -> Figure:
    """Simple methods on clean MedNIST."""
    found = {k: results("mednist")["accuracy"]["clean"][k] for k in SIMPLE}
    figure = wide(4.2)
    ax = figure.subplots()
    order = sorted(found, key=lambda key: found[key]["value"])
    for y, key in enumerate(order):
        s = found[key]
        ax.plot([s["low"], s["high"]], [y, y], color=COLOURS[key], linewidth=9, alpha=0.3, solid_capstyle="round")
        ax.plot(s["value"], y, MARKERS.get(key, "o"), color=COLOURS[key], markersize=14)
        ax.text(s["value"] - 0.02, y + 0.2, f"{100 * s['value']:.1f} %", ha="right", va="bottom", fontsize=17)
    ax.set_yticks(range(len(order)), order, fontsize=17, color=INK)
    ax.set(
        xlim=(0, 1.02), ylim=(-0.5, len(order) - 0.3), xlabel="right on test images; bars: 95 % interval over groups"
    )
    ax.grid(axis="y", visible=False)
    shares(ax, "x")
    return figure


def clean_and_wild() -> Figure:
    """The same six images, upright and lying anyhow, and how a straight line on pixels does."""
    found, worlds = results("pictures"), ("clean", "wild")
    figure = wide(4.7)
    panels: Any = figure.subfigures(1, 2, width_ratios=(2.1, 1))
    left, right = panels
    axes = left.subplots(2, 6)
    for line, world in zip(axes, worlds, strict=True):
        for i, ax in enumerate(line):
            show(ax, tiles(found["rows"][world] + i)[2])
    ax = right.subplots()
    value = [results("mednist")["accuracy"][world]["logistic regression"]["value"] for world in worlds]
    ax.barh([1, 0], value, color=[BLUE, ORANGE], height=0.5)
    for y, v in zip((1, 0), value, strict=True):
        ax.text(v - 0.03, y, f"{100 * v:.0f} %", ha="right", va="center", color="white", fontsize=20, weight="bold")
    ax.set(xlim=(0, 1), yticks=[], xticks=[0, 0.5, 1], title="a straight line on the pixels", ylim=(-0.6, 1.6))
    ax.tick_params(labelsize=16)
    ax.grid(axis="y", visible=False)
    shares(ax, "x")
    return figure


def _order() -> np.ndarray:
    return np.random.default_rng(0).permutation(64 * 64)


def reordered() -> Figure:
    """Three images, and the same with all pixels in one new order."""
    found = results("pictures")
    figure = wide(3.6)
    axes = figure.subplots(1, 6)
    for i, kind in enumerate((2, 4, 5)):
        picture = tiles(found["rows"]["clean"] + kind)[1]
        show(axes[2 * i], picture, found["classes"][kind])
        show(axes[2 * i + 1], picture.ravel()[_order()].reshape(64, 64), "reordered")
    return figure


def order_matters() -> Figure:
    found = results("shuffled")["right"]
    figure = half()
    ax = figure.subplots()
    for i, net in enumerate(("mlp", "cnn")):
        for j, world in enumerate(("as they are", "shuffled")):
            right = found[f"{net}, {world}"]
            x = 3 * i + j
            ax.bar(x, np.mean(right), color=COLOURS[net], alpha=1 if j == 0 else 0.55, width=0.85)
            ax.plot([x, x], [min(right), max(right)], color=INK)
            ax.text(x, max(right) + 0.03, percent(float(np.mean(right))), ha="center", fontsize=19)
    ax.set_xticks([0, 1, 3, 4], ["as it is", "reordered"] * 2)
    for x, text, net in ((0.5, "fully connected", "mlp"), (3.5, "convolution", "cnn")):
        ax.text(x, 1.17, text, ha="center", color=COLOURS[net], weight="bold", fontsize=18)
    ax.set(ylim=(0, 1.25), yticks=[0, 0.5, 1])
    ax.grid(axis="x", visible=False)
    shares(ax)
    return figure


def convolution() -> Figure:
    """A kernel that looks for edges slides over a hand."""
    picture = tiles(results("pictures")["rows"]["clean"] + 4)[1].astype(float)
    right = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    figure = wide(4.5)
    axes = figure.subplots(1, 4, width_ratios=(1, 0.55, 1, 1))
    show(axes[0], picture, "the image")
    axes[0].add_patch(FancyBboxPatch((21, 17), 9, 9, boxstyle="square,pad=0", fill=False, edgecolor=AMBER, linewidth=3))
    show(axes[1], right, "nine weights", cmap="RdBu_r", vmin=-5, vmax=5)
    for (i, j), weight in np.ndenumerate(right):
        axes[1].text(j, i, f"{weight:g}".replace("-", "−"), ha="center", va="center", fontsize=18)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (3, 3))
    for ax, kernel, title in ((axes[2], right, "brighter to the right"), (axes[3], right.T, "brighter downwards")):
        seen = (windows * kernel).sum(axis=(2, 3))
        show(ax, seen, title, cmap="RdBu_r", vmin=-np.abs(seen).max() / 2, vmax=np.abs(seen).max() / 2)
    figure.supxlabel("red: the sum is above nought; blue: below; white: nought, no edge here", fontsize=16, color=SOFT)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "sign": sign, "six_unnamed": lambda: six(titles=False), "six": six, "program": program, "baselines": baselines,
    "clean_and_wild": clean_and_wild, "reordered": reordered, "order_matters": order_matters,
    "convolution": convolution,
}  # fmt: skip
