"""What happens to every X-ray film: exposure, marker, border."""

import numpy as np

from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.shapes import AXIS, PIXEL, Plane, inside, paint, rotate


def exposed(cohort: Cohort, grey: Plane) -> Plane:
    """Exposure, gamma, noise, and on some films a collimated border that may lie askew."""
    u = cohort.uniform
    grey = np.clip(grey * u(0.8, 1.25) + u(-0.06, 0.06), 0, 1) ** u(0.75, 1.4) + u(0.003, 0.02) * cohort.grain()
    x, y = rotate(AXIS[None, None, :], AXIS[None, :, None], u(-0.06, 0.06) + cohort.happens(0.1) * u(-0.3, 0.3))
    edge = np.maximum(np.abs(x - u(-0.06, 0.06)), np.abs(y - u(-0.06, 0.06))) - u(0.84, 1)
    collimated = cohort.happens(0.4)
    beyond = u(0, 0.1) + cohort.happens(0.3) * u(0.4, 0.8)
    paint(grey, inside(-edge, PIXEL) * collimated, beyond)
    paint(grey, inside(np.abs(edge) - 0.5 * PIXEL, PIXEL) * collimated * cohort.happens(0.4), u(0.6, 1))
    return grey


def marked(cohort: Cohort, grey: Plane) -> Plane:
    """A plate with the letter L near the left edge, on some films near the right."""
    u = cohort.uniform
    away = cohort.happens(0.2)
    x = AXIS[None, None, :] + u(0.65, 0.9) * (1 - 2 * away)
    x, y = rotate(x, AXIS[None, :, None] - u(-0.85, 0.75), u(-0.4, 0.4))
    plate = np.maximum(np.abs(x) - 0.12, np.abs(y) - 0.17)
    upright = np.maximum(np.abs(x + 0.04) - 0.015, np.abs(y) - 0.1)
    foot = np.maximum(np.abs(x) - 0.05, np.abs(y - 0.09) - 0.015)
    grey = grey + inside(plate) * cohort.happens(0.6) * u(0, 0.2)
    paint(grey, inside(np.minimum(upright, foot)) * cohort.happens(0.9), u(0.7, 1))
    return grey
