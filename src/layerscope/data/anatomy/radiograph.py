"""One film of one body part: the arm seen from a side, a known break or implant in it, and what a film adds."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from layerscope.data.anatomy.arm import Arm, Build, Pose, arm
from layerscope.data.anatomy.body_parts import PARTS, Part
from layerscope.data.anatomy.metal import Implant, implant, rod
from layerscope.data.anatomy.xray import STEPS, Film, Fracture, View, cast, outline

Box = tuple[int, int, int, int]
GROWTH_PLATES = {  # at which shares of the length
    "radius": (0.035, 0.965),
    "ulna": (0.035,),
    "humerus": (0.045, 0.93),
    "metacarpal": (0.12,),
    "phalanx": (0.88,),
}


class Lesion(NamedTuple):
    """What is wrong on an image, and where."""

    kind: str  # "fracture" or "implant"
    box: Box  # x0, y0, x1, y1 in pixels; the last column and row are not in it


class Exposure(NamedTuple):
    """How one film is taken."""

    part: str
    finger: int  # which one a FINGER film is of
    view: int
    side: str  # "L" or "R"


def lesion_of(part: str, finger: int, rng: np.random.Generator) -> Fracture | Implant:
    """A lot drawn for one abnormal study: fractures are fine and dark, implants coarse and bright."""
    spec = PARTS[part]
    unit = spec.field[1] / 20  # as fine beside the film of an upper arm as beside that of a finger
    fracture = rng.random() < 0.55
    places = spec.breaks if fracture else spec.plates
    if part == "FINGER":
        places = tuple((f"phalanx {finger}.{n}", 0.3, 0.8) for n in ((1, 2) if finger == 1 else (1, 2, 2, 3)))
    bone, low, high = places[rng.integers(len(places))]
    at, plane = rng.uniform(low, high), rng.uniform(0, np.pi)
    if not fracture:
        wire = rng.random() < (0.6 if part in ("FINGER", "HAND", "WRIST") else 0.15)
        screws = 0 if wire else int(rng.integers(4, 7))
        length = unit * rng.uniform(2.5, 4) * (1 if wire else 1.3)
        return Implant(bone, at, length, unit * rng.uniform(0.13, 0.2) * (1 if wire else 2), screws, plane)
    shifted = rng.random() < 0.7
    return Fracture(
        bone,
        at,
        slope=rng.uniform(-0.7, 0.7),
        gap=unit * rng.uniform(0.22, 0.42),
        dark=rng.uniform(0.6, 1.0) if shifted or rng.random() < 0.8 else -rng.uniform(0.6, 1.0),
        step=unit * rng.choice((-1, 1)) * rng.uniform(0.5, 1.2) * shifted,
        plane=plane,
        reach=9.0 if shifted else rng.choice((9.0, 0.3)),
    )


def radiograph(
    build: Build, taken: Exposure, lesion: Fracture | Implant | None, rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w"], Lesion | None]:
    """Draw one film; the lesion on it is None where what is wrong lies beyond its edge."""
    spec = PARTS[taken.part]
    turn = np.deg2rad(spec.turns[taken.view] + rng.uniform(-9, 9))
    lateral = abs(spec.turns[taken.view]) > 60
    curl = rng.uniform(0.35, 0.6) if lateral and taken.part in ("HAND", "FINGER") else rng.uniform(0, 0.12)
    elbow = rng.uniform(1.2, 1.6) if lateral and taken.part == "ELBOW" else 0.0
    lifted = taken.part not in ("HUMERUS", "SHOULDER")
    body = arm(build, Pose(rng.uniform(0.5, 1.4), curl, elbow, lifted))
    view = _view(spec, taken, build, body, turn, rng)
    film = np.zeros((view.height, view.width), np.float32)
    for flesh in body.flesh:
        cast(film, flesh, view)
    bones, metal = np.zeros_like(film), np.zeros_like(film)
    for bone in body.bones:
        broken = tuple(b for b in (lesion,) if isinstance(b, Fracture) and b.bone == bone.name)
        cast(bones, bone, view, broken + (_plates(bone.name) if build.young else ()))
    corners = _corners(body, view, lesion, metal)
    if build.ring and taken.part in ("HAND", "FINGER"):
        _ring(metal, body, build.ring, view)
    grain = gaussian_filter(rng.standard_normal(film.shape, dtype=np.float32), 0.7, truncate=2)
    film += bones * (1 + 0.28 * grain)
    grey, lit = _exposed(film, metal, grain[::-1], rng)
    _mark(grey, taken.side, view, rng)
    found = _boxed(corners, lit, 0.02 * max(film.shape))
    kind = "implant" if isinstance(lesion, Implant) else "fracture"
    return np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8), Lesion(kind, found) if found else None


def _view(spec: Part, taken: Exposure, build: Build, body: Arm, turn: float, rng: np.random.Generator) -> View:
    centre = np.array(spec.centre) * build.size
    if taken.part == "FINGER":
        middle = next(bone for bone in body.bones if bone.name == f"phalanx {taken.finger}.1")
        centre = 0.8 * np.array(middle.start) + 0.2 * np.array(middle.end)
    wide, high = np.array(spec.field) * rng.uniform(0.9, 1.15) * (rng.uniform(0.8, 1.15), 1)
    tilt = rng.normal(0, 0.08) + (rng.random() < 0.06) * rng.choice((-1, 1)) * np.pi / 2
    if taken.part == "ELBOW" and abs(spec.turns[taken.view]) > 60:
        wide, high = 17 * build.size, 16 * build.size
        centre = centre + np.array([0, 1.5, -5])
    if abs(tilt) > 1:
        wide, high = high, wide
    centre = centre + np.array([rng.uniform(-0.05, 0.05) * wide, rng.uniform(-0.04, 0.04) * high, 0])
    scale = rng.integers(176, 257) / max(wide, high)
    sides = 1 if taken.side == "R" else -1
    x, y, z = (float(value) for value in centre)
    return View(turn, float(tilt), (x, y, z), scale, round(high * scale), round(wide * scale), (sides, spec.flip))


def _plates(name: str) -> tuple[Fracture, ...]:
    """The growth plates of a child's bone: normal, and easily taken for a fracture."""
    places = GROWTH_PLATES.get(name.rstrip("0123456789. "), ())
    return tuple(Fracture(name, at, slope=0, gap=0.1, dark=0.6) for at in places)


def _corners(body: Arm, view: View, lesion: Fracture | Implant | None, metal: Film) -> Float[np.ndarray, "n 2"] | None:
    """Points around what is wrong, in pixels; an implant is laid on the film."""
    if lesion is None:
        return None
    bone = next(bone for bone in body.bones if bone.name == lesion.bone)
    if isinstance(lesion, Implant):
        return implant(metal, lesion, bone, view)
    shadow = outline(bone, view)
    half = shadow.half[min(int(lesion.at * STEPS), STEPS - 1)]
    sides = (-1.0, min(1.0, lesion.reach))
    places = (lesion.at + lesion.slope * side * half / shadow.length for side in sides)
    return np.stack([shadow.at(share, side, view.scale) for share, side in zip(places, sides, strict=True)])


def _boxed(corners: Float[np.ndarray, "n 2"] | None, lit: Film, margin: float) -> Box | None:
    """The box around the corners, cut at the edge of the film; None if most of it lies in the dark."""
    if corners is None:
        return None
    height, width = lit.shape
    low = np.floor(corners.min(0) - margin)
    high = np.ceil(corners.max(0) + margin)
    area = float(np.prod(high - low))
    low, high = np.maximum(low, 0), np.minimum(high, (width, height))
    if (low >= high).any():
        return None
    x0, y0, x1, y1 = (int(value) for value in (*low, *high))
    return (x0, y0, x1, y1) if lit[y0:y1, x0:x1].sum() > 0.6 * area else None


def _ring(metal: Film, body: Arm, finger: int, view: View) -> None:
    bone = next(bone for bone in body.bones if bone.name == f"phalanx {finger}.1")
    shadow = outline(bone, view)
    ends = (shadow.at(0.7, -1.5, view.scale), shadow.at(0.7, 1.5, view.scale))
    rod(metal, *ends, 0.14 * view.scale, 1.0)


def _exposed(film: Film, metal: Film, grain: Film, rng: np.random.Generator) -> tuple[Film, Film]:
    """Grey values of what is left of the beam, and 1 where the beam was let through the collimator."""
    u = rng.uniform
    height, width = film.shape
    usual = max(float(np.percentile(film, 99)), 0.4)
    grey = 1 - np.exp(-film * (u(1.1, 1.9) / usual))
    grey = u(0.62, 0.78) * grey / (1 - np.exp(-1.5))
    grey = np.clip(grey, 0, 1.1) ** u(0.8, 1.25) + u(0, 0.07)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    grey *= 1 + u(-0.12, 0.12) * y + u(-0.08, 0.08) * x
    grey = np.maximum(grey, u(0.92, 1.0) * metal)
    grey = gaussian_filter(grey, u(0.3, 0.7), truncate=2.5)
    grey += u(0.008, 0.035) * grain
    turn, beyond = rng.normal(0, 0.03), u(0, 0.02)
    lit = np.ones_like(film)
    if rng.random() < 0.75:
        across, down = x + turn * y, y - turn * x
        sides = (u(0.86, 1.02) - across, u(0.86, 1.02) + across, u(0.86, 1.02) - down, u(0.86, 1.02) + down)
        nearest = np.minimum(np.minimum(sides[0], sides[1]), np.minimum(sides[2], sides[3]))
        lit = np.clip(nearest * 0.5 * min(height, width), 0, 1)
        grey = beyond + (grey - beyond) * lit
    return grey, lit


def _mark(grey: Film, side: str, view: View, rng: np.random.Generator) -> None:
    """A letter of lead at the edge of the film; on lateral films of a mirrored cassette it may be missing."""
    height, width = grey.shape
    size = 0.075 * max(height, width) * rng.uniform(0.75, 1.1)
    letter = Image.new("L", (40, 60))
    pen = ImageDraw.Draw(letter)
    pen.line([(6, 2), (6, 56)], fill=255, width=8)
    if side == "L":
        pen.line([(2, 54), (36, 54)], fill=255, width=8)
    else:
        pen.line([(6, 5), (26, 5), (33, 12), (33, 22), (26, 29), (6, 29)], fill=255, width=8)
        pen.line([(18, 29), (34, 57)], fill=255, width=8)
    letter = letter.rotate(rng.normal(0, 7), expand=True, resample=Image.Resampling.BILINEAR)
    letter = letter.resize((max(round(size * 0.72), 4), max(round(size), 6)), Image.Resampling.BOX)
    ink = np.asarray(letter, np.float32) / 255
    x = round(rng.uniform(0.05, 0.13) * width)
    x = x if rng.random() < 0.5 else width - x - ink.shape[1]
    y = round(rng.uniform(0.06, 0.9) * (height - ink.shape[0]))
    part = grey[y : y + ink.shape[0], x : x + ink.shape[1]]
    if rng.random() < 0.85:
        part += (rng.uniform(0.75, 0.95) - part) * ink
