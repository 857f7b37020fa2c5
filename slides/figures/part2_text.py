"""Texts of part 2: who listens to whom, few labels, the tree, negation, and what explanations find."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.shared import half, percent, results, shares
from layerscope.draw.style import AMBER, BLUE, GREEN, GREY, INK, ORANGE, PURPLE


def attention() -> Figure:
    """Who listens to whom in the last block of MiniLM: the mean over its heads."""
    found = results("part2")["attention"]
    table = np.array(found["blocks"][-1])
    figure = half()
    ax = figure.subplots()
    ax.imshow(table, cmap="cividis", vmin=0, vmax=table.max(), aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        ink = "white" if value < 0.55 * table.max() else "black"
        ax.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=18, color=ink)
    columns = [name.replace(" ", "\n") for name in found["columns"]]
    ax.set_xticks(range(len(columns)), columns, fontsize=15, color=INK)
    ax.set_yticks(range(len(found["words"])), found["words"], fontsize=17, color=INK)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.set_xlabel("each row: to whom the word listens, in percent")
    return figure


KINDS = (
    ("MiniLM, frozen", "MiniLM, frozen", GREEN, "D"),
    ("bag of letters", "counted letters", ORANGE, "^"),
    ("from scratch", "from scratch", PURPLE, "s"),
    ("has filled in words", "our own reading", BLUE, "o"),
)


def few() -> dict[str, dict[str, list[float]]]:
    """Right on new texts by labels per class, for each draw; of our own reading, the mean only."""
    found = results("part2")
    scratch = found["few_texts"]["from scratch"]
    gains = found["lesson3"]["reading"]["gains"]
    read = {n: [float(np.mean(scratch[n])) + gain] for n, gain in gains.items()}
    return {**found["few_texts"], "has filled in words": read}


def few_texts() -> Figure:
    """What few labels are worth: borrowed, counted, from scratch, and after reading of our own."""
    found = few()
    figure = half()
    ax = figure.subplots()
    for key, label, colour, marker in KINDS:
        labels = [int(n) for n in found[key]]
        means = [float(np.mean(right)) for right in found[key].values()]
        ax.plot(labels, means, color=colour, marker=marker, label=label)
        for n, right in zip(labels, found[key].values(), strict=True):
            ax.plot([n] * len(right), right, ".", color=colour, markersize=6, alpha=0.7)
    ax.set(xscale="log", xlabel="labels per organ system", title="right on texts of new terms", ylim=(0, 1))
    ax.set_xticks(labels, [str(n) for n in labels])
    ax.minorticks_off()
    ax.legend(loc="upper left", ncols=2)
    shares(ax)
    return figure


def tree() -> Figure:
    """Distances in each layer against distances in the tree, within organ systems."""
    found = results("part2")["lesson3"]["tree"]
    figure = half()
    ax = figure.subplots()
    rows = found["layers"]
    x = range(len(rows))
    for key, label, colour, marker in (
        ("pretrained", "MiniLM", BLUE, "o"),
        ("untrained", "untrained twin", ORANGE, "s"),
        ("pretrained, dealt anew", "terms dealt anew", GREY, "v"),
    ):
        kept = [row[key] for row in rows.values()]
        ax.fill_between(x, [s["low"] for s in kept], [s["high"] for s in kept], color=colour, alpha=0.16, linewidth=0)
        ax.plot(x, [s["value"] for s in kept], color=colour, marker=marker, label=label)
    words = found["words"]
    ax.axhspan(words["low"], words["high"], color=AMBER, alpha=0.16, linewidth=0)
    ax.axhline(words["value"], color=AMBER, linestyle="--", label="words in common alone")
    ax.set_xticks(x, [name.replace("embedding", "input").replace("block", "block\n") for name in rows])
    ax.set_title("rank correlation with the tree")
    ax.set_ylim(top=1.55 * max(row["pretrained"]["high"] for row in rows.values()))
    ax.legend(loc="upper left", ncols=2)
    return figure


TESTS = (("new findings, known wordings", "new findings"), ("new wordings", "new wordings"))


def negation() -> Figure:
    """Affirmed, negated or speculated? Right on new findings, and on new wordings."""
    found = results("part2")["lesson3"]["negation"]
    figure = half()
    ax = figure.subplots()
    for shift, (name, colour, marker) in enumerate((("transformer", BLUE, "o"), ("bag of words", ORANGE, "s"))):
        for x, (test, _) in enumerate(TESTS):
            s, at = found[name][test], x + 0.24 * shift
            ax.plot([at, at], [s["low"], s["high"]], color=colour, linewidth=9, alpha=0.35, solid_capstyle="round")
            ax.plot(at, s["value"], marker, color=colour, markersize=13, label=name if not x else None)
            ax.text(at, s["high"] + 0.015, percent(s["value"]), ha="center", va="bottom", fontsize=16)
    ax.axhline(1 / 3, color=GREY, linestyle="--", linewidth=1.5)
    ax.text(0.62, 1 / 3 + 0.01, "chance", color=INK, ha="center", va="bottom", fontsize=14)
    ax.set_xticks([0.12, 1.12], [text for _, text in TESTS], fontsize=17, color=INK)
    ax.set(
        ylim=(0, 1.12), xlim=(-0.3, 1.6), yticks=np.linspace(0, 1, 6), title="right, with 95 % interval over wordings"
    )
    ax.legend(loc="lower left")
    ax.grid(axis="x", visible=False)
    shares(ax)
    return figure


def bars(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names, fontsize=16, color=INK)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def deletion() -> Figure:
    """How much faster than at random the answer falls when words are hidden, the highest scored first."""
    found = results("part2")["lesson3"]["deletion"]
    colours = {"attention": ORANGE, "chance": GREY}
    figure = half()
    ax = figure.subplots()
    for y, (name, row) in enumerate(found.items()):
        s, colour = row["gain"], colours.get(name, BLUE)
        ax.plot([s["low"], s["high"]], [y, y], color=colour, linewidth=9, alpha=0.35, solid_capstyle="round")
        ax.plot(s["value"], y, "o", color=colour, markersize=13)
    ax.axvline(0, color=INK, linestyle="--", linewidth=1.5)
    bars(ax, [name.replace("integrated ", "integrated\n") for name in found])
    ax.set(xlabel="faster than words hidden at random, 95 % interval", title="the answer falls")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "attention": attention, "few_texts": few_texts, "tree": tree, "negation": negation, "deletion": deletion,
}  # fmt: skip
