"""Lesson 0 as pictures: people in a plane, a network that bends it, and how it learns. All from lesson 0's own run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from figures.shared import Found, half, results, shares, wide
from layerscope.draw.plane import draw_bent, draw_straight, grid_lines
from layerscope.draw.style import BLUE, COLOURS, GREY, INK, ORANGE, SOFT
from layerscope.lessons import engine

GRID = grid_lines(3)
SHOWN = 350  # people in a picture
EARLY = 1  # of the kept networks: one that has begun to learn
TWO_COLOURS = LinearSegmentedColormap.from_list("two", [BLUE, "white", ORANGE])
AXES = ("sodium (standard deviations)", "potassium (standard deviations)")


def people() -> tuple[np.ndarray, np.ndarray]:
    lesson = results("lesson0")
    return np.array(lesson["people"]), np.array(lesson["sick"])


def draw_people(ax: Any, lines: np.ndarray, points: np.ndarray, sick: np.ndarray) -> None:
    """As lesson 0 draws them, with marks for the back row."""
    draw_bent(ax, lines, points[:SHOWN], sick[:SHOWN])
    for marks in ax.collections[-2:]:
        marks.set_sizes([34])


def network(kept: Found) -> engine.MLP:
    """A network of the lesson, from its weights."""
    net = engine.MLP((2, 3, 2, 2))
    for p, value in zip(net.parameters, kept["weights"], strict=True):
        p.value[...] = value
    return net


def networks() -> list[Found]:
    return [Found("lesson0: networks", kept) for kept in results("lesson0")["networks"]]


def values(net: engine.MLP, x: np.ndarray) -> list[np.ndarray]:
    return [stage.value for stage in net.stages(x)]


def scatter(ax: Axes, line: bool = False) -> Axes:
    """The people as the laboratory sees them."""
    x, sick = people()
    draw_people(ax, GRID, x, sick)
    if line:
        best = results("lesson0")["line"]
        draw_straight(ax, np.array(best["normal"]), best["offset"])
    ax.set(xlim=(-3.1, 3.1), ylim=(-3.1, 3.1), xlabel=AXES[0], ylabel=AXES[1], aspect="equal")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=1.6, handletextpad=0.1)
    return ax


def ring() -> Figure:
    figure = half()
    scatter(figure.subplots())
    return figure


def line() -> Figure:
    figure = half()
    scatter(figure.subplots(), line=True)
    return figure


def radius() -> Figure:
    """The same people by one number, their distance from normal."""
    x, sick = people()
    distance = np.linalg.norm(x, axis=1)
    figure = wide(4.4)
    ax = figure.subplots()
    bins = np.linspace(0, 3.2, 49).tolist()
    ax.hist(distance[sick == 0], bins, color=BLUE, alpha=0.85, label="healthy")
    ax.hist(distance[sick == 1], bins, color=ORANGE, alpha=0.85, label="sick")
    ax.axvline(results("lesson0")["radius"]["cut"], color=INK, linewidth=3)
    ax.set(xlabel="distance from normal, in standard deviations", ylabel="people")
    ax.legend(loc="upper right")
    return figure


def unit() -> Figure:
    """One unit: weigh, add, bend."""
    figure = wide(4.6)
    ax, curve = figure.subplots(1, 2, width_ratios=(1.9, 1))
    ax.set(xlim=(-0.2, 9.6), ylim=(-0.2, 5.2), aspect="equal")
    ax.axis("off")
    spots = {"sodium": (1, 4), "potassium": (1, 1), "add up": (5, 2.5), "bend": (8.2, 2.5)}
    for start, end in (("sodium", "add up"), ("potassium", "add up"), ("add up", "bend")):
        ax.add_patch(
            FancyArrowPatch(
                spots[start],
                spots[end],
                shrinkA=50,
                shrinkB=50,
                arrowstyle="-|>",
                mutation_scale=22,
                color=SOFT,
                linewidth=2,
            )
        )
    for text, spot in spots.items():
        colour = BLUE if text in ("add up", "bend") else INK
        ax.add_patch(Circle(spot, 1.05, facecolor="white", edgecolor=colour, linewidth=3))
        ax.text(*spot, text, ha="center", va="center", color=colour)
    ax.text(3.1, 3.7, "times $w_1$", ha="center", color=ORANGE, fontsize=17)
    ax.text(3.1, 1.0, "times $w_2$", ha="center", color=ORANGE, fontsize=17)
    ax.text(5, 0.75, "plus $b$", ha="center", color=ORANGE, fontsize=17)
    x = np.linspace(-4, 4, 200)
    curve.plot(x, np.tanh(x), color=BLUE)
    curve.plot(x, x, color=GREY, linewidth=1.5, linestyle="--")
    curve.set(title="the bend: tanh", xlabel="sum", ylabel="what the unit says", ylim=(-1.3, 1.3))
    return figure


def widths() -> Figure:
    """What networks with one, two and three units reach, from three starts each."""
    found = results("lesson0")["widths"]
    figure = half()
    ax = figure.subplots()
    for x, (width, starts) in enumerate(found["starts"].items()):
        ax.plot(x + np.array([-0.06, 0, 0.06]), starts, "o", color=GREY, markersize=11, alpha=0.8)
        ax.plot(x, found["chosen"][width], "o", color=BLUE, markersize=15)
    ax.set_xticks(range(3), ["1 unit", "2 units", "3 units"], fontsize=17)
    ax.set(ylim=(0.44, 1.04), xlim=(-0.5, 2.5), title="right on new people")
    draw_always(ax, 2.45)
    shares(ax)
    return figure


def draw_always(ax: Axes, right: float) -> None:
    """What needs no network at all: on new people, always the answer that is more frequent."""
    same = results("lesson0")["always"]["new"]
    ax.axhline(same, color=GREY, linestyle="--", linewidth=1.5)
    ax.text(right, same - 0.015, "always the more frequent answer", color=GREY, ha="right", va="top")


def _sheet(ax: Any, points: np.ndarray, angle: float = 35) -> None:
    """People and grid in space."""
    x, sick = people()
    draw_people(ax, points[: -len(x)].reshape(*GRID.shape[:2], 3), points[-len(x) :], sick)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    ax.view_init(24, angle)
    ax.set_box_aspect(None, zoom=1.2)
    ax.set_axis_off()


def _titles(figure: Figure, titles: Sequence[str], at: Sequence[float]) -> None:
    for title, x in zip(titles, at, strict=True):
        figure.text(x, 0.94, title, ha="center", va="center", fontsize=17, weight="bold")


def depth() -> Figure:
    """Before and after each step of the trained network: tilted, bent, flattened."""
    x, sick = people()
    net = network(networks()[-1])
    stops = [np.concatenate([GRID.reshape(-1, 2), x])]
    for w, b in net.layers[:-1]:
        stops += [stops[-1] @ w.value + b.value]
        stops += [np.tanh(stops[-1])]
    figure = wide(4.9)
    figure.set_layout_engine("none")
    for i, stop in enumerate(stops[:3]):
        ax = figure.add_axes((0.24 * i - 0.03, -0.06, 0.30, 0.98), projection="3d")
        flat = np.zeros((len(stop), 3))
        flat[:, : stop.shape[1]] = stop
        _sheet(ax, flat / np.abs(flat).max(), angle=(35, 75, 35)[i])
    ax, stop = figure.add_axes((0.745, 0.1, 0.25, 0.7)), stops[3]
    draw_people(ax, stop[: -len(x)].reshape(*GRID.shape[:2], 2), stop[-len(x) :], sick)
    ax.axis("off")
    _titles(
        figure, ("the people", "weights: tilt, stretch", "tanh: bend", "weights: a new view"), (0.12, 0.36, 0.6, 0.87)
    )
    return figure


def bent() -> Figure:
    """The plane, and what the two hidden layers of the trained network make of it."""
    net = network(networks()[-1])
    x, sick = people()
    figure = wide(4.5)
    figure.set_layout_engine("none")
    h, carried = values(net, x), values(net, GRID.reshape(-1, 2))
    first, last = figure.add_axes((0.0, 0.02, 0.32, 0.86)), figure.add_axes((0.68, 0.02, 0.32, 0.86))
    space = figure.add_axes((0.325, -0.08, 0.36, 1.0), projection="3d")
    _sheet(space, np.concatenate([carried[1], h[1]]))
    u = np.linspace(-3.1, 3.1, 80)
    first.contourf(u, u, says(net, u), levels=np.linspace(0, 1, 11), cmap=TWO_COLOURS, alpha=0.4)
    draw_people(first, GRID, x, sick)
    draw_people(last, carried[2].reshape(*GRID.shape[:2], 2), h[2], sick)
    w, b = net.layers[-1]
    draw_straight(last, w.value[:, 1] - w.value[:, 0], float(b.value[1] - b.value[0]))
    first.set(xlim=(-3.1, 3.1), ylim=(-3.1, 3.1), aspect="equal", xticks=[], yticks=[])
    last.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal", xticks=[], yticks=[])
    _titles(figure, ("laboratory values", "after hidden layer 1", "after hidden layer 2"), (0.16, 0.5, 0.84))
    return figure


def says(net: engine.MLP, u: np.ndarray) -> np.ndarray:
    """The probability of sick on a square grid."""
    square = np.stack(np.meshgrid(u, u), -1).reshape(-1, 2)
    return np.exp(engine.log_softmax(net(square).value))[:, 1].reshape(len(u), len(u))


def rise() -> Figure:
    """What a straight cut tells of new people, layer by layer."""
    found = results("lesson0")["curves"]
    figure = half()
    ax = figure.subplots()
    for kind, marker in (("trained", "o"), ("untrained", "s")):
        ax.plot(found[kind], color=COLOURS[kind], marker=marker, label=kind)
    draw_always(ax, 3.05)
    ax.set_xticks(range(4), ["raw\nvalues", "hidden\nlayer 1", "hidden\nlayer 2", "output\n(logits)"])
    ax.set(ylim=(0.4, 1.04), title="a straight cut tells right, new people")
    ax.text(1.5, 0.955, "trained", color=COLOURS["trained"], ha="center", weight="bold")
    ax.text(1.5, 0.57, "untrained twin", color=COLOURS["untrained"], ha="center", weight="bold")
    shares(ax)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "ring": ring, "line": line, "radius": radius, "unit": unit, "widths": widths, "depth": depth, "bent": bent,
    "rise": rise,
}  # fmt: skip
