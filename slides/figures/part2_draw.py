"""Drawn ideas of part 2: the one vocabulary, neighbours, borrowing, masks, fusion, the way to the clinic."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from figures.part1_images import show, tiles
from figures.part2_molecules import NITROGEN, around, molecule
from figures.shared import half, results, wide
from layerscope.draw.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SOFT

Point = tuple[float, float]


def canvas(figure: Figure, width: float, height: float) -> Axes:
    """An empty sheet, with its origin at the lower left."""
    ax = figure.subplots()
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return ax


def box(ax: Axes, at: Point, text: str, colour: str = BLUE, size: Point = (2.4, 1.1), full: bool = False) -> None:
    """A box around its middle; `full` for the one that learns."""
    (x, y), (w, h) = at, size
    look = {"facecolor": colour if full else "white", "edgecolor": colour, "linewidth": 2.5}
    ax.add_patch(FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle="round,pad=0.05", **look))
    ax.text(x, y, text, ha="center", va="center", fontsize=16, color="white" if full else INK)


def arrow(ax: Axes, start: Point, end: Point, colour: str = SOFT, style: str = "-|>", bend: float = 0) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=style,
            mutation_scale=20,
            color=colour,
            linewidth=2.2,
            connectionstyle=f"arc3,rad={bend}",
        )
    )


def vocabulary() -> Figure:
    """Five stages that images, texts and molecules share."""
    figure = wide(4.7)
    ax = canvas(figure, 16, 7)
    stages = ("elements", "embed", "hear others,\nthink alone", "pool", "straight cut")
    rows = (
        ("image", BLUE, ("pixels", "weights on\na patch", "the places\nbeside it", "mean over\nplaces", "class")),
        ("text", PURPLE, ("word pieces", "a table of\nvectors", "all other\npieces", "mean over\npieces", "class")),
        (
            "molecule",
            GREEN,
            ("atoms", "a table of\nproperties", "the atoms it\nis bonded to", "mean over\natoms", "class"),
        ),
    )
    for i, stage in enumerate(stages):
        x = 3.6 + 2.75 * i
        box(ax, (x, 6.1), stage, INK, (2.2, 1.2), full=True)
        if i:
            arrow(ax, (x - 1.6, 6.1), (x - 1.15, 6.1))
        for j, (_, _, words) in enumerate(rows):
            ax.text(x, 4.3 - 1.6 * j, words[i], ha="center", va="center", fontsize=16)
    for j, (name, colour, _) in enumerate(rows):
        ax.text(0.1, 4.3 - 1.6 * j, name, va="center", fontsize=19, weight="bold", color=colour)
    return figure


def neighbours(named: bool = True) -> Figure:
    """Whom does one element hear: in an image, a text, a molecule?"""
    figure = wide(4.3)
    image, text, graph = figure.subplots(1, 3)
    for i, j in np.ndindex(7, 7):
        near = named and abs(i - 3) <= 1 and abs(j - 3) <= 1
        colour = ORANGE if (i, j) == (3, 3) else BLUE if near else "white"
        image.add_patch(Rectangle((j, i), 0.92, 0.92, facecolor=colour, edgecolor=GREY))
    image.set(xlim=(-0.2, 7.2), ylim=(-0.2, 7.2), aspect="equal")
    words = ("no", "sign", "of", "renal", "calculi")
    for i, word in enumerate(words):
        colour = ORANGE if i == 4 else BLUE if named else INK
        text.text(0.4, 5 - i, word, fontsize=19, va="center", color=colour, weight="bold")
        if named and i < 4:
            arrow(text, (2.0, 5 - i), (2.6, 1), BLUE, bend=-0.35)
    text.set(xlim=(0, 4), ylim=(0.3, 5.7))
    molecule(graph, around(NITROGEN, 1) if named else (), NITROGEN)
    titles = ("image: the places beside it", "text: all other pieces", "molecule: along bonds")
    for ax, title in zip((image, text, graph), titles, strict=True):
        ax.axis("off")
        ax.set_title(title if named else title.split(":")[0], loc="center")
    return figure


def transfer() -> Figure:
    """The body comes from a large task; only the head is new."""
    figure = wide(4.2)
    ax = canvas(figure, 16, 6)
    for y, colour, words, head in (
        (4.6, SOFT, "many images\nof anything", "a thousand\nthings"),
        (1.4, BLUE, "few images\nof yours", "your\nquestion"),
    ):
        box(ax, (1.8, y), words, colour, (3.0, 1.5))
        for i in range(3):
            box(ax, (5.3 + 2.2 * i, y), f"block {i + 1}", SOFT, (1.7, 1.5), full=True)
            arrow(ax, (3.5 + 2.2 * i - (0.1 if not i else 0.2), y), (4.35 + 2.2 * i, y))
        box(ax, (13.2, y), head, colour, (2.6, 1.5), full=True)
        arrow(ax, (10.7, y), (11.8, y))
    for i in range(3):
        arrow(ax, (5.3 + 2.2 * i, 3.75), (5.3 + 2.2 * i, 2.25), ORANGE)
    ax.text(12.0, 3.0, "the weights are copied", color=ORANGE, fontsize=17, weight="bold", va="center")
    return figure


def hidden() -> Figure:
    """Three questions that data ask of themselves."""
    figure = wide(4.3)
    ax = canvas(figure, 16, 6)
    rows = (
        ("hide a word", "no sign of  [ ? ]  calculi", "renal", PURPLE),
        ("hide a patch", "image with a hole", "the patch", BLUE),
        ("two views", "the same image, cut twice", "the same?", GREEN),
    )
    for j, (name, given, answer, colour) in enumerate(rows):
        y = 5 - 2 * j
        ax.text(0.2, y, name, fontsize=19, weight="bold", color=colour, va="center")
        box(ax, (6.2, y), given, colour, (5.2, 1.2))
        arrow(ax, (9.0, y), (9.8, y))
        box(ax, (10.9, y), "network", SOFT, (1.9, 1.2), full=True)
        arrow(ax, (12.0, y), (12.8, y))
        box(ax, (14.2, y), answer, colour, (2.5, 1.2))
    return figure


def foundation() -> Figure:
    """One body, many questions."""
    figure = half()
    ax = canvas(figure, 11, 8)
    for j, text in enumerate(("texts", "images", "molecules")):
        box(ax, (1.6, 6.6 - 2.6 * j), text, SOFT, (2.4, 1.3))
        arrow(ax, (3.0, 6.6 - 2.6 * j), (3.75, 4 + (1 - j) * 0.9))
    box(ax, (5.3, 4), "one large\nbody, trained\nonce, without\nlabels", BLUE, (2.9, 4.0), full=True)
    for j, text in enumerate(("a prompt", "a straight\nline", "fine-\ntuning")):
        box(ax, (9.3, 6.6 - 2.6 * j), text, GREEN, (2.6, 1.5))
        arrow(ax, (6.9, 4 + (1 - j) * 0.9), (7.85, 6.6 - 2.6 * j))
    return figure


CHANGES: tuple[tuple[str, str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("as it is", "", lambda x: x),
    ("mirrored", "not if the side\nis the question", np.fliplr),
    ("upside down", "only if films\ncome that way", np.flipud),
    ("darker", "another\nexposure: yes", lambda x: (0.55 * x).astype(x.dtype)),
    ("cut smaller", "if the finding\nis still in it", lambda x: x[8:56, 8:56]),
    ("noise", "a smaller dose:\nyes, up to a point", lambda x: np.clip(x + 25 * _noise(x), 0, 255)),
)


def _noise(x: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(x.shape)


def changes(answers: bool) -> Figure:
    """A chest film, changed in five ways; with what each change claims."""
    film = tiles(results("pictures")["rows"]["clean"] + 2)[1]
    figure = wide(3.9 if answers else 3.6)
    for ax, (name, claim, change) in zip(figure.subplots(1, 6), CHANGES, strict=True):
        show(ax, change(film), name)
        if answers:
            ax.text(0.5, -0.06, claim, ha="center", va="top", fontsize=14, transform=ax.transAxes)
    return figure


def unet() -> Figure:
    """Down for what it is, up for where it is; bridges carry the detail across."""
    figure = wide(4.4)
    ax = canvas(figure, 16, 6.4)
    down, up = [(3.6 + 1.3 * i, 5.2 - 1.6 * i) for i in range(3)], [(12.4 - 1.3 * i, 5.2 - 1.6 * i) for i in range(3)]
    box(ax, (1.2, 5.2), "image", SOFT, (1.7, 1.1))
    box(ax, (14.8, 5.2), "mask", GREEN, (1.7, 1.1), full=True)
    for i, (a, b) in enumerate(zip(down, up, strict=True)):
        width = 1.9 - 0.3 * i
        box(ax, a, "", BLUE, (width, 1.1), full=True)
        box(ax, b, "", BLUE, (width, 1.1), full=True)
        arrow(ax, (a[0] + width / 2 + 0.1, a[1]), (b[0] - width / 2 - 0.1, b[1]), ORANGE)
        if i < 2:
            arrow(ax, (a[0] + 0.3, a[1] - 0.6), (down[i + 1][0] - 0.2, down[i + 1][1] + 0.6))
            arrow(ax, (up[i + 1][0] + 0.2, up[i + 1][1] + 0.6), (b[0] - 0.3, b[1] - 0.6))
    arrow(ax, (2.1, 5.2), (2.6, 5.2))
    arrow(ax, (13.4, 5.2), (13.9, 5.2))
    ax.text(8, 5.55, "bridges: where exactly", ha="center", color=ORANGE, fontsize=17, weight="bold")
    ax.text(3.4, 0.6, "down: what is it?", ha="center", color=BLUE, fontsize=17, weight="bold")
    ax.text(12.6, 0.6, "up: where is it?", ha="center", color=BLUE, fontsize=17, weight="bold")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "vocabulary": vocabulary, "neighbours_asked": lambda: neighbours(named=False), "neighbours": neighbours,
    "transfer": transfer, "hidden": hidden, "foundation": foundation,
    "changes_asked": lambda: changes(answers=False), "changes": lambda: changes(answers=True), "unet": unet,
}  # fmt: skip
