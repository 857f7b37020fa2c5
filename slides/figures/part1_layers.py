"""The layers of the main job's CNN, seen and measured, and when depth pays."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from figures.part1_images import tiles
from figures.shared import Found, half, percent, results, shares, wide
from layerscope.draw.curves import draw_few_labels
from layerscope.draw.layers import draw_layers
from layerscope.draw.scores import draw_scores
from layerscope.draw.style import AMBER, BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SOFT

KINDS = (  # of the six classes on a map: colour and marker
    (BLUE, "o"), (ORANGE, "^"), (GREEN, "s"), (PURPLE, "D"), (AMBER, "v"), (INK, "P"),
)  # fmt: skip


def stages() -> Figure:
    """The stages of the CNN: fewer places, more features."""
    shapes = results("mednist")["shapes"]
    blocks = [shape for stage, shape in shapes.items() if stage.startswith("block")]
    figure = wide(4.4)
    ax = figure.subplots()
    ax.axis("off")
    picture = tiles(results("pictures")["rows"]["wild"] + 4)[1]
    ax.imshow(picture, cmap="gray", extent=(0, 2.6, -1.3, 1.3), vmin=0, vmax=255)
    ax.text(1.3, -1.75, "pixels", ha="center", fontsize=17)
    x = 3.5
    for i, (features, places, _) in enumerate(blocks):
        size, deep = 2.2 / 1.45**i, 3 + 2 * i
        for k in reversed(range(deep)):
            ax.add_patch(
                FancyBboxPatch(
                    (x + 0.09 * k, -size / 2 + 0.09 * k),
                    size,
                    size,
                    boxstyle="square,pad=0",
                    facecolor="white",
                    edgecolor=BLUE,
                    linewidth=1.6,
                )
            )
        ax.text(x + size / 2 + 0.045 * deep, -1.75, f"block {i + 1}", ha="center", fontsize=17)
        ax.text(
            x + size / 2 + 0.045 * deep,
            -2.1,
            f"{features} maps\n{places} × {places}",
            ha="center",
            va="top",
            fontsize=15,
            color=SOFT,
        )
        x += size + 0.09 * deep + 0.75
    ax.add_patch(FancyBboxPatch((x, -1.1), 0.35, 2.2, boxstyle="square,pad=0", facecolor=BLUE, edgecolor=BLUE))
    ax.text(x + 0.2, -1.75, "straight cut", ha="center", fontsize=17)
    ax.set(xlim=(-0.1, x + 1.1), ylim=(-2.9, 1.9), aspect="equal")
    return figure


def _map(ax: Axes, found: Found, number: int, names: bool) -> None:
    maps = results("mednist")["maps"]
    kept = found["slices"][number]
    xy, targets = np.array(kept["xy"]), np.array(maps["targets"])
    reach = 1.05 * max(np.abs(one["xy"]).max() for network in maps["networks"] for one in network["slices"][:5])
    for k, (colour, marker) in enumerate(KINDS):
        ax.scatter(
            *xy[targets == k].T,
            s=17,
            color=colour,
            marker=marker,
            linewidths=0,
            alpha=0.85,
            label=maps["classes"][k],
            rasterized=True,
        )
    stage = found["stages"][number]
    ax.set_title("raw pixels" if stage == "pixels" else stage.replace("block", "block "), loc="center")
    ax.set_xlabel(percent(kept["probe"][0]), fontsize=21, color=INK)
    ax.set(xticks=[], yticks=[], aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    for side in ax.spines.values():
        side.set_visible(names)


def atlas_of(which: int) -> Figure:
    """Maps of one network, layer by layer: each mark an image, near to those that the layer finds like it."""
    found = Found("mednist: maps", results("mednist")["maps"]["networks"][which])
    shown = [i for i, stage in enumerate(found["stages"]) if stage in ("pixels", "block2", "block4")]
    figure = wide(4.9)
    for ax, number in zip(figure.subplots(1, len(shown)), shown, strict=True):
        _map(ax, found, number, names=False)
    keys = [
        Line2D([], [], color=c, marker=m, linestyle="none", label=k)
        for (c, m), k in zip(KINDS, results("mednist")["maps"]["classes"], strict=True)
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=6, handletextpad=0.1, columnspacing=1.6)
    return figure


def layers(world: str) -> Figure:
    """The layer curve, once with all labels for the probe and once with ten per class."""
    figure = wide(4.9)
    seeds = results("mednist")["layers"][f"{world}-cnn"]
    kept: Any = [{kind: [r for r in seed[kind] if r["stage"] != "pool"] for kind in seed} for seed in seeds]
    names = [r["stage"].replace("block", "block\n").replace("pixels", "raw\npixels") for r in kept[0]["trained"]]
    panels = zip(figure.subplots(1, 2), (False, True), ("all labels", "ten labels per class"), strict=True)
    for ax, few_labels, title in panels:
        draw_layers(kept, few_labels, ax)
        for text in ax.texts:
            text.set_fontsize(15)
            text.set_text(text.get_text().replace(" ", "\n"))
        ax.set_xticks(range(len(names)), names, fontsize=14)
        ax.set(title=f"a straight line reads, {title}", ylim=(0.1, 1.04))
        ax.set_xlim(right=len(names) + 0.25)
        shares(ax)
    keys: Any = (
        ("pixels, straight line", INK, "--"),
        ("pixels, nearest neighbours", INK, ":"),
        ("shuffled labels", GREY, "-"),
    )
    lines = [Line2D([], [], color=colour, linestyle=look, linewidth=1.6, label=text) for text, colour, look in keys]
    figure.legend(handles=lines, loc="outside lower center", ncols=3)
    return figure


QUESTIONS = (("which organ?", 6), ("which way up?", 4), ("negative?", 2))  # and how many answers each has


def tasks() -> Figure:
    """Three questions, read from the last layer of networks that learned one of them, or nothing."""
    rows = results("lesson1")["tasks"]
    read = {(row["asked"], row["learned"], row["stage"]): row["right"] for row in rows}
    asked, learned = ("organ", "turn", "negative"), ("organ", "turn", "negative", "nothing")
    figure = half()
    ax = figure.subplots()
    table = np.array([[read[a, n, "logits"] for a in asked] for n in learned])
    ax.imshow(table, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        ax.text(
            j,
            i,
            f"{100 * value:.0f} %",
            ha="center",
            va="center",
            fontsize=21,
            color="white" if value < 0.55 else "black",
        )
    ax.set_xticks(range(3), [f"{asks}\nchance {100 / answers:.0f} %" for asks, answers in QUESTIONS], fontsize=15)
    ax.set_yticks(range(4), [f"learned {text}" for text in ("organs", "turns", "negatives", "nothing")], fontsize=16)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    return figure


def few(world: str) -> Figure:
    figure = half()
    ax = figure.subplots()
    draw_few_labels(results("mednist")["few"][world], ax)
    ax.legend(loc="lower right")
    ax.set_ylim(0.1, 1.03)
    shares(ax)
    return figure


def judged() -> Figure:
    """Every method on clean images and in the wild, as errors."""
    figure = wide(4.6)
    for ax, world, title in zip(
        figure.subplots(1, 2, sharex=True), ("clean", "wild"), ("clean images", "in the wild"), strict=True
    ):
        draw_scores({key: s for key, s in results("mednist")["accuracy"][world].items() if key != "majority"}, ax)
        ax.set_title(title)
        ax.set_xlabel("errors (log scale; left is better)")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "stages": stages, "maps": lambda: atlas_of(0), "maps_twin": lambda: atlas_of(1),
    "layers_wild": lambda: layers("wild"), "layers_clean": lambda: layers("clean"), "tasks": tasks,
    "few_wild": lambda: few("wild"), "judged": judged,
}  # fmt: skip
