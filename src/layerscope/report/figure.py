"""Figures and images as text that stands in the page itself."""

import base64
import html
import io
import re
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from layerscope.draw.style import BLUE, GREEN, GREY, INK, LINE, ORANGE, PURPLE, SKY, SOFT, style

# Each colour of draw.style is a variable of the page, so that a figure follows it into the dark.
VARIABLES = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    BLUE: "blue",
    ORANGE: "orange",
    GREEN: "green",
    PURPLE: "purple",
    SKY: "sky",
    GREY: "grey",
}

Draw = Callable[[Axes], object]


def svg(
    draws: Sequence[Draw],
    titles: Sequence[str],
    alt: str,
    columns: int = 2,
    height: float = 3.2,
    width: float = 9.4,
    share_y: bool = False,
) -> str:
    """Panels side by side as one inline SVG with a text alternative.

    Args:
        draws: each draws one panel on the Axes that it is given.
        width, height: of the figure and of a row of panels, in inches.
    """
    rows = -(-len(draws) // columns)
    with style():
        figure = Figure(figsize=(width, height * rows), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(rows, columns, squeeze=False, sharey="row" if share_y else False).flat
        for ax, draw, title in zip(axes, draws, titles, strict=False):
            draw(ax)
            ax.set_title(title)
        for ax in list(axes)[len(draws) :]:
            ax.set_visible(False)
        out = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": alt}):  # so that no two figures of a page share an id
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns:\w+="[^"]*"| xmlns="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(
        r'<svg [^>]*viewBox="([^"]*)"[^>]*>',
        rf'<svg viewBox="\1" role="img" aria-label="{html.escape(alt)}">',
        text,
        count=1,
    )
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # nobody asks for them, and each figure has the same
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return text.replace("#000000", "var(--ink)")


def png(pixels: UInt8[np.ndarray, "1 h w"]) -> str:
    """A grey image as a data address."""
    out = io.BytesIO()
    Image.fromarray(pixels[0]).save(out, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
