"""Synthetic X-ray films of the chest."""

import numpy as np

from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.films import exposed
from layerscope.data.anatomy.shapes import Plane, capsule, ellipse, inside, paint


def chest_xray(cohort: Cohort) -> Plane:
    """Frontal chest: dark lungs behind ribs, bright mediastinum and heart, domes of the diaphragm, bright abdomen."""
    u = cohort.uniform
    x, y = cohort.pose(shift=0.15, turn=0.12, zoom=(0.8, 1.3), bend=0.02)
    side = np.abs(x)  # what is drawn over `side` comes in pairs

    # trunk, arms and neck
    grey = u(0, 0.08) + 0 * x
    flesh = u(0.5, 0.85)
    trunk = ellipse(x, y, (0.0, 0.6), (u(0.92, 1.25), u(1.4, 1.75)), power=2.5)
    arms = capsule(side, y, (0.85, -0.4), (u(0.95, 1.5), 0.5), u(0.15, 0.25))
    neck = capsule(x, y, (0.0, -1.4), (0.0, -0.6), u(0.22, 0.32))
    paint(grey, inside(arms, 0.12) * cohort.happens(0.7), 0.8 * flesh)
    paint(grey, inside(np.minimum(neck, trunk), 0.2), flesh)
    grey += 0.12 * inside(trunk + 0.25, 0.6)

    # lungs, down to the domes of the diaphragm
    lungs = np.zeros_like(x)
    tall, low = u(0.66, 0.8), u(0.3, 0.52)
    for sign, lower in ((-1, 0.0), (1, 0.05)):
        lung = ellipse(sign * x, y, (u(0.4, 0.46), 0.05), (u(0.3, 0.37), tall), turn=0.15, power=2.3)
        dome = low + lower + 1.8 * (sign * x - 0.38) ** 2
        np.maximum(lungs, inside(lung, 0.1) * inside(y - dome, 0.06), out=lungs)
    abdomen = inside(low + 0.1 - y, 0.3) * inside(trunk + 0.1, 0.2)
    paint(grey, abdomen, u(0.8, 1))
    paint(grey, lungs, u(0.05, 0.45) + 0.15 * (side - 0.4) + u(-0.05, 0.15) * y)
    gas = ellipse(x, y, (u(0.25, 0.45), low + u(0.17, 0.3)), (u(0.06, 0.16), u(0.03, 0.09)))
    paint(grey, inside(gas, 0.1) * cohort.happens(0.5), u(0.4, 0.7))
    grey += lungs * inside(u(1, 3) - cohort.field(4), 1) * u(0.1, 0.5)  # opacities
    grey += lungs * 0.04 * cohort.field(24) * (1 - side)

    # ribs, collarbones and spine
    behind = np.cos(2 * np.pi * (y - u(0.3, 0.6) * side + u(0.5, 0.9) * side**2) / u(0.17, 0.23))
    front = np.cos(2 * np.pi * (y + u(0.3, 0.6) * side) / u(0.2, 0.28))
    cage = inside(side - 0.8, 0.2) * inside(y - low, 0.2) * inside(-0.7 - y, 0.2)
    grey += cage * (u(0.02, 0.1) * inside(0.3 - behind, 1) + u(0, 0.05) * inside(0.4 - front, 1))
    collarbone = capsule(side, y, (0.08, u(-0.6, -0.5)), (0.7, u(-0.8, -0.65)), 0.035)
    grey += 0.1 * inside(collarbone, 0.04)

    # mediastinum and heart
    middle = capsule(x, y, (0.0, -0.8), (0.02, 0.7), u(0.08, 0.13))
    knob = ellipse(x, y, (0.09, -0.25), (0.11, 0.12))
    heart = ellipse(x, y, (u(0.06, 0.16), u(0.2, 0.3)), (u(0.26, 0.44), u(0.2, 0.28)), turn=0.6)
    broad = capsule(x, y, (0.0, 0.0), (0.04, 0.7), u(0.12, 0.2))
    shadow = np.minimum(np.minimum(middle, knob), np.minimum(heart, broad))
    paint(grey, inside(shadow, 0.14) * 0.85, u(0.75, 1))
    grey += u(0, 0.1) * inside(side - 0.07, 0.08) * (1 + 0.4 * np.cos(2 * np.pi * y / 0.13))
    grey += 0.15 * inside(ellipse(side, y, (0.18, 0.0), (0.12, 0.2)), 0.15) * inside(-cohort.field(16), 1)
    grey += cohort.happens(0.4) * u(0, 0.15) * inside(ellipse(side, y, (0.45, 0.4), (0.32, 0.25)), 0.08)

    tag = np.maximum(np.abs(x + u(-0.9, 0.9)), np.abs(y + u(0.75, 0.95))) - 0.03
    paint(grey, inside(tag) * cohort.happens(0.6), 1)
    return exposed(cohort, grey)
