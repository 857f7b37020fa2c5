"""One look for report, lessons and slides. Colours after Okabe and Ito 2008, in an order that greys apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

INK, SOFT, LINE = "#1b1f24", "#5b6570", "#d9dee3"
BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a939c"
AMBER = "#e69f00"

COLOURS = {
    "cnn": BLUE,
    "mlp": PURPLE,
    "logistic regression": ORANGE,
    "nearest neighbour": GREEN,
    "class mean": SKY,
    "majority": GREY,
    "label frequencies": GREY,
    "transformer": PURPLE,
    "fine-tuned": BLUE,
    "adapters": INK,
    "pretrained": GREEN,
    "frozen, straight line": SKY,
    "frozen, nearest": GREEN,
    "bag of words": ORANGE,
    "bag of letters": AMBER,
    "trained": BLUE,
    "untrained": ORANGE,
    "pixels": INK,
    "shuffled": GREY,
    "dealt anew": GREY,
    "words in common": AMBER,
}
MARKERS = {
    "cnn": "o",
    "mlp": "s",
    "logistic regression": "^",
    "nearest neighbour": "D",
    "transformer": "s",
    "fine-tuned": "o",
    "adapters": "P",
    "pretrained": "D",
    "bag of words": "^",
    "bag of letters": "v",
    "frozen, nearest": "D",
    "trained": "o",
    "untrained": "s",
}
NAMES = {"cnn": "CNN", "mlp": "MLP"}

RC: Any = {
    "figure.dpi": 100,
    "font.family": ["sans-serif"],
    "font.size": 10,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "lines.linewidth": 2,
    "lines.markersize": 5.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "layerscope",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """Within this context, figures have the project's look; the caller's settings stay as they were."""
    with mpl.rc_context(RC):
        yield


def name(key: str) -> str:
    return NAMES.get(key, key)


def percent(value: float) -> str:
    """98.76 %; never rounded up to 100 %, because one mistake in ten thousand is a mistake."""
    text = f"{100 * value:.2f}"
    return f"{'99.99' if text == '100.00' and value < 1 else text} %"
