"""Molecules of part 2: drawn, heard round by round, counted; and what layers and cliffs say of a network of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from figures.shared import results, shares, wide
from layerscope.draw.style import BLUE, GREY, INK, ORANGE, SOFT

NITROGEN = 3  # of paracetamol, as it is drawn
NAMES = {"CC(C)NCC(O)COc1cccc2ccccc12": "propranolol", "CC(C)NCC(O)COc1cccc2ccccc12.[Cl]": "propranolol, chloride"}


def molecule(
    ax: Axes,
    heard: Iterable[int] = (),
    middle: int | None = None,
    size: float = 0.42,
    found: Mapping[str, Any] | None = None,
) -> None:
    """A molecule, paracetamol if no other is given; atoms that are heard are filled."""
    found = found or results("part2")["paracetamol"]
    places, heard = np.array(found["places"]), set(heard)
    for a, b in found["bonds"]:
        ax.plot(*places[[a, b]].T, color=SOFT, linewidth=2.5, zorder=1)
    for i, (place, element) in enumerate(zip(places, found["elements"], strict=True)):
        colour = ORANGE if i == middle else BLUE if i in heard else GREY
        face = colour if i in heard or i == middle else "white"
        ax.add_patch(Circle(tuple(place), size, facecolor=face, edgecolor=colour, linewidth=2, zorder=2))
        ink = "white" if face != "white" else INK
        ax.text(*place, element, ha="center", va="center", fontsize=14, color=ink, zorder=3)
    ax.set(xlim=(places[:, 0].min() - 0.7, places[:, 0].max() + 0.7), aspect="equal")
    ax.set_ylim(places[:, 1].min() - 0.7, places[:, 1].max() + 0.7)
    ax.axis("off")


def around(start: int, rounds: int) -> set[int]:
    """Atoms that an atom has heard of after so many rounds."""
    heard = {start}
    for _ in range(rounds):
        heard |= {b for pair in results("part2")["paracetamol"]["bonds"] for b in pair if heard & set(pair)}
    return heard


def rounds() -> Figure:
    """What the nitrogen of paracetamol has heard of, round by round."""
    found = results("part2")["lesson4"]["surroundings"]
    figure = wide(4.2)
    for i, ax in enumerate(figure.subplots(2, 2).ravel()):
        molecule(ax, around(NITROGEN, i), NITROGEN, 0.45)
        ax.set_title(f"{i} {'round' if i == 1 else 'rounds'}: {found[i]} kinds of surroundings", loc="center")
    return figure


def oxygens(ax: Axes, places: Sequence[float], y: float) -> None:
    for x in places:
        ax.add_patch(Circle((x, y), 0.5, facecolor="white", edgecolor=BLUE, linewidth=3, zorder=2))
        ax.text(x, y, "O", ha="center", va="center", fontsize=20, zorder=3)


def counting(answered: bool) -> Figure:
    """Formaldehyde and carbon dioxide: a mean cannot count. Answered: what the carbon gets by either way."""
    figure = wide(4.6 if answered else 4.0)
    axes = figure.subplots(1, 2)
    for ax, title, places in zip(axes, ("formaldehyde", "carbon dioxide"), ((1.8,), (1.8, -1.8)), strict=True):
        ax.set(xlim=(-4.2, 3), ylim=(-4.2, 1) if answered else (-1.2, 1.6), aspect="equal")
        ax.axis("off")
        ax.set_title(title, loc="center")
        for x in places:
            for shift in (0.09, -0.09):
                ax.plot([0, x], [shift, shift], color=SOFT)
        oxygens(ax, places, 0)
        ax.add_patch(Circle((0, 0), 0.5, facecolor=ORANGE, edgecolor=ORANGE, zorder=2))
        ax.text(0, 0, "C", ha="center", va="center", fontsize=20, color="white", zorder=3)
        for y, way, heard in ((-1.9, "mean", (0.0,)), (-3.4, "sum", (0.0, 1.8)[: len(places)])):
            if answered:
                ax.text(-4.1, y, f"hears the {way}:", fontsize=18, va="center", weight="bold" if way == "sum" else None)
                oxygens(ax, heard, y)
                if len(heard) > 1:
                    ax.text(0.9, y, "+", fontsize=24, va="center", ha="center")
    return figure


TASKS = (
    ("esol", "solubility: R² of a straight line"),
    ("bbbp", "brain: right, by a straight line"),
)


def layers() -> Figure:
    """What a straight line reads from each layer of the same kind of network, for two questions, with the twins."""
    figure = wide(4.7)
    for ax, (name, title) in zip(figure.subplots(1, 2), TASKS, strict=True):
        found = results("part2")["runs"][name]["layers"]
        for net, colour, marker, label, lift in (
            ("trained", BLUE, "o", "trained", 0.0),
            ("untrained", ORANGE, "s", "untrained\ntwin", 0.02),
        ):
            kept = [row for row in found[net] if row["stage"] not in ("pool", "logits")]
            x, value = range(len(kept)), [row["probe"]["value"] for row in kept]
            low, high = ([row["probe"][end] for row in kept] for end in ("low", "high"))
            ax.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
            ax.plot(x, value, color=colour, marker=marker)
            ax.text(len(kept) - 0.8, value[-1] + lift, label, color=colour, weight="bold", va="center", fontsize=15)
        guessed = kept[0]["shuffled"]["value"]
        ax.axhline(guessed, color=GREY, linewidth=1.5, linestyle="--")
        ax.text(len(kept) + 0.35, guessed - 0.012, "shuffled answers", color=INK, va="top", ha="right", fontsize=14)
        ax.set_xticks(x, ["input"] + [f"block\n{i}" for i in range(1, len(kept))])
        ax.set(title=title, xlim=(-0.2, len(kept) + 0.4))
        ax.set_ylim((-0.13, 1) if name == "esol" else (0.66, 0.95))
        if name == "bbbp":
            shares(ax)
    return figure


def cliffs() -> Figure:
    """A pair nearly alike with different answers, and how many of such pairs are told apart."""
    pairs, runs = results("part2")["cliffs"], results("part2")["runs"]
    (pair,) = [one for one in pairs["bbbp"]["examples"] if set(one["smiles"]) == set(NAMES)]
    figure = wide(4.7)
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    left.suptitle("Does it reach the brain? In the data:", fontsize=17, weight="bold")
    for ax, smiles, answer, drawn in zip(
        left.subplots(2, 1), pair["smiles"], pair["answers"], pair["drawings"], strict=True
    ):
        molecule(ax, size=0.55, found=drawn)
        ax.set_title(f"{NAMES[smiles]}: {answer}", loc="center", weight="normal")
    ax = right.subplots()
    rows = [
        (f"{question},\n{who}", found, pairs[name]["cliffs"], colour)
        for name, question in (("esol", "solubility"), ("bbbp", "brain"))
        for who, found, colour in (
            ("network", runs[name]["cliffs"]["told_apart"], BLUE),
            ("fingerprints", pairs[name]["forest"], ORANGE),
        )
    ]
    for y, (_, share, count, colour) in enumerate(rows):
        ax.barh(y, share, color=colour, height=0.6)
        ax.text(max(share, 0.5) + 0.02, y, f"{share * count:.0f} of {count}", va="center", fontsize=17)
    ax.axvline(0.5, color=INK, linewidth=1.5, linestyle="--")
    ax.set_yticks(range(len(rows)), [row[0] for row in rows], fontsize=16, color=INK)
    ax.set(xlim=(0, 1.35), xticks=[0, 0.5, 1], ylim=(3.5, -0.5), title="cliffs in the right order")
    ax.grid(axis="y", visible=False)
    shares(ax, "x")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "rounds": rounds, "counting": lambda: counting(answered=False), "counted": lambda: counting(answered=True),
    "layers_molecules": layers, "cliffs": cliffs,
}  # fmt: skip
