"""Synthetic MRI of the breast."""

import numpy as np

from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.shapes import AXIS, PIXEL, Plane, ellipse, inside, paint, profile, swell


def breast_mri(cohort: Cohort) -> Plane:
    """Armpits to upper abdomen, lying prone: bright fat around a dark thorax, two lobes where the slice meets them."""
    u, z = cohort.uniform, cohort.z
    x, y = cohort.pose(shift=0.12, turn=0.1, zoom=(0.75, 1.15), bend=0.03)
    floor = u(0, 0.02) + cohort.happens(0.35) * u(0, 0.2)
    grey = floor + 0 * x
    fat, dark = u(0.6, 1), u(0.03, 0.12)
    texture, fine = cohort.field(10, layers=4), cohort.field(26, layers=5)
    top = u(-0.1, 0.15) + profile(z, (0, 0.2, 1), (0.2, 0, -0.05))
    wide = u(0.62, 0.9) * profile(z, (0, 0.15, 0.6, 1), (1.05, 1, 1, 0.9))
    thorax = ellipse(x, y, (0.0, top + 0.6), (wide, 0.6 + 0 * wide), power=2.5)
    paint(grey, inside(thorax), fat)

    gap, width, length, implants = u(0.36, 0.5), u(0.18, 0.3), u(0.1, 0.85), cohort.happens(0.06)
    dense = u(-1.5, 2)
    for sign in (-1, 1):
        size = swell(z, 0.45 + u(-0.05, 0.05), 0.45) * (1 - cohort.happens(0.06)) + 0.01
        long = length * u(0.75, 1.1)
        radii = (width * u(0.9, 1.1) * (0.4 + 0.6 * size), (long + 0.12) * size)
        lobe = ellipse(sign * x, y, (gap, top + 0.12), radii, power=2.3)
        skirt = ellipse(sign * x, y, (gap, top + 0.25), (1.4 * radii[0], (0.25 + 0.25 * long) * size))
        paint(grey, np.maximum(inside(lobe), inside(skirt)) * np.clip(5 * size - 0.3, 0, 1), fat)
        gland = inside(lobe + 0.05, 0.1) * inside(dense - 0.4 * texture - 1.2 * fine, 0.7)
        paint(grey, gland * size, u(0.1, 0.4))
        implant = ellipse(sign * x, y, (gap, top - 0.35 * long), (0.8 * radii[0], 0.5 * radii[1]))
        paint(grey, inside(np.abs(implant) - 0.02) * implants * size, 0.1)

    # chest wall, thorax and what the slice meets in it
    rim = u(0.04, 0.2)
    muscle = inside(np.abs(thorax + 0.5 * rim + 0.03 * texture) - 0.015, PIXEL)
    paint(grey, muscle * profile(z, (0, 0.3), (1, 0.6)), 0.15)
    within = inside(thorax + rim)
    paint(grey, within, dark + 0.02 * texture)
    shoulder = inside(0.2 - texture, 0.6) * profile(z, (0.05, 0.25), (1, 0))
    paint(grey, shoulder * within, 0.8 * fat)
    for center, half, at, radii, value in (
        (0.6, 0.2, (0.1, 0.35), (0.28, 0.2), u(0.1, 0.3)),  # heart
        (0.95, 0.3, (-0.2, 0.45), (0.6, 0.45), u(0.2, 0.45) + 0.03 * fine),  # liver
        (0.95, 0.2, (0.35, 0.4), (0.25, 0.2), u(0.1, 0.9)),  # stomach
    ):
        size = swell(z, center, half)
        organ = ellipse(x, y, (at[0], top + at[1]), (radii[0] * size, radii[1] * size))
        paint(grey, inside(organ) * within * np.clip(5 * size - 0.1, 0, 1), value)

    # the field of view ends below; the coil in front sees what is near it best
    bottom = u(0.4, 0.75)
    spine = ellipse(x, AXIS[None, :, None] + 0 * x, (0.0, bottom), (0.12, 0.14))
    paint(grey, inside(spine) * within, u(0.2, 0.6))
    grey *= 1 - u(0, 0.35) * (y - top) - u(0, 0.2) * np.abs(x)
    paint(grey, inside(bottom - AXIS[None, :, None], PIXEL) + 0 * x, floor)
    return grey + u(0.003, 0.012) * cohort.grain()
