"""Synthetic CT of the head."""

import numpy as np

from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.shapes import PIXEL, Plane, capsule, ellipse, inside, paint, profile, swell


def head_ct(cohort: Cohort) -> Plane:
    """Jaw to beyond the vertex: a ring of bright skull around grey brain; the last slices show an empty holder."""
    u, z = cohort.uniform, 1.04 * cohort.z
    cohort = Cohort(cohort.rng, cohort.owner, z[:, 0, 0])
    x, y = cohort.pose(shift=0.15, turn=0.35, zoom=(0.75, 1.15), bend=0.02)
    grey = 0.1 + cohort.happens(0.4) * u(-0.1, 0.2) + 0 * x
    holder = np.abs(np.abs(x) - u(0.7, 0.9) + u(-0.1, 0.3) * np.maximum(y, 0) ** 2) + np.maximum(0, u(-0.3, 0.6) - y)
    paint(grey, inside(holder - 0.3 * PIXEL) * cohort.happens(0.7), u(0.4, 1))

    # from here on in units of the head's own width and length, narrower in front
    x, y = x / (u(0.44, 0.6) * (1 + u(0, 0.25) * y)), y / u(0.54, 0.7)
    side = np.abs(x)  # what is drawn over `side` comes in pairs
    brain, fluid, bone = u(0.3, 0.48), u(0.1, 0.2), u(0.9, 1)
    fine = cohort.field(26, layers=3)
    mirrored = 0.7 * (fine + fine[:, :, ::-1])

    # face and neck
    shown = profile(z, (0.36, 0.46), (1, 0))
    face = np.minimum(ellipse(x, y, (0.0, -0.3), (0.62, 0.75)), ellipse(x, y, (0.0, 0.25), (0.72, 0.65)))
    nose = cohort.organ(x, y, (0.22, 0.13), (0.0, -1.0), (0.15, 0.25))
    paint(grey, np.maximum(inside(face) * shown, nose), brain)
    sinuses = ellipse(x, y, (0.0, -0.45), (0.5, 0.6))
    paint(grey, inside(sinuses, 0.3) * inside(0.2 + mirrored, 0.4) * shown, 0.2 * fluid)
    paint(grey, inside(sinuses, 0.3) * inside(0.4 - mirrored, 0.4) * shown, bone)
    shown = profile(z, (0.1, 0.18), (1, 0))
    jaw = np.abs(ellipse(x, y, (0.0, -0.4), (0.5, 0.5))) - 0.06
    vertebra = np.abs(ellipse(x, y, (0.0, 0.3), (0.22, 0.2))) - 0.07
    paint(grey, np.maximum(inside(jaw) * inside(y + 0.3, 0.2), inside(vertebra)) * shown, bone)

    # skull and brain
    size = profile(z, (0.12, 0.22, 0.4, 0.6, 0.75, 0.88, 0.97, 1), (0.01, 0.75, 0.98, 1, 0.95, 0.72, 0.3, 0.01))
    back = 0.3 * profile(z, (0.2, 0.42), (1, 0)) + u(-0.05, 0.05)
    skull = ellipse(x, y, (0.0, back), (0.97 * size, size * (1 - 0.6 * back)), power=2.2)
    inner = skull + u(0.08, 0.18) + profile(z, (0.78, 0.97), (0, 0.3))
    shown = np.clip(20 * size - 0.4, 0, 1)
    paint(grey, inside(skull) * shown, bone)
    paint(grey, inside(inner) * shown, brain + 0.015 * fine)
    within = inside(inner + 0.05) * shown
    sulci = inside(0.7 - fine, 0.6) * inside(np.abs(inner + 0.15) - 0.12, 0.1) * u(0, 0.8)
    paint(grey, sulci * within * profile(z, (0.45, 0.65), (0, 1)), fluid)
    paint(grey, inside(side - 0.015, 0.04) * within * profile(z, (0.5, 0.6), (0, 0.6)), u(0.1, 0.5))
    wide = u(0.6, 1.5)  # the ventricles grow with age
    for span, at, radii, turn in (
        ((0.6, 0.13), (0.13, -0.2), (0.07, 0.24), 0.3),
        ((0.58, 0.12), (0.2, 0.28), (0.08, 0.2), -0.4),
    ):
        horn = cohort.organ(side, y, span, at, radii, turn) * inside(side - 0.35 * wide)
        paint(grey, horn, fluid)
    paint(grey, cohort.organ(x, y, (0.5, 0.08), (0.0, 0.0), (0.05, 0.15)), fluid)
    paint(grey, cohort.organ(x, y, (0.43, 0.06), (0.0, 0.0), (0.2, 0.1)), fluid)
    lesion = ellipse(x, y, (u(-0.5, 0.5), u(-0.5, 0.5)), (u(0.1, 0.25), u(0.1, 0.25)))
    blood = fluid + cohort.happens(0.5) * (0.75 - fluid)
    paint(grey, inside(lesion) * within * cohort.happens(0.2) * swell(z, u(0.5, 0.8), 0.12), blood)

    # base of the skull and orbits
    shown = profile(z, (0.18, 0.24, 0.36, 0.42), (0, 1, 1, 0))
    petrous = capsule(side, y, (0.12, -0.02), (0.75, 0.2), 0.1 + 0.05 * mirrored)
    sphenoid = capsule(side, y, (0.05, -0.15), (0.7, -0.5), 0.07 + 0.05 * mirrored)
    paint(grey, inside(np.minimum(petrous, sphenoid)) * shown, bone)
    paint(grey, cohort.organ(side, y, (0.34, 0.1), (0.36, -0.75), (0.32, 0.3)), 0.9)
    paint(grey, cohort.organ(side, y, (0.34, 0.09), (0.36, -0.8), (0.26, 0.26)), 0.5 * fluid)
    paint(grey, cohort.organ(side, y, (0.34, 0.06), (0.36, -0.85), (0.18, 0.17)), brain)
    paint(grey, cohort.organ(x, y, (0.34, 0.1), (0.0, -0.72), (0.1, 0.25)), 0.3 * fluid)
    return grey + u(0.002, 0.012) * cohort.grain()
