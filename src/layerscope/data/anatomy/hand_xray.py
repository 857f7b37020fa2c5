"""Synthetic X-ray films of the hand."""

import numpy as np

from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.films import exposed, marked
from layerscope.data.anatomy.shapes import PIXEL, Plane, capsule, ellipse, inside

FINGERS = (  # the knuckle (x, y), the angle from straight up in radians, the length
    (0.23, -0.1, 0.2, 0.52),
    (0.07, -0.16, 0.02, 0.6),
    (-0.1, -0.12, -0.14, 0.55),
    (-0.24, -0.02, -0.34, 0.42),
    (0.3, 0.2, 0.85, 0.4),
)


def hand_xray(cohort: Cohort) -> Plane:
    """Left hand, palm down: five fingers of jointed bones, wrist and forearm, and the marker of the side."""
    u = cohort.uniform
    x, y = cohort.pose(shift=0.15, turn=0.5, zoom=(0.7, 1.2), bend=0.02)
    y = y - 0.05
    plump, spread, lean = u(0.95, 1.45), u(0.5, 1.3), u(-0.35, 0.15)
    flesh, bones = np.zeros_like(x), np.zeros_like(x)

    def add(canvas: Plane, distance: Plane, value: float = 1) -> None:
        np.maximum(canvas, inside(distance) * value, out=canvas)

    add(flesh, capsule(x, y, (0.0, 0.45), (lean, 1.6), 0.18 * plump), 1.2)
    add(flesh, ellipse(x, y, (0.0, 0.14), (0.29 * plump**0.5, 0.31), power=2.8), 1.1)
    add(flesh, capsule(x, y, (0.05, 0.35), (0.28, 0.2), 0.11), 1.1)
    for knuckle_x, knuckle_y, angle, length in FINGERS:
        turn, reach = angle * spread + u(-0.06, 0.06), length * u(0.9, 1.1)
        dx, dy = np.sin(turn), -np.cos(turn)
        knuckle, tip = (knuckle_x, knuckle_y), (knuckle_x + reach * dx, knuckle_y + reach * dy)
        add(flesh, capsule(x, y, (knuckle_x - 0.15 * dx, knuckle_y - 0.15 * dy), tip, 0.07 * plump))
        along = ((x - knuckle_x) * dx + (y - knuckle_y) * dy) / reach
        joint = np.minimum(np.minimum(np.abs(along - 0.02), np.abs(along - 0.5)), np.abs(along - 0.78)) * reach
        thick = 0.024 + 0.014 * inside(joint - 0.06, 0.06)
        phalanges = capsule(x, y, knuckle, (tip[0] - 0.04 * dx, tip[1] - 0.04 * dy), thick)
        metacarpal = capsule(x, y, (0.3 * knuckle_x, 0.38), knuckle, 0.036)
        shaft = inside(np.minimum(phalanges, metacarpal)) * (1 - 0.8 * inside(joint - 0.01, PIXEL))
        np.maximum(bones, shaft, out=bones)
    carpals = inside(ellipse(x, y, (0.0, 0.42), (0.18, 0.1))) * (0.75 + 0.25 * cohort.field(16))
    np.maximum(bones, carpals, out=bones)
    for offset, radius in ((0.07, 0.08), (-0.09, 0.06)):  # radius and ulna
        add(bones, capsule(x, y, (offset, 0.6), (lean + offset, 1.6), radius))

    dark = u(0, 0.1) + cohort.happens(0.2) * u(0, 0.4)
    hand = np.maximum(dark + u(0, 0.1) * inside(np.hypot(x, y) - 0.8, 1), flesh * u(0.3, 0.55)) + bones * u(0.2, 0.4)
    return exposed(cohort, marked(cohort, hand * (1 + u(0, 1) * np.clip(y, -0.5, 0.8))))
