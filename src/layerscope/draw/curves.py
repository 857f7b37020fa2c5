"""Curves over training and over the number of labels."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter, ScalarFormatter

from layerscope.draw.style import COLOURS, MARKERS, name


def draw_learning(histories: dict[str, Sequence[dict[str, Any]]], ax: Axes | None = None) -> Axes:
    """Loss of each batch (smoothed) and of the validation set after each epoch.

    Args:
        histories: name of a network -> its epochs, as train.Epoch.
    """
    ax = ax or plt.gca()
    for key, epochs in histories.items():
        colour = COLOURS.get(key)
        for i, epoch in enumerate(epochs):
            loss = np.array(epoch["steps"])
            width = max(1, len(loss) // 12)
            smooth = np.convolve(loss, np.ones(width) / width, mode="valid")
            at = epoch["number"] - 1 + (np.arange(len(smooth)) + width / 2) / len(loss)
            ax.plot(
                at, smooth, color=colour, linewidth=1.2, alpha=0.75, label=f"{name(key)}, training" if i == 0 else None
            )
        val = [(epoch["number"], epoch["val_loss"]) for epoch in epochs if epoch["val_loss"] is not None]
        if val:
            ax.plot(
                *zip(*val, strict=True),
                color=colour,
                marker=MARKERS.get(key, "o"),
                linestyle="none",
                label=f"{name(key)}, validation",
            )
    ax.set_xlabel("epochs")
    ax.set_ylabel("cross-entropy loss")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=8.5)
    return ax


def draw_few_labels(found: Sequence[dict[str, Any]], ax: Axes | None = None) -> Axes:
    """Accuracy against labels per class: mean and range over draws.

    Args:
        found: rows with method, labels, draw and accuracy.
    """
    ax = ax or plt.gca()
    labels = sorted({row["labels"] for row in found})
    for method in dict.fromkeys(row["method"] for row in found):
        cells = [[row["accuracy"] for row in found if (row["method"], row["labels"]) == (method, n)] for n in labels]
        mean, low, high = (np.array([f(cell) for cell in cells]) for f in (np.mean, np.min, np.max))
        colour = COLOURS[method]
        ax.fill_between(labels, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(labels, mean, color=colour, marker=MARKERS[method], label=name(method))
    ax.set_xscale("log")
    ax.set_xticks(labels)
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.minorticks_off()
    ax.set_xlabel("labels per class")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return ax
