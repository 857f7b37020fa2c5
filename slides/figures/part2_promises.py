"""What is promised and what is held: intervals, and seconds."""

from collections.abc import Callable

from matplotlib.figure import Figure

from figures.shared import half, percent, results, shares, wide
from layerscope.draw.style import BLUE, GREY, INK, ORANGE, SOFT

WAYS = (
    ("coverage_by_group", BLUE, "o", "each group once (the promise)"),
    ("coverage", ORANGE, "s", "each molecule once"),
)


def levels() -> dict[str, dict[str, dict[str, float]]]:
    """By the level that was promised: what was held, each group or each molecule counting once."""
    found = results("part2")["runs"]["esol"]["calibrated"]
    return {**found["levels"], str(found["reach"]["level"]): found["held"]}


def promise() -> Figure:
    """Intervals around solubility: the level promised, and what was held on molecules of new groups."""
    found = levels()
    figure = half()
    ax = figure.subplots()
    for x, (level, held) in enumerate(found.items()):
        ax.plot([x - 0.3, x + 0.42], [float(level)] * 2, color=INK, linestyle="--", linewidth=2)
        for shift, (way, colour, marker, label) in enumerate(WAYS):
            s, at = held[way], x + 0.22 * shift - 0.05
            ax.plot([at, at], [s["low"], s["high"]], color=colour, linewidth=9, alpha=0.35, solid_capstyle="round")
            ax.plot(at, s["value"], marker, color=colour, markersize=13, label=None if x else label)
    ax.set_xticks(range(len(found)), [f"{percent(float(level))}\npromised" for level in found], fontsize=16, color=INK)
    ax.set(title="truths that lie in the interval", ylim=(0, 1.03))
    ax.legend(loc="lower right")
    ax.grid(axis="x", visible=False)
    shares(ax)
    return figure


def speed() -> Figure:
    """The same job in seconds, and where a step of the fastest network spends its time."""
    found, steps = results("speed"), results("profile")["fast"]["shares"]
    rows = (
        ("as first taught", found["course seconds"], GREY),
        ("the usual network", found["summary"]["default from archive"]["seconds"][0], BLUE),
        ("the fast network", found["summary"]["fast from archive"]["seconds"][0], BLUE),
    )
    figure = wide(4.4)
    left, right = figure.subplots(1, 2)
    for y, (_, seconds, colour) in enumerate(rows):
        left.barh(y, seconds, color=colour, height=0.6)
        left.text(seconds + 3, y, f"{seconds:.0f} s", va="center", fontsize=19)
    left.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=17, color=INK)
    left.set(title="from archive to test", xticks=[], xlim=(0, 1.25 * rows[0][1]))
    shown = sorted(steps.items(), key=lambda item: (item[0] == "the rest", -item[1]))
    for y, (name, share) in enumerate(shown):
        right.barh(y, share, color=SOFT if name == "the rest" else BLUE, height=0.6)
        right.text(share + 0.005, y, percent(share), va="center", fontsize=17)
    right.set_yticks(range(len(shown)), [name for name, _ in shown], fontsize=17, color=INK)
    right.set(title="a step of the fast network", xticks=[], xlim=(0, 1.25 * shown[0][1]))
    for ax, count in ((left, len(rows)), (right, len(shown))):
        ax.set_ylim(count - 0.5, -0.5)
        ax.grid(visible=False)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {"promise": promise, "speed": speed}
