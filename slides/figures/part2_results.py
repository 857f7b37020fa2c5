"""Measured figures of part 2; each only draws what a run, a lesson or a benchmark has written down."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.shared import half, percent, results, shares, wide
from layerscope.draw.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE


def lesson4(name: str) -> Any:
    return results("part2")["lesson4"][name]


def run(name: str) -> Any:
    return results("part2")["runs"][name]


def intervals(ax: Axes, scores: Mapping[str, Mapping[str, float]], colours: Mapping[str, str]) -> None:
    """Values with their intervals, one below the other, best on top."""
    for y, (name, s) in enumerate(scores.items()):
        colour = colours.get(name, GREY)
        ax.plot([s["low"], s["high"]], [y, y], color=colour, linewidth=9, alpha=0.35, solid_capstyle="round")
        ax.plot(s["value"], y, "o", color=colour, markersize=13)
    ax.set_yticks(range(len(scores)), list(scores), color=INK, fontsize=16)
    ax.set_ylim(len(scores) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def methods() -> Figure:
    """Lesson 4's test, once: networks and what was there before."""
    found = {name: row["AUROC, test"] for name, row in lesson4("test").items()}
    order = dict(sorted(found.items(), key=lambda item: -item[1]["value"]))
    nets = {name: BLUE for name in order if "GIN" in name or name in ("GCN", "AttentiveFP", "attention, with bonds")}
    figure = wide(4.7)
    ax = figure.subplots()
    intervals(ax, order, nets | {name: ORANGE for name in order if "ECFP4" in name or "descriptors" in name})
    ax.set(xlabel="AUROC on test molecules, 95 % interval over groups", xlim=(0.48, 1.0))
    return figure


def sizes() -> Figure:
    """A property that is a known function of the graph: error against the number of molecules."""
    figure = half()
    ax = figure.subplots()
    for name, colour, marker in (("ECFP4 + forest", ORANGE, "s"), ("GIN with bonds", BLUE, "o")):
        rows = lesson4("sizes")
        x = [float(count.replace(",", "")) for count in rows]
        kept = [row[name] for row in rows.values()]
        ax.fill_between(x, [s["low"] for s in kept], [s["high"] for s in kept], color=colour, alpha=0.2, linewidth=0)
        ax.plot(x, [s["value"] for s in kept], color=colour, marker=marker)
        top = max(s["high"] for s in kept[1:])
        ax.text(x[1] * 1.1, top + 0.05, name, color=colour, weight="bold", va="bottom", fontsize=17)
    ax.set(xscale="log", ylim=(0, 2), xlabel="molecules to learn from", title="how far off (RMSE of logP)")
    ax.set_xticks(x, list(lesson4("sizes")))
    ax.minorticks_off()
    return figure


def too_good() -> Figure:
    """Errors on the computed logP: one method is too good."""
    found = run("nci")["judged"]["scores"] | {"descriptors, straight line": results("part2")["told"]}
    figure = wide(3.4)
    ax = figure.subplots()
    for y, name in enumerate(
        ("guessing", "fingerprints, random forest", "graph network", "descriptors, straight line")
    ):
        value = found[name]["rmse"]["value"]
        ax.barh(y, value, color=ORANGE if "descriptors" in name else GREY, height=0.6)
        ax.text(value + 0.03, y, f"{value:.2f}" if value > 0.01 else f"{value:.4f}", va="center", fontsize=18)
    names = ("guessing", "fingerprints, forest", "graph network", "descriptors, line")
    ax.set_yticks(range(4), names, fontsize=17, color=INK)
    ax.set(xlabel="how far off (RMSE of logP)")
    ax.grid(axis="y", visible=False)
    return figure


WAYS = (("frozen", "body frozen", GREEN), ("adapters", "adapters", PURPLE), ("full", "all weights", BLUE))


def adapting() -> Figure:
    """Three ways to teach a pretrained text network a new question."""
    found = results("text")
    figure = wide(3.7)
    panels = (
        ("accuracy", "right on validation", 1.0),
        ("seconds", "seconds", 1.0),
        ("peak memory, MB", "memory, GB", 1e3),
    )
    for ax, (key, title, scale) in zip(figure.subplots(1, 3), panels, strict=True):
        for y, (way, _, colour) in enumerate(WAYS):
            value = found[f"adapting, {way}"][key] / scale
            ax.barh(y, value, color=colour, height=0.6)
            said = percent(value) if key == "accuracy" else f"{value:.0f}" if key == "seconds" else f"{value:.1f}"
            ax.text(value, y, f" {said}", va="center", fontsize=18)
        ax.set_yticks(
            range(3), [text for _, text, _ in WAYS] if key == "accuracy" else [""] * 3, fontsize=17, color=INK
        )
        ax.set(title=title, xticks=[], ylim=(2.5, -0.5))
        ax.set_xlim(right=1.35 * ax.get_xlim()[1])
        ax.grid(visible=False)
    return figure


SPLITS = (
    ("random", "random\nmolecules"),
    ("groups", "whole\nscaffolds"),
    ("clusters", "clusters"),
    ("largest first", "rarest\nscaffolds"),
)


def splits() -> Figure:
    """The same methods, four ways to choose the test molecules."""
    figure = half()
    ax = figure.subplots()
    for shift, (name, colour, marker) in enumerate((("ECFP4 + forest", ORANGE, "s"), ("GIN with bonds", BLUE, "o"))):
        for x, (way, _) in enumerate(SPLITS):
            s = lesson4("splits")[way][name]
            ax.plot([x + 0.2 * shift] * 2, [s["low"], s["high"]], color=colour, linewidth=7, alpha=0.4)
            ax.plot(x + 0.2 * shift, s["value"], marker, color=colour, markersize=13, label=name if not x else None)
    ax.set_xticks(np.arange(4) + 0.1, [text for _, text in SPLITS], color=INK)
    ax.set(title="AUROC: mean of three draws, and range", ylim=(0.6, 1.0))
    ax.legend(loc="lower left")
    ax.grid(axis="x", visible=False)
    return figure


def units() -> Figure:
    """The same films, judged by film, study and patient."""
    found = results("lesson2")["unit"]
    figure = wide(3.9)
    ax = figure.subplots()
    named = {f"{name.replace('image', 'film')} ({s['cases']})": s for name, s in found.items()}
    intervals(ax, named, dict(zip(named, (ORANGE, BLUE, BLUE, BLUE), strict=True)))
    ax.set(xlabel="AUROC with 95 % interval (in brackets: how many cases)", xlim=(0.6, 0.95))
    return figure


def coverage() -> Figure:
    """Does a 95 % interval hold the truth in 95 of 100 simulated studies?"""
    rows = [row for row in results("coverage")["accuracy"] if row["truth"] == 0.95]
    figure = half()
    ax = figure.subplots()
    x = range(len(rows))
    for name, colour, text in (
        ("layerscope", BLUE, "Layerscope"),
        ("percentile over groups", GREEN, "bootstrap over groups"),
        ("percentile over samples", ORANGE, "bootstrap over samples"),
    ):
        ax.plot(x, [row[name]["coverage"] for row in rows], color=colour, marker="o", label=text)
    ax.axhline(0.95, color=INK, linestyle="--", linewidth=1.5)
    ax.set_xticks(x, [str(row["groups"]) for row in rows])
    ax.set(xlabel="groups (such as patients)", ylim=(0.2, 1.05), title="intervals that hold the truth")
    ax.legend(loc="lower right")
    shares(ax)
    return figure


def reliability() -> Figure:
    """BBBP: how sure the network says it is, and how often it is right."""
    found = run("bbbp")["calibrated"]["reliability"]
    kept = [i for i, count in enumerate(found["count"]) if count >= 10]
    figure = half()
    ax = figure.subplots()
    x = [found["confidence"][i] for i in kept]
    ax.plot([0.5, 1], [0.5, 1], color=INK, linestyle="--", linewidth=1.5)
    ax.vlines(x, [found["low"][i] for i in kept], [found["high"][i] for i in kept], color=BLUE, linewidth=8, alpha=0.3)
    ax.plot(x, [found["accuracy"][i] for i in kept], "o", color=BLUE, markersize=12)
    ax.set(xlabel="so sure it says it is", title="so often it is right", xlim=(0.5, 1.02), ylim=(0, 1.02))
    shares(ax)
    shares(ax, "x")
    return figure


def domain() -> Figure:
    """BBBP: AUROC by similarity to what was learned from."""
    found = [one for one in run("bbbp")["domain"]["bins"] if one["score"]]
    figure = half()
    ax = figure.subplots()
    for x, one in enumerate(found):
        s = one["score"]
        colour = ORANGE if one["to"] <= run("bbbp")["domain"]["trusted_from"] else BLUE
        ax.plot([x, x], [s["low"], s["high"]], color=colour, linewidth=9, alpha=0.35, solid_capstyle="round")
        ax.plot(x, s["value"], "o", color=colour, markersize=13)
    ax.axhline(0.5, color=GREY, linestyle="--", linewidth=1.5)
    ax.set_xticks(range(len(found)), [f"to {one['to']:g}" for one in found])
    ax.set(xlabel="similarity to the nearest training molecule", title="AUROC, test molecules", ylim=(0.4, 1.03))
    return figure


def attribution() -> Figure:
    """Atoms that are found, where the right ones are known."""
    found = lesson4("attribution")
    figure = half()
    ax = figure.subplots()
    names = ("integrated gradients", "occlusion", "chance")
    for j, (group, colour) in enumerate((("carboxylic acid", BLUE), ("nitro group", ORANGE))):
        for y, name in enumerate(names):
            value = found[name][group]["value"]
            ax.barh(y + 0.36 * j, value, color=colour, height=0.32, label=group if not y else None)
            ax.text(value + 0.02, y + 0.36 * j, percent(value), va="center", fontsize=16)
    ax.set_yticks(np.arange(3) + 0.18, ["integrated\ngradients", "occlusion", "chance"], fontsize=16, color=INK)
    ax.set(xlim=(0, 1.25), xticks=[], title="right atoms among the highest", ylim=(3.3, -0.4))
    ax.legend(loc="lower right")
    ax.grid(visible=False)
    return figure


POINTED = (
    ("this network, place by place", "place by place", BLUE),
    ("this network, Grad-CAM", "Grad-CAM", BLUE),
    ("the brightest pixel", "the brightest pixel", ORANGE),
    ("the middle of the film", "the middle of the film", ORANGE),
    ("random weights", "untrained network", GREY),
)


def pointing() -> Figure:
    """How often a heat map's highest place lies on the drawn fracture."""
    found = results("lesson2")["pointing"]
    figure = half()
    ax = figure.subplots()
    for y, (key, _, colour) in enumerate(POINTED):
        ax.barh(y, found[key], color=colour, height=0.6)
        ax.text(found[key] + 0.01, y, percent(found[key]), va="center", fontsize=18)
    ax.set_yticks(range(len(POINTED)), [text for _, text, _ in POINTED], fontsize=16, color=INK)
    ax.set(xlim=(0, 0.58), xticks=[], ylim=(4.5, -0.5), title="points at the finding")
    ax.grid(visible=False)
    return figure


def trap() -> Figure:
    """What cross-validation says, and what new scaffolds say."""
    rows = lesson4("trap")
    figure = half()
    ax = figure.subplots()
    keys = (("cross-validation says", ORANGE, "s"), ("new scaffolds", BLUE, "o"))
    for y, name in enumerate(("hers", "cross-fitted")):
        for shift, (key, colour, marker) in enumerate(keys):
            s, at = rows[name][key], y + 0.25 * shift
            ax.plot([s["low"], s["high"]], [at, at], color=colour, linewidth=9, alpha=0.35)
            ax.plot(s["value"], at, marker, color=colour, markersize=13, label=key if not y else None)
    ax.set_yticks([0.12, 1.12], ["the network\nhas seen them", "cross-fitted"], fontsize=16, color=INK)
    ax.set(xlabel="AUROC, 95 % interval", xlim=(0.6, 1.01), ylim=(2.1, -0.3))
    ax.legend(loc="lower right")
    ax.grid(axis="y", visible=False)
    return figure


def depth() -> Figure:
    """Graph networks of several depths, whose blocks replace or add."""
    rows = lesson4("blocks")
    figure = half()
    ax = figure.subplots()
    for key, colour, marker, text in (
        ("each replaces what was there", ORANGE, "s", "replaces"),
        ("each adds to it", BLUE, "o", "adds"),
    ):
        kept = [row[key] for row in rows.values()]
        x = range(len(kept))
        ax.fill_between(x, [s["low"] for s in kept], [s["high"] for s in kept], color=colour, alpha=0.18, linewidth=0)
        ax.plot(x, [s["value"] for s in kept], color=colour, marker=marker, label=f"each block {text}")
    ax.set_xticks(range(len(rows)), list(rows))
    ax.set(xlabel="blocks", title="AUROC", ylim=(0.45, 1))
    ax.legend(loc="lower left")
    return figure


def precision() -> Figure:
    """A text network in fewer bits: faster, and not the same."""
    found = results("text")["inference"]
    figure = half()
    ax = figure.subplots()
    ways = (
        ("by length, 32", "32 bits", GREY),
        ("by length, 32, bf16", "16 bits", GREEN),
        ("by length, 32, int8", "8 bits", BLUE),
    )
    for y, (key, _, colour) in enumerate(ways):
        value = found["per second"][key]
        ax.barh(y, value, color=colour, height=0.6)
        ax.text(value + 5, y, f"{value:.0f}", va="center", fontsize=19)
    ax.set_yticks(range(3), [text for _, text, _ in ways], fontsize=18, color=INK)
    ax.set(xticks=[], ylim=(2.5, -0.5), xlim=(0, 430), title="texts per second, two CPU cores")
    ax.grid(visible=False)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "methods": methods, "sizes": sizes, "too_good": too_good, "adapting": adapting, "splits": splits, "units": units,
    "coverage": coverage, "reliability": reliability, "domain": domain, "attribution": attribution,
    "pointing": pointing, "trap": trap, "depth": depth, "precision": precision,
}  # fmt: skip
