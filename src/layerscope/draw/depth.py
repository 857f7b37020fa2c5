"""One number of each stage of a few networks, with its interval, from the input to the output."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from layerscope.draw.style import COLOURS, MARKERS, SOFT, name


def draw_depth(lines: Mapping[str, Mapping[str, dict[str, Any]]], label: str, ax: Axes | None = None) -> Axes:
    """A line for each network; the band is its 95 % interval.

    Args:
        lines: network -> stage -> {value, low, high}, None where there is none; the networks may differ in depth.
    """
    ax = ax or plt.gca()
    stages = [*max(lines.values(), key=len)]
    for net, found in lines.items():
        at = [stages.index(stage) for stage in found]
        value, low, high = (
            np.array([s[part] for s in found.values()], dtype=float) for part in ("value", "low", "high")
        )
        ax.fill_between(at, low, high, color=COLOURS[net], alpha=0.15, linewidth=0)
        ax.plot(
            at,
            value,
            color=COLOURS[net],
            marker=MARKERS.get(net),
            linestyle="-" if net in MARKERS else "--",
            markeredgecolor="white",
            markeredgewidth=0.7,
            label=name(net),
        )
    ax.set_xticks(range(len(stages)), [stage.replace("block", "block ") for stage in stages])
    ax.set_ylabel(label, color=SOFT)
    ax.grid(axis="x", visible=False)
    ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return ax
