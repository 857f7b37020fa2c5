"""Drawn plans of part 2: overlap, fusion, the way to the clinic, and the lessons as a map."""

from collections.abc import Callable

from matplotlib.figure import Figure
from matplotlib.patches import Circle

from figures.part2_draw import arrow, box, canvas
from figures.part2_numbers import dice
from figures.shared import results, wide
from layerscope.draw.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SOFT


def overlap() -> Figure:
    """The same shift of two pixels, of a large and of a small thing."""
    figure = wide(4.0)
    for ax, radius in zip(figure.subplots(1, 2), (20, 3), strict=True):
        for x, colour in ((0, BLUE), (2, ORANGE)):
            ax.add_patch(Circle((x, 0), radius, facecolor=colour, alpha=0.4, edgecolor=colour, linewidth=2))
        ax.set(xlim=(-24, 26), ylim=(-22, 22), aspect="equal")
        ax.axis("off")
        ax.set_title(f"Dice {dice(radius):.2f}", loc="center", fontsize=24)
    return figure


def fusion() -> Figure:
    """Where do two sources meet: before, within or after?"""
    figure = wide(4.5)
    for ax, (title, meet) in zip(figure.subplots(1, 3), (("early", 0), ("middle", 1), ("late", 2)), strict=True):
        ax.set(xlim=(0, 6), ylim=(0, 7.2))
        ax.axis("off")
        ax.set_title(title, loc="center")
        box(ax, (1.5, 6.4), "image", BLUE, (2.2, 1.0))
        box(ax, (4.5, 6.4), "table", PURPLE, (2.2, 1.0))
        for level, text in enumerate(("network", "head")):
            y = 4.3 - 2.1 * level
            if level >= meet:
                box(ax, (3, y), text, GREEN, (3.0, 1.0), full=True)
            else:
                box(ax, (1.5, y), text, BLUE, (2.2, 1.0), full=True)
                box(ax, (4.5, y), text, PURPLE, (2.2, 1.0), full=True)
            for x in (1.5, 4.5):
                if level <= meet:
                    arrow(ax, (x, y + 1.5), (x if level < meet else 3 + (x - 3) * 0.4, y + 0.6))
            if level > meet:
                arrow(ax, (3, y + 1.5), (3, y + 0.6))
        for x in (1.5, 4.5) if meet == 2 else (3,):
            arrow(ax, (x, 1.6), (3 + (x - 3) * 0.3, 0.9))
        ax.text(3, 0.45, "answer", ha="center", va="center", fontsize=17, weight="bold")
    return figure


def clinic() -> Figure:
    """From a notebook to a ward, and back."""
    figure = wide(4.0)
    ax = canvas(figure, 16, 5.4)
    steps = (
        ("data and\ncard", SOFT),
        ("train and\njudge", BLUE),
        ("test\nelsewhere", BLUE),
        ("run silently", ORANGE),
        ("use, with a\nhuman", GREEN),
    )
    for i, (text, colour) in enumerate(steps):
        box(ax, (1.5 + 3.25 * i, 3.6), text, colour, (2.4, 1.5), full=i > 0)
        if i:
            arrow(ax, (1.5 + 3.25 * i - 2.0, 3.6), (1.5 + 3.25 * i - 1.3, 3.6))
    ax.plot([14.5, 14.5, 1.5], [2.7, 1.2, 1.2], color=SOFT, linewidth=2.2)
    arrow(ax, (1.5, 1.2), (1.5, 2.7))
    ax.text(8, 0.55, "watch: have patients, machines or answers changed?", ha="center", va="center", fontsize=18)
    return figure


HAVE = (
    ("3", "Text using Transformers", "DL-Example-3-Text-using-Transformers"),
    ("4", "Molecules using PyTorch Geometric", "DL-Example-4-Molecules-using-PyTorch-Geometric"),
)
PLANNED = ("5 segmentation", "6 transfer", "7 trust", "8 fusion", "9 engineering")


def lessons() -> Figure:
    """The lessons of part 2: those there are, with their measured time, and those to come."""
    figure = wide(4.2)
    ax = canvas(figure, 16, 6)
    for i, (number, title, key) in enumerate(HAVE):
        found, y = results("measured")[key], 5.1 - 1.7 * i
        ax.plot(0.9, y, "o", color=BLUE, markersize=48)
        ax.text(0.9, y, number, color="white", ha="center", va="center", fontsize=26, weight="bold")
        ax.text(2.1, y + 0.25, title, fontsize=24, va="center", color=INK)
        minutes = max(1, round(found["seconds"] / 60))
        ax.text(
            2.1, y - 0.45, f"{minutes} min on {found['machine'].split(' (')[0]}", fontsize=17, va="center", color=GREY
        )
    ax.text(0.4, 1.9, "to come:", fontsize=18, va="center", color=SOFT)
    for i, text in enumerate(PLANNED):
        box(ax, (1.7 + 3.1 * i, 0.8), text, SOFT, (2.7, 1.0))
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "overlap": overlap, "fusion": fusion, "clinic": clinic, "lessons": lessons,
}  # fmt: skip
