"""The seven body parts of MURA: what their films show, from which sides, and what breaks."""

from typing import NamedTuple

from layerscope.data.anatomy.xray import Point


class Part(NamedTuple):
    """What a body part's films show."""

    centre: Point
    field: tuple[float, float]  # width and height, centimetres
    flip: int  # -1: hung with the shoulder up
    turns: tuple[float, ...]  # degrees around the arm, of the views of a study in this order
    breaks: tuple[tuple[str, float, float], ...]  # bone, and between which shares of its length it breaks
    plates: tuple[tuple[str, float, float], ...]  # the same for implants


PARTS = {
    "ELBOW": Part(
        (0, 25.2, 0),
        (13, 16),
        -1,
        (0, 90, 45, -45),
        (("radius", 0.93, 0.97), ("humerus", 0.06, 0.13), ("ulna", 0.84, 0.92), ("ulna", 0.94, 0.97)),
        (("ulna", 0.8, 0.9), ("humerus", 0.1, 0.15), ("radius", 0.88, 0.95)),
    ),
    "FINGER": Part((0, 0, 0), (6.5, 11), 1, (0, 90, 45, -45), (), ()),
    "FOREARM": Part(
        (0, 12.6, 0),
        (13, 31),
        1,
        (0, 90, 45, -45),
        (("radius", 0.2, 0.8), ("ulna", 0.2, 0.75), ("radius", 0.08, 0.2)),
        (("radius", 0.3, 0.7), ("ulna", 0.3, 0.7)),
    ),
    "HAND": Part(
        (-0.5, -7.2, 0),
        (17, 22),
        1,
        (0, 45, 80, -35),
        tuple((f"metacarpal {n}", 0.2, 0.8) for n in (1, 2, 3, 4, 5, 5))
        + tuple((f"phalanx {n}.1", 0.3, 0.85) for n in (1, 2, 3, 4, 5)),
        tuple((f"metacarpal {n}", 0.35, 0.65) for n in (1, 2, 3, 4, 5)),
    ),
    "HUMERUS": Part(
        (1.2, 40.5, 0),
        (14, 36),
        -1,
        (0, 80, 40, -40),
        (("humerus", 0.25, 0.75), ("humerus", 0.83, 0.9), ("humerus", 0.12, 0.25)),
        (("humerus", 0.3, 0.7), ("humerus", 0.8, 0.88)),
    ),
    "SHOULDER": Part(
        (5.0, 54.0, 0),
        (22, 20),
        -1,
        (0, 40, -30, 70),
        (("humerus", 0.85, 0.93), ("humerus", 0.85, 0.91), ("clavicle", 0.25, 0.7), ("glenoid", 0.3, 0.7)),
        (("humerus", 0.86, 0.92), ("clavicle", 0.35, 0.65)),
    ),
    "WRIST": Part(
        (-0.2, 0.4, 0),
        (10.5, 13.5),
        1,
        (0, 90, 45, -45),
        (
            ("radius", 0.05, 0.11),
            ("radius", 0.04, 0.09),
            ("ulna", 0.04, 0.1),
            ("scaphoid", 0.35, 0.65),
            ("metacarpal 3", 0.6, 0.8),
        ),
        (("radius", 0.08, 0.13), ("ulna", 0.08, 0.13)),
    ),
}
