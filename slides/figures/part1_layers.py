"""The layers of the main job's CNN, seen and measured, and when depth pays."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from figures.part1_images import tiles
from figures.shared import Found, half, percent, results, shares, span, wide
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
    side = round(shapes["pixels"][0] ** 0.5)
    ax.text(1.3, -1.75, "pixels", ha="center", fontsize=17)
    ax.text(1.3, -2.1, f"64 × 64, halved\nto {side} × {side}", ha="center", va="top", fontsize=15, color=SOFT)
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


def _map(ax: Axes, found: Found, number: int, title: str) -> None:
    maps = results("mednist")["maps"]
    kept = found["slices"][number]
    xy, targets = np.array(kept["xy"]), np.array(maps["targets"])
    walked = np.concatenate([one["xy"] for network in maps["networks"] for one in network["slices"][:5]])
    (left, low), (right, high) = 1.05 * walked.min(axis=0), 1.05 * walked.max(axis=0)
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
    ax.set_title(title, loc="center")
    ax.set_xlabel(f"line {percent(kept['probe'][0])}\nmap {percent(kept['seen'])}", fontsize=17, color=INK, labelpad=4)
    ax.set(xticks=[], yticks=[], aspect="equal", xlim=(left, right), ylim=(low, high))
    for side in ax.spines.values():
        side.set_visible(False)


def maps() -> Figure:
    """Maps layer by layer, of the trained network and its untrained twin: each mark an image, near to those alike."""
    trained, twin = (Found("mednist: maps", network) for network in results("mednist")["maps"]["networks"])
    figure = wide(4.5)
    first, *others = figure.subplots(1, 5)
    _map(first, trained, 0, "raw\npixels")
    walk = ((network, stage) for network in (trained, twin) for stage in ("block2", "block4"))
    for ax, (network, stage) in zip(others, walk, strict=True):
        name = "trained" if network is trained else "untrained"
        _map(ax, network, network["stages"].index(stage), f"{name}\n{stage.replace('block', 'block ')}")
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
    named = {"pixels": "raw\npixels", "logits": "output\n(logits)"}
    names = [named.get(r["stage"], r["stage"].replace("block", "block\n")) for r in kept[0]["trained"]]
    panels = zip(figure.subplots(1, 2), (False, True), ("all labels", "ten labels per class"), strict=True)
    for ax, few_labels, title in panels:
        draw_layers(kept, few_labels, ax)
        for text in ax.texts:
            text.set_fontsize(15)
            text.set_text(text.get_text().replace(" ", "\n"))
        for dotted in (drawn for drawn in ax.lines if drawn.get_linestyle() == ":" or drawn.is_dashed()):
            dotted.set_linewidth(2)
        ax.set_xticks(range(len(names)), names, fontsize=14)
        ax.set(title=f"a straight line reads, {title}", ylim=(0.1, 1.04))
        ax.set_xlabel(beside(world, few_labels), fontsize=14.5, color=INK)
        ax.set_xlim(right=len(names) + 0.25)
        shares(ax)
    keys: Any = (
        ("pixels, straight line", INK, "--"),
        ("pixels, neighbours", INK, ":"),
        ("blue or orange: each layer at equal width", SOFT, (0, (1, 1.5))),
        ("shuffled labels", GREY, "-"),
    )
    lines = [Line2D([], [], color=colour, linestyle=look, linewidth=2, label=text) for text, colour, look in keys]
    figure.legend(handles=lines, loc="outside lower center", ncols=4, columnspacing=1.4, handlelength=1.7)
    return figure


def few_reach(world: str, kind: str, stage: str) -> dict[str, float]:
    """From ten labels per class: mean over seeds, and the widest reach of the seeds' intervals over groups."""
    read = [
        next(r["few"] for r in seed[kind] if r["stage"] == stage)
        for seed in results("mednist")["layers"][f"{world}-cnn"]
    ]
    means = {"value": float(np.mean([few["value"] for few in read]))}
    return means | {"low": min(few["low"] for few in read), "high": max(few["high"] for few in read)}


def best_block(world: str, kind: str, probe: str) -> str:
    """The block from which a straight line reads most, by the mean over seeds."""
    seeds = results("mednist")["layers"][f"{world}-cnn"]
    blocks = [r["stage"] for r in seeds[0][kind] if r["stage"].startswith("block")]
    return max(
        blocks, key=lambda name: np.mean([r[probe]["value"] for s in seeds for r in s[kind] if r["stage"] == name])
    )


def beside(world: str, few_labels: bool) -> str:
    """What is to be compared, in one line: the best block and the best that needs no learning."""
    if few_labels:
        both = [(kind, best_block(world, kind, "few")) for kind in ("trained", "untrained")]
        return "\n".join(
            f"{kind} {stage.replace('block', 'block ')}: {percent(reach['value'], 1)} [{span(reach, 1)}]"
            for kind, stage in both
            for reach in (few_reach(world, kind, stage),)
        )
    found = results("mednist")["learned"][world][0]
    stage, rival = (found[key].replace("block", "block ") for key in ("stage", "rival"))
    return f"{stage} minus {rival.removeprefix('the ')}:\n{points(found['ahead'])}"


def points(found: dict[str, Any]) -> str:
    """A difference of shares in points, with its interval."""
    value, low, high = (f"{100 * found[key]:+.1f}".replace("-", "\N{MINUS SIGN}") for key in ("value", "low", "high"))
    return f"{value} points [{low}, {high}]"


QUESTIONS = (("which organ?", 6), ("which way up?", 4), ("negative?", 2))  # and how many answers each has


def tasks() -> Figure:
    """Three questions, read from the last layer of networks that learned one of them, or nothing."""
    read = {(row["asked"], row["learned"]): row for row in results("lesson1")["questions"]["read"]}
    asked, learned = ("organ", "turn", "negative"), ("organ", "turn", "negative", "nothing")
    figure = half()
    ax = figure.subplots()
    table = np.array([[read[a, n]["value"] for a in asked] for n in learned])
    ax.imshow(table, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        colour = "white" if value < 0.47 else "black"
        ax.text(j, i - 0.08, percent(value), ha="center", va="center", fontsize=20, color=colour)
        ax.text(j, i + 0.27, span(read[asked[j], learned[i]]), ha="center", va="center", fontsize=13, color=colour)
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
        scores = {key: s for key, s in results("mednist")["accuracy"][world].items() if key != "majority"}
        draw_scores(scores, ax)
        for y, s in enumerate(sorted(scores.values(), key=lambda s: s["value"])):
            if s["value"] == 1:
                ax.text(ax.lines[2 * y + 1].get_xdata()[0], y - 0.3, "no error", ha="center", va="top", fontsize=14)
        ax.set_title(title)
        ax.set_xlabel("errors (log scale; left is better)")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "stages": stages, "maps": maps,
    "layers_wild": lambda: layers("wild"), "layers_clean": lambda: layers("clean"), "tasks": tasks,
    "few_wild": lambda: few("wild"), "judged": judged,
}  # fmt: skip
