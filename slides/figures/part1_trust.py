"""What goes wrong: leaks, shortcuts, units, thresholds, and a ruler that cannot fail; then the course as a map."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from figures.part1_images import show, tiles
from figures.shared import Found, half, percent, results, shares, wide
from layerscope.draw.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE
from layerscope.judge.interval import wilson


def twins() -> Figure:
    """Test images of a random split, above the training images most like them."""
    found = results("pictures")
    figure = wide(4.7)
    axes = figure.subplots(2, found["columns"])
    for j, (above, below) in enumerate(axes.T):
        show(above, tiles(found["rows"]["test"])[j], "test" if j == 0 else "")
        show(below, tiles(found["rows"]["train"])[j])
        below.set_title(("training, " if j == 0 else "") + f"r = {found['alike'][j]:.3f}", loc="center")
    return figure


def flattered() -> Figure:
    """What a random split promises, and what an honest one finds, for the same methods, each with its own interval."""
    found = results("mednist")
    figure = half()
    ax = figure.subplots()
    names = ("class mean", "mlp", "logistic regression", "nearest neighbour", "cnn")
    for y, key in enumerate(names):
        for split, colour, mark, up in (
            (found["accuracy"]["clean"], BLUE, "o", 0.14),
            (found["flattered"]["as_reported"], ORANGE, "s", -0.14),
        ):
            error, *ends = (max(1 - split[key][which], 3e-5) for which in ("value", "low", "high"))
            ax.plot(ends, [y + up] * 2, color=colour, linewidth=7, alpha=0.35, solid_capstyle="round")
            ax.plot(error, y + up, mark, color=colour, markersize=11)
            if split[key]["value"] == 1:
                ax.text(error * 1.35, y + up + 0.12, "no error", color=colour, fontsize=14, va="bottom")
    ax.set_yticks(
        range(len(names)), [{"mlp": "fully connected", "cnn": "CNN"}.get(n, n) for n in names], color=INK, fontsize=16
    )
    ax.set(xscale="log", xlabel="errors (log scale; left is better)", ylim=(-0.6, 5.1), xlim=(2.5e-5, 0.2))
    ax.set_xticks([1e-4, 1e-3, 1e-2, 1e-1], ["0.01 %", "0.1 %", "1 %", "10 %"])
    ax.text(4e-5, 4.7, "random split", color=ORANGE, weight="bold", fontsize=16)
    ax.text(8e-3, 4.7, "split by groups", color=BLUE, weight="bold", fontsize=16)
    ax.minorticks_off()
    ax.grid(axis="y", visible=False)
    return figure


def mark() -> Figure:
    """Four training images of the shortcut experiment."""
    examples = tiles(results("pictures")["rows"]["mark"])
    figure = wide(3.7)
    for ax, picture, title in zip(
        figure.subplots(1, 4), examples, ("abdomen", "abdomen", "chest", "chest"), strict=True
    ):
        show(ax, picture, title)
    return figure


def mark_result() -> Figure:
    found = results("shortcut")["right"]
    figure = half()
    ax = figure.subplots()
    rows = (
        ("always", "home", "marks as in training", BLUE),
        ("always", "none", "no marks", ORANGE),
        ("always", "other", "marks on the abdomen", ORANGE),
        ("never", "none", "never saw a mark", GREEN),
    )
    for y, (how, test, _, colour) in enumerate(rows):
        right = found[how][test]
        ax.barh(y, np.mean(right), color=colour, height=0.62)
        ax.plot([min(right), max(right)], [y, y], color=INK)
        ax.text(max(right) + 0.03, y, percent(float(np.mean(right))), va="center", fontsize=19)
    ax.set_yticks(range(len(rows)), [text for *_, text, _ in rows], fontsize=17, color=INK)
    ax.invert_yaxis()
    ax.axvline(0.5, color=GREY, linestyle="--", linewidth=1.5)
    ax.set(xlim=(0, 1.22), xticks=[0, 0.5, 1], title="right on new images")
    ax.grid(axis="y", visible=False)
    shares(ax, "x")
    return figure


def unit_of_analysis() -> Figure:
    """The same accuracy with an interval over images, and over groups."""
    s = results("mednist")["accuracy"]["wild"]["cnn"]
    figure = wide(3.6)
    ax = figure.subplots()
    n, value = s["samples"], s["value"]
    low, high = wilson(round(value * n), n)
    rows = (
        ("if every image were alone", low, high, n, "images", ORANGE),
        ("by groups", s["low"], s["high"], s["groups"], "groups", BLUE),
    )
    for y, (text, left, right, count, what, colour) in enumerate(rows):
        ax.plot([left, right], [y, y], color=colour, linewidth=12, alpha=0.4, solid_capstyle="round")
        ax.plot(value, y, "o", color=colour, markersize=15)
        ax.text(0.8615, y, f"{text}\n{count:,} {what}", ha="left", va="center", fontsize=17, color=colour)
    ax.set(xlim=(0.86, 1.003), ylim=(1.6, -0.6), yticks=[], xlabel="right on test images in the wild, 95 % interval")
    ax.grid(axis="y", visible=False)
    shares(ax, "x")
    return figure


def threshold() -> Figure:
    """What another threshold trades."""
    found = results("lesson2")["threshold"]
    figure = half()
    ax = figure.subplots()
    for key, colour, x, side in (("sensitivity", PURPLE, 0.02, "left"), ("specificity", GREEN, 0.98, "right")):
        ax.plot(found["steps"], found["curves"][key], color=colour)
        ax.text(x, 0.95, key, color=colour, weight="bold", ha=side, va="top", fontsize=17)
    ax.axvline(found["chosen"], color=INK, linestyle="--", linewidth=2)
    ax.text(found["chosen"] + 0.015, 0.02, "chosen on\nvalidation", fontsize=15)
    ax.set(xlabel="call it abnormal above this probability", ylim=(-0.02, 1.04))
    shares(ax)
    return figure


def ppv(share: float) -> float:
    """Of the alarms, how many are right, if this share is ill; with lesson 2's sensitivity and specificity."""
    found = results("lesson2")["threshold"]
    ill, well = share * found["sensitivity"]["value"], (1 - share) * (1 - found["specificity"]["value"])
    return ill / (ill + well)


def alarms_right(share: float) -> Found:
    """The same as measured, with its interval."""
    return Found("lesson2: alarms_right", results("lesson2")["threshold"]["alarms_right"][str(share)])


def alarms() -> Figure:
    """Which share of the alarms is right, in clinics with more and fewer who are ill."""
    figure = half()
    ax = figure.subplots()
    x = np.geomspace(0.002, 0.6, 100)
    ax.plot(x, [ppv(share) for share in x], color=BLUE)
    for share in (0.5, 0.02):
        s = alarms_right(share)
        ax.plot([share, share], [s["low"], s["high"]], color=ORANGE, linewidth=9, alpha=0.35, solid_capstyle="round")
        ax.plot(share, s["value"], "o", color=ORANGE, markersize=14)
        ax.text(
            share * 0.86,
            ppv(share) + 0.02,
            f"{100 * ppv(share):.0f} %",
            ha="right",
            va="bottom",
            fontsize=20,
            weight="bold",
            color=ORANGE,
        )
    ax.set(xscale="log", ylim=(0, 1), xlabel="share of abnormal studies in the clinic", title="alarms that are right")
    ax.set_xticks([0.002, 0.02, 0.1, 0.5], ["0.2 %", "2 %", "10 %", "50 %"])
    ax.minorticks_off()
    shares(ax)
    return figure


def course() -> Figure:
    """The lessons, with the measured time of the computer."""
    measured = results("measured")
    figure = wide(4.7)
    ax = figure.subplots()
    ax.axis("off")
    rows = (
        ("0", "A network from scratch", "DL-Example-0-A-network-from-scratch", BLUE),
        ("1", "MedNIST using PyTorch: what does depth buy?", "DL-Example-1-MedNIST-using-PyTorch", GREEN),
        ("2", "MedNIST and MURA using fastai", "DL-Example-2-MedNIST-MURA-using-fastai", PURPLE),
        ("3", "Text using Transformers", "DL-Example-3-Text-using-Transformers", GREY),
        ("4", "Molecules using PyTorch Geometric", "DL-Example-4-Molecules-using-PyTorch-Geometric", GREY),
    )
    for y, (number, title, key, colour) in enumerate(rows):
        found: Found = measured[key]
        minutes = max(1, round(found["seconds"] / 60))
        machine = found["machine"].split(" (")[0]
        ax.plot(0.4, -y, "o", color=colour, markersize=42)
        ax.text(0.4, -y, number, color="white", ha="center", va="center", fontsize=24, weight="bold")
        ax.text(0.95, -y + 0.16, title, fontsize=22, va="center")
        ax.text(0.95, -y - 0.24, f"the computer needs {minutes} min ({machine})", fontsize=16, va="center", color=GREY)
    ax.set(xlim=(0, 10), ylim=(-4.5, 0.5))
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "twins": twins, "flattered": flattered, "mark": mark, "mark_result": mark_result,
    "unit_of_analysis": unit_of_analysis, "threshold": threshold, "alarms": alarms, "course": course,
}  # fmt: skip
