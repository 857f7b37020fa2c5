"""How lesson 0's network learned, as pictures: loss, slope, step, and backpropagation on one small graph."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from figures.part1_plane import EARLY, GRID, TWO_COLOURS, draw_people, network, networks, people, says
from figures.shared import half, percent, shares, wide
from layerscope.draw.graph import Box, draw_graph
from layerscope.draw.style import BLUE, INK, ORANGE
from layerscope.lessons import engine


def surprise() -> Figure:
    figure = half()
    ax = figure.subplots()
    p = np.linspace(0.004, 1, 400)
    ax.plot(p, -np.log(p), color=BLUE)
    for at, text, side in (
        (0.95, "sure and right", (-10, 26)),
        (0.5, "a coin", (12, 10)),
        (0.02, "sure and wrong", (18, -4)),
    ):
        ax.plot(at, -np.log(at), "o", color=ORANGE)
        ax.annotate(
            text,
            (at, -np.log(at)),
            xytext=side,
            textcoords="offset points",
            ha="right" if at > 0.9 else "left",
            fontsize=17,
        )
    ax.set(xlabel="probability that the network gave to the truth", ylabel="loss", xlim=(0, 1.03), ylim=(0, 5.2))
    shares(ax, "x")
    return figure


def steepest() -> tuple[engine.MLP, tuple[int, int], float, float]:
    """An early network, the weight of its first layer with the steepest slope, that slope, and the loss."""
    x, sick = people()
    net = network(networks()[EARLY])
    loss = engine.cross_entropy(net(x), sick)
    loss.backward()
    slopes = net.layers[0][0].grad
    i, j = np.unravel_index(np.abs(slopes).argmax(), slopes.shape)
    return net, (int(i), int(j)), float(slopes[i, j]), float(loss.value)


def slope() -> Figure:
    """The loss as one weight changes, and the slope where the network stands."""
    x, sick = people()
    net, which, steep, loss = steepest()
    weight = net.layers[0][0]
    at = float(weight.value[which])
    places, found = at + np.linspace(-1.6, 2.2, 96), []
    for place in places:
        weight.value[which] = place
        found.append(float(engine.cross_entropy(net(x), sick).value))
    figure = half()
    ax = figure.subplots()
    ax.plot(places, found, color=BLUE)
    reach = np.array([-0.8, 0.8])
    ax.plot(at + reach, loss + steep * reach, color=ORANGE, linestyle="--")
    ax.plot(at, loss, "o", color=INK, markersize=13)
    ax.annotate(
        "the slope here",
        (at + reach[1], loss + steep * reach[1]),
        xytext=(10, -12),
        textcoords="offset points",
        color=ORANGE,
        weight="bold",
        fontsize=17,
    )
    ax.set(xlabel="one weight of the first layer", ylabel="loss over all people")
    return figure


def film() -> Figure:
    """What the network says of the whole plane, at four moments, and its loss."""
    kept = [networks()[i] for i in (0, 2, 3, 5)]
    x, sick = people()
    figure = wide(4.4)
    axes = figure.subplots(1, 4)
    u = np.linspace(-3.1, 3.1, 80)
    for ax, found in zip(axes, kept, strict=True):
        ax.contourf(u, u, says(network(found), u), levels=np.linspace(0, 1, 11), cmap=TWO_COLOURS, alpha=0.55)
        draw_people(ax, GRID[:0], x, sick)
        ax.set(xticks=[], yticks=[], aspect="equal", xlim=(-3.1, 3.1), ylim=(-3.1, 3.1))
        ax.set_title(f"step {found['step']:,}", loc="center")
        ax.set_xlabel(f"{percent(found['right'])} right", fontsize=17, color=INK)
    return figure


def _graph(backward: bool) -> Figure:
    """The small computation, without or with its gradients."""
    w, x, b, y = (engine.Scalar(number) for number in (3, 2, 1, 5))
    a = w * x
    e = a + b - y
    loss = e**2
    loss.backward()
    where = {"w": (0, 3.6), "x": (0, 2.4), "b": (0, 1.2), "y": (0, 0), "a": (5.4, 3), "e": (10.8, 2), "L": (16.2, 2)}
    texts = {"a": "a = w x", "e": "e = a + b - y", "L": "L = e²"}
    named = {"w": w, "x": x, "b": b, "y": y, "a": a, "e": e, "L": loss}
    boxes = {
        key: Box(texts.get(key, key), v.value, v.grad if backward else None, *where[key]) for key, v in named.items()
    }
    slopes = {
        ("w", "a"): f"x = {x.value:g}",
        ("x", "a"): f"w = {w.value:g}",
        ("a", "e"): "1",
        ("b", "e"): "1",
        ("y", "e"): "-1",
        ("e", "L"): f"2e = {2 * e.value:g}",
    }
    arrows = [(start, end, slope if backward else "") for (start, end), slope in slopes.items()]
    figure = wide(4.9)
    ax = figure.subplots()
    draw_graph(boxes, arrows, ax, width=3.5)
    for text in ax.texts:
        text.set_fontsize(17)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "surprise": surprise, "slope": slope, "film": film,
    "graph_forward": lambda: _graph(backward=False), "graph_all": lambda: _graph(backward=True),
}  # fmt: skip
