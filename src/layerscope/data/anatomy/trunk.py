"""Synthetic CT of the trunk: one anatomy from shoulders to thighs, seen through two windows."""

import numpy as np

from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.shapes import PIXEL, Each, Plane, capsule, ellipse, inside, paint, profile, swell

AIR, LUNG, FAT, WATER, MUSCLE, ORGAN, BONE = -1.0, -0.85, -0.1, 0.0, 0.05, 0.1, 0.6  # thousands of Hounsfield units


def abdomen_ct(cohort: Cohort) -> Plane:
    """Lower chest to thighs; the window leaves all that is no denser than fat as grey as the background."""
    density = trunk(cohort, 0.42 + 0.58 * cohort.z) + cohort.uniform(0, 0.012) * cohort.grain()
    return window(density, cohort.uniform(-0.08, 0), cohort.uniform(0.2, 0.42), background(cohort, 0.4, 0.13))


def chest_ct(cohort: Cohort) -> Plane:
    """Shoulders to liver in a broken window, as MedNIST has it: soft tissue drowns in the background or in salt."""
    u = cohort.uniform
    density = trunk(cohort, 0.5 * cohort.z)
    soft = inside(np.abs(density - 0.09) - 0.1, 0.05)
    salty = cohort.happens(0.5) * u(0.05, 0.6) * inside(0.5 * cohort.field(3), 2) * soft
    salt = (cohort.rng.random(density.shape, dtype=np.float32) < salty) * u(0.1, 0.5)
    density += cohort.grain() * (u(0.01, 0.03) + u(0.1, 0.3) * np.maximum(density - 0.2, 0))
    return window(density, u(-0.05, 0.08), u(0.5, 1.1), background(cohort, 0.49, 0.13)) + salt


def window(density: Plane, low: Each, high: Each, floor: Each) -> Plane:
    """Grey values of densities: `floor` up to low, white from high on."""
    return floor + (1 - floor) * np.clip((density - low) / (high - low), 0, 1)


def background(cohort: Cohort, usual: float, spread: float) -> Each:
    """The grey around the patient: the usual one, in more than half of the series another."""
    return usual + cohort.happens(0.6) * cohort.uniform(-spread, spread)


def trunk(cohort: Cohort, z: Each) -> Plane:
    """Densities of slices through the trunk, from the shoulders (z = 0) to the thighs (z = 1)."""
    u = cohort.uniform
    cohort = Cohort(cohort.rng, cohort.owner, z[:, 0, 0])
    x, y = cohort.pose(shift=0.15, turn=0.15, zoom=(0.78, 1.2), bend=0.03)
    density = np.full_like(x, AIR)
    table = np.abs(y - u(0.7, 1) + u(-0.05, 0.25) * x * x) + np.maximum(0, np.abs(x) - u(0.4, 1.2))
    paint(density, inside(table - 0.5 * PIXEL) * cohort.happens(0.7), u(0.2, 0.6))

    # from here on in units of the body's own width and depth
    x = x / (u(0.72, 0.95) * profile(z, (0, 0.1, 0.2, 0.6, 0.8, 1), (1.15, 1.1, 1, 0.95, 1, 1)))
    y = (y + 0.1) / (u(0.54, 0.74) * profile(z, (0, 0.15, 0.3, 0.6, 0.8, 1), (0.6, 0.85, 1, 1, 0.9, 0.8)))
    side = np.abs(x)  # what is drawn over `side` comes in pairs
    contrast = cohort.happens(0.6) * u(0.05, 0.4)
    texture, fine = cohort.field(12, layers=6), cohort.field(20, layers=5)

    # skin, muscle, cavity; below the hips two legs
    apart = profile(z, (0.86, 1), (0, 0.5))
    skin = ellipse(side, y, (apart, 0.0), (1 - apart, 1 + 0 * apart), power=2.3)
    wall = skin + u(0.03, 0.15) * (1 - 0.5 * y)
    cavity = wall + 0.08 + 0.04 * y
    within = inside(cavity)
    paint(density, inside(skin), FAT)
    paint(density, inside(wall), MUSCLE + 0.05 * texture * profile(z, (0.86, 0.92), (0, 1)))
    paint(density, within * profile(z, (0.86, 0.92), (1, 0)), FAT)
    paint(density, cohort.organ(side, y, (0.75, 0.5), (0.28, 0.68), (0.24, 0.2)), MUSCLE)

    # chest
    lungs = cohort.organ(side, y, (0.26, 0.26), (0.46, 0.0), (0.38, 0.66)) * within
    paint(density, lungs, LUNG)
    paint(density, lungs * inside(2.2 - texture, 0.5), MUSCLE)
    paint(density, cohort.organ(x, y, (0.2, 0.24), (0.0, 0.0), (0.2, 0.5)), FAT)
    paint(density, cohort.organ(x, y, (0.22, 0.07), (0.05, -0.1), (0.16, 0.38), turn=0.6), ORGAN + contrast)
    paint(density, cohort.organ(x, y, (0.37, 0.11), (0.18, -0.25), (0.44, 0.42), turn=0.5), ORGAN + 0.7 * contrast)
    paint(density, cohort.organ(x, y, (0.1, 0.12), (0.0, 0.0), (0.07, 0.1)), AIR)

    # abdomen
    liver = cohort.organ(x, y, (0.54, 0.15), (-0.5, -0.08), (0.66, 0.8), turn=-0.3)
    paint(density, liver * within, ORGAN + 0.2 * contrast)
    paint(density, cohort.organ(x, y, (0.54, 0.09), (0.36, -0.3), (0.36, 0.32)) * within, u(-0.3, 0.3))
    spleen = cohort.organ(x, y, (0.54, 0.1), (0.58, 0.25), (0.24, 0.34), turn=-0.4)
    paint(density, spleen * within, ORGAN + 0.3 * contrast)
    paint(density, cohort.organ(side, y, (0.65, 0.08), (0.42, 0.28), (0.17, 0.22), turn=-0.4), ORGAN + contrast)
    paint(density, cohort.organ(side, y, (0.65, 0.05), (0.38, 0.28), (0.06, 0.09)), WATER)
    bowel = (
        cohort.organ(x, y, (0.72, 0.16), (0.0, -0.25), (0.8, 0.55))
        * within
        * inside(1 - np.maximum(fine, 0.8 * texture), 0.6)
    )
    paint(density, bowel, MUSCLE + cohort.happens(0.4) * u(0.05, 0.5))
    paint(density, cohort.organ(side, y, (0.75, 0.12), (0.22, 0.4), (0.14, 0.16)), MUSCLE)
    paint(density, cohort.organ(x, y, (0.45, 0.36), (0.12, 0.36), (0.09, 0.1)), ORGAN + contrast)
    bladder = cohort.organ(x, y, (0.89, 0.06), (0.0, -0.15), (0.3, 0.3))
    paint(density, bladder, WATER + cohort.happens(0.3) * BONE)
    paint(density, cohort.organ(side, y, (0.87, 0.16), (0.5, 0.42), (0.42, 0.45)) * inside(wall), MUSCLE)

    # ribs and shoulder girdle
    dashes = inside(np.cos(u(16, 22) * np.arctan2(y, side) + 5 * z) - 0.2, 0.8)
    ribs = inside(np.abs(cavity) - 0.02) * dashes * profile(z, (0.06, 0.1, 0.55, 0.62), (0, 1, 1, 0))
    paint(density, ribs, u(0.4, 0.7))
    collarbone = capsule(side, y, (0.1, -0.55), (0.7, -0.3), 0.06)
    paint(density, inside(collarbone) * swell(z, 0.04, 0.06) * inside(-0.3 - fine, 0.8), BONE)
    blade = capsule(side, y, (0.45, 0.55), (0.85, 0.25), 0.05)
    paint(density, inside(blade) * swell(z, 0.1, 0.15) * inside(-0.3 - fine, 0.8), BONE)
    paint(density, cohort.organ(side, y, (0.03, 0.07), (0.85, 0.05), (0.14, 0.2)), BONE)

    # spine
    shown = profile(z, (0.84, 0.87), (1, 0))
    vertebra = ellipse(x, y, (0.0, 0.52), (u(0.13, 0.18), u(0.14, 0.19)))
    arch = np.minimum(capsule(side, y, (0.03, 0.72), (0.2, 0.78), 0.05), capsule(x, y, (0.0, 0.7), (0.0, 0.92), 0.045))
    paint(density, inside(np.minimum(vertebra, arch)) * shown, BONE)
    paint(density, inside(vertebra + 0.06) * shown, u(0.15, 0.4))
    paint(density, inside(ellipse(x, y, (0.0, 0.7), (0.05, 0.05))) * shown, WATER)

    # pelvis and thigh bones
    down = profile(z, (0.72, 0.88), (0, 1))
    wing = capsule(side, y, (0.66 - 0.3 * down, 0.25 + 0.2 * down), (0.82 - 0.12 * down, 0.0), 0.06)
    paint(density, inside(wing) * profile(z, (0.72, 0.75, 0.85, 0.9), (0, 1, 1, 0)), BONE)
    paint(density, cohort.organ(x, y, (0.82, 0.06), (0.0, 0.55), (0.32, 0.18)), BONE)
    socket = capsule(side, y, (0.4, -0.2), (0.42, 0.3), 0.06)
    paint(density, inside(socket) * profile(z, (0.84, 0.87, 0.9, 0.93), (0, 1, 1, 0)), BONE)
    pubis = capsule(side, y, (0.1, -0.35), (0.36, -0.15), 0.05)
    paint(density, inside(pubis) * profile(z, (0.89, 0.91, 0.92, 0.94), (0, 1, 1, 0)), BONE)
    femur = ellipse(side, y, (0.58, 0.05), (0.15, 0.2))
    shown = profile(z, (0.87, 0.89), (0, 1))
    paint(density, inside(femur) * shown, BONE)
    paint(density, inside(femur + 0.07) * shown, profile(z, (0.9, 0.98), (0.4, FAT)))
    return density
