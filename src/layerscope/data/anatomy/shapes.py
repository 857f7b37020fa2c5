"""Soft shapes on many small images at once; a number is one for all images, or one for each: `(s, 1, 1)`."""

import numpy as np
from jaxtyping import Float

SIZE = 64
PIXEL = 2 / SIZE  # the image reaches from -1 to 1, x to the right and y down
AXIS = ((np.arange(SIZE) + 0.5) * PIXEL - 1).astype(np.float32)

Plane = Float[np.ndarray, "s h w"]
Each = Float[np.ndarray, "s 1 1"]
Number = float | Each
Axis = Float[np.ndarray, "#s #h #w"]  # a coordinate that need not be written out for every pixel


def ellipse(
    x: Plane, y: Plane, at: tuple[Number, Number], radii: tuple[Number, Number], turn: float = 0, power: float = 2
) -> Plane:
    """Distance to the edge of an ellipse, negative inside; above a power of 2 it grows towards a rectangle."""
    x, y = x - at[0], y - at[1]
    if turn:
        x, y = rotate(x, y, turn)
    x *= 1 / radii[0]  # in place from here on: moving memory is what drawing costs
    y *= 1 / radii[1]
    if power == 2:
        x *= x
        y *= y
        x += y
        np.sqrt(x, out=x)
    else:
        x = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power)
    x -= 1
    x *= np.minimum(radii[0], radii[1])
    return x


def capsule(
    x: Plane, y: Plane, start: tuple[Number, Number], end: tuple[Number, Number], radius: Number | Plane
) -> Plane:
    """Distance to the edge of a thick line with round ends, negative inside; its radius may change along it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    square = dx * dx + dy * dy
    x, y = x - start[0], y - start[1]
    along = x * (dx / square)
    along += y * (dy / square)
    np.clip(along, 0, 1, out=along)
    x -= along * dx
    y -= along * dy
    x *= x
    y *= y
    x += y
    np.sqrt(x, out=x)
    x -= radius
    return x


def rotate(x: Axis, y: Axis, angle: Number) -> tuple[Plane, Plane]:
    """Coordinates in axes turned by an angle in radians."""
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def inside(distance: Plane, blur: Number = 1.5 * PIXEL) -> Plane:
    """A mask from 1 (inside) to 0 (outside) whose edge is `blur` wide."""
    mask = distance * (-1 / blur)
    mask += 0.5
    return np.clip(mask, 0, 1, out=mask)


def paint(canvas: Plane, mask: Plane, value: Number | Plane) -> None:
    """Lay a value over the canvas where the mask is."""
    change = value - canvas
    change *= mask
    canvas += change


def swell(z: Each, center: Number, half: float) -> Each:
    """Radius of the slice at height z through a ball: 1 at its center, next to nothing from `half` on."""
    return np.sqrt(np.clip(1 - ((z - center) / half) ** 2, 1e-4, 1))


def profile(z: Each, knots: tuple[float, ...], values: tuple[float, ...]) -> Each:
    """A number that changes along z in straight pieces."""
    return np.interp(z, knots, values).astype(np.float32)
