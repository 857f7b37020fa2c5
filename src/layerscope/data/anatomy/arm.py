"""The skeleton of a right arm with its flesh: one arm for the films of all body parts."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from layerscope.data.anatomy.skeleton import (
    BESIDE_THE_ARM,
    BEYOND_THE_ELBOW,
    CARPALS,
    FINGERS,
    FLESHES,
    FOREARM,
    METACARPAL,
    PHALANX,
    SKIN,
    TIP,
    UPPER,
)
from layerscope.data.anatomy.xray import FLESH, Bone, Point


class Build(NamedTuple):
    """How one patient's arm differs from another's: factors of lengths, widths and densities."""

    size: float
    plump: float
    stout: float
    cortex: float
    dense: float
    young: bool  # the growth plates are still open
    ring: int  # the finger that wears a ring, or 0


class Pose(NamedTuple):
    """How the arm is held; angles are in radians."""

    spread: float  # factor of the angles between the fingers
    curl: float  # of the fingers, the little one most
    elbow: float
    lifted: bool = False  # the arm is away from the trunk


@dataclass(frozen=True)
class Arm:
    bones: tuple[Bone, ...]
    flesh: tuple[Bone, ...]


def arm(build: Build, pose: Pose) -> Arm:
    """Bones and flesh of one patient in one pose."""
    bones, flesh = _hand(pose)
    for name, middle, length, wide, deep, turn in CARPALS:
        way = np.array([np.sin(turn), -np.cos(turn), 0]) * length
        shape = ((0.0, wide, wide, deep), (0.5, wide, wide, deep), (1.0, wide, wide, deep))
        caps = (0.8 * length, 0.8 * length)
        bones.append(Bone(name, _point(middle + way), _point(middle - way), shape, 0.1, 0.4, caps))
    bones = [_flexed(bone, pose.elbow) for bone in [*bones, *FOREARM]] + [*UPPER]
    flesh = [_flexed(bone, pose.elbow) for bone in flesh]
    shown = [bone for bone in FLESHES if not (pose.lifted and bone.name in BESIDE_THE_ARM)]
    flesh += [_flexed(bone, pose.elbow * (bone.name in BEYOND_THE_ELBOW)) for bone in shown]
    return Arm(
        tuple(_grown(bone, build.size, build.stout, build.cortex, build.dense) for bone in bones),
        tuple(_grown(bone, build.size, build.plump, 1, 1) for bone in flesh),
    )


def _hand(pose: Pose) -> tuple[list[Bone], list[Bone]]:
    bones, flesh = [], []
    for number, (base, head, lengths, angle) in enumerate(FINGERS, start=1):
        lean = angle * pose.spread if number > 1 else angle
        thin = (1.0, 0.98, 1.0, 0.93, 0.82)[number - 1]
        knuckle = np.array(head)
        bones.append(Bone(f"metacarpal {number}", head, base, METACARPAL, 0.2, 0.3, (0.4, 0.3), wide=thin))
        at, curl = knuckle, 0.0
        for joint, length in enumerate(lengths):
            curl += pose.curl * (0.25 + 0.2 * number) / (1 + joint)
            way = np.array([np.sin(lean), -np.cos(lean) * np.cos(curl), -np.sin(curl)])
            near, far = at + 0.14 * way, at + (length - 0.02) * way
            last = joint == len(lengths) - 1
            wide = thin if last else thin * (1 - 0.12 * joint)
            name, shape = f"phalanx {number}.{joint + 1}", TIP if last else PHALANX
            bones.append(Bone(name, _point(far), _point(near), shape, 0.15, 0.3, (0.3, 0.2), wide=wide))
            ends = _point(far + (0.45 if last else 0.3) * way), _point(at - 0.3 * way)
            flesh.append(Bone(f"finger {number}", *ends, SKIN, 0, FLESH, (0.5, 0.3), wide=thin))
            at = at + length * way
    return bones, flesh


def _flexed(bone: Bone, angle: float) -> Bone:
    """Turned around the axis of the elbow."""
    if not angle:
        return bone
    cos, sin = np.cos(angle), np.sin(angle)

    def turned(point: Point) -> Point:
        x, y, z = point[0], point[1] - 25.0, point[2]
        return (x, y * cos - z * sin + 25.0, y * sin + z * cos)

    return bone._replace(start=turned(bone.start), end=turned(bone.end))


def _grown(bone: Bone, size: float, wide: float, cortex: float, dense: float) -> Bone:
    marrow = bone.marrow * dense if bone.cortex else bone.marrow
    start, end = _point(np.array(bone.start) * size), _point(np.array(bone.end) * size)
    caps = (bone.caps[0] * size, bone.caps[1] * size)
    thick, wide = bone.cortex * size * cortex, bone.wide * size * wide
    return bone._replace(start=start, end=end, caps=caps, cortex=thick, marrow=marrow, wide=wide)


def _point(values: np.ndarray) -> Point:
    return (float(values[0]), float(values[1]), float(values[2]))
