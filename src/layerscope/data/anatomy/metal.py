"""Metal on a film: plates, screws, wires, rings."""

from math import cos
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from layerscope.data.anatomy.xray import Bone, Film, View, outline


class Implant(NamedTuple):
    """A plate with screws on a bone, or a wire in it; the lengths are centimetres."""

    bone: str
    at: float
    length: float
    thick: float
    screws: int  # 0: a wire
    plane: float = 0.0  # angle around the bone at which the plate is seen from its edge


def rod(canvas: Film, start: Float[np.ndarray, "2"], end: Float[np.ndarray, "2"], radius: float, value: float) -> None:
    """Add a line with round ends; all in pixels."""
    low = np.clip(np.floor(np.minimum(start, end) - radius - 1), 0, None).astype(int)
    high = np.clip(np.ceil(np.maximum(start, end) + radius + 1), 0, canvas.shape[::-1]).astype(int)
    if (low >= high).any():
        return
    x = np.arange(low[0], high[0])[None, :] + 0.5 - start[0]
    y = np.arange(low[1], high[1])[:, None] + 0.5 - start[1]
    dx, dy = end - start
    along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
    distance = np.hypot(x - along * dx, y - along * dy) - radius
    part = canvas[low[1] : high[1], low[0] : high[0]]
    np.maximum(part, value * np.clip(0.5 - distance, 0, 1), out=part)


def implant(canvas: Film, metal: Implant, bone: Bone, view: View) -> Float[np.ndarray, "n 2"]:
    """Lay metal on the film; its corners in pixels."""
    shadow, scale = outline(bone, view), view.scale
    reach = metal.length / 2 / shadow.length
    ends = (metal.at - reach, metal.at + reach)
    if metal.screws == 0:
        points = [shadow.at(ends[0], -0.8, scale), shadow.at(ends[1], 0.6, scale)]
        rod(canvas, points[0], points[1], metal.thick * scale / 2, 1.0)
        return np.stack(points)
    edge = float(cos(view.turn - metal.plane))  # ±1: the plate is seen from its edge, 0: from above
    sideways = 1.1 * edge
    flat = (0.35 + 0.65 * np.sqrt(1 - edge * edge)) * metal.thick * scale
    plate = [shadow.at(end, sideways, scale) for end in ends]
    rod(canvas, plate[0], plate[1], flat, 0.8)
    points = list(plate)
    for share in np.linspace(ends[0] + 0.1 * reach, ends[1] - 0.1 * reach, metal.screws):
        head, tip = shadow.at(share, sideways, scale), shadow.at(share, -0.95 * edge, scale)
        rod(canvas, head, tip, 0.4 * metal.thick * scale, 1.0)
        rod(canvas, head, head, 0.75 * metal.thick * scale, 1.0)
        points += [head, tip]
    return np.stack(points)
