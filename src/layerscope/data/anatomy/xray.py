"""Shadows of solid bones: X-rays are weakened along their way through cortex, marrow and flesh."""

from dataclasses import dataclass
from functools import cache
from math import cos, sin
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

STEPS = 256  # places along a bone at which its width is known
CORTEX, FLESH = 1.5, 0.1  # how much one centimetre weakens the beam

SHARES = (np.arange(STEPS) + 0.5) / STEPS
THICKNESS = np.clip(1.15 - 4.2 * (SHARES - 0.5) ** 2, 0.3, 1)  # of the cortex: most in the middle of the shaft

Point = tuple[float, float, float]  # centimetres: x away from the thumb, y from hand to shoulder, z to the viewer
Shape = tuple[tuple[float, float, float, float], ...]  # share of the length, half widths left and right, half depth
Film = Float[np.ndarray, "h w"]


class Bone(NamedTuple):
    """A tube of elliptic section around a line, seen from the front; the lengths are centimetres."""

    name: str
    start: Point
    end: Point
    shape: Shape
    cortex: float = 0.12  # thickness in the middle of the shaft
    marrow: float = 0.35  # as CORTEX; all of it where there is no cortex
    caps: tuple[float, float] = (0.3, 0.3)  # lengths of the rounded ends
    bend: float = 0.0  # how far the middle lies to the right of the line
    wide: float = 1.0  # a factor of all widths


class Fracture(NamedTuple):
    """A break across a bone, and what is moved beyond it; the lengths are centimetres."""

    bone: str
    at: float  # share of the bone's length
    slope: float
    gap: float
    dark: float  # 1: nothing left in the gap; negative: the ends are driven into each other, and the gap is bright
    step: float = 0.0
    plane: float = 0.0  # angle around the bone at which all of the step is seen
    reach: float = 9.0  # the gap ends so many half widths right of the axis: 0 breaks one side only


@dataclass(frozen=True)
class View:
    """From centimetres to the pixels of one film."""

    turn: float  # radians around the long axis of the arm: 0 frontal, π/2 lateral
    tilt: float  # radians in the plane of the film
    centre: Point  # what lies in the middle of the film
    scale: float  # pixels per centimetre
    height: int
    width: int
    flip: tuple[int, int] = (1, 1)  # -1 mirrors x or y

    def spot(self, point: Point) -> tuple[float, float]:
        """Where a point falls on the film."""
        x, y, z = point[0] - self.centre[0], point[1] - self.centre[1], point[2] - self.centre[2]
        x, y = self.flip[0] * (x * cos(self.turn) + z * sin(self.turn)), self.flip[1] * y
        c, s = self.scale * cos(self.tilt), self.scale * sin(self.tilt)
        return x * c - y * s + self.width / 2, x * s + y * c + self.height / 2


class Outline(NamedTuple):
    """A bone on a film: where its line runs, in pixels, and how wide it is beside the line, in centimetres."""

    start: Float[np.ndarray, "2"]
    along: Float[np.ndarray, "2"]  # the whole line
    right: Float[np.ndarray, "2"]  # one pixel to the right of it
    length: float  # centimetres
    middle: Float[np.ndarray, " t"]
    half: Float[np.ndarray, " t"]
    inner: Float[np.ndarray, " t"]  # half the width of the marrow
    depth: Float[np.ndarray, " t"]

    def at(self, share: float, sideways: float, scale: float) -> Float[np.ndarray, "2"]:
        """A place in pixels: `sideways` is 0 on the axis, 1 on the right edge, -1 on the left."""
        i = min(int(share * STEPS), STEPS - 1)
        return (
            self.start + share * self.along + self.right * scale * (self.middle[i] + sideways * max(self.half[i], 0.1))
        )


@cache
def _table(shape: Shape) -> Float[np.ndarray, "3 t"]:
    knots = np.array(shape)
    return PchipInterpolator(knots[:, 0], knots[:, 1:])(SHARES).T


def outline(bone: Bone, view: View) -> Outline:
    """The bone seen from the view's side."""
    left, right, deep = bone.wide * _table(bone.shape)
    c, s = cos(view.turn), sin(view.turn)
    flat = (left + right) / 2
    left, right = np.hypot(left * c, deep * s), np.hypot(right * c, deep * s)
    depth = np.hypot(deep * c, flat * s)
    start, end = np.array(view.spot(bone.start)), np.array(view.spot(bone.end))
    along = end - start
    pixels = max(float(np.hypot(*along)), 1e-6)
    length = pixels / view.scale
    share = SHARES
    middle = (right - left) / 2 + 4 * bone.bend * c * share * (1 - share)
    half = (left + right) / 2
    rounded = _rounded(share * length, length, bone.caps)
    thick = bone.cortex * THICKNESS
    ends = 0.5 * bone.cortex
    inner = half * _rounded(share * length - ends, length - 2 * ends, bone.caps) - thick
    sign = view.flip[0] * view.flip[1]
    normal = np.array([along[1], -along[0]]) / pixels * sign
    return Outline(start, along, normal, length, middle, half * rounded, np.maximum(inner, 0), depth * rounded)


def _rounded(at: Float[np.ndarray, " t"], length: float, caps: tuple[float, float]) -> Float[np.ndarray, " t"]:
    """1 along the shaft, falling to 0 at both ends as a circle does."""
    first = np.maximum(1 - at / caps[0], 0)
    last = np.maximum(1 - (length - at) / caps[1], 0)
    return np.sqrt(np.maximum(1 - first * first, 0) * np.maximum(1 - last * last, 0))


def cast(canvas: Film, bone: Bone, view: View, breaks: tuple[Fracture, ...] = ()) -> None:
    """Lay over the film what the bone takes from the beam: bones add up, flesh is one body."""
    if not _near(bone, view):
        return
    shadow = outline(bone, view)
    reach = (float(np.abs(shadow.middle).max() + shadow.half.max()) + sum(abs(b.step) for b in breaks)) * view.scale + 2
    (x0, y0), (x1, y1) = shadow.start, shadow.start + shadow.along
    left, right = max(int(min(x0, x1) - reach), 0), min(int(max(x0, x1) + reach) + 1, view.width)
    top, bottom = max(int(min(y0, y1) - reach), 0), min(int(max(y0, y1) + reach) + 1, view.height)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right, dtype=np.float32)[None, :] + np.float32(0.5 - x0)
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - y0)
    ux, uy = (shadow.along / (shadow.along @ shadow.along)).astype(np.float32)
    nx, ny = (shadow.right / view.scale).astype(np.float32)
    share, across = x * ux + y * uy, x * nx + y * ny
    index = (share * STEPS).astype(np.intp)  # beyond the ends it is clipped
    missing = np.float32(0)
    for broken in breaks:
        gone, moved = _broken(broken, shadow, view, share, across)
        missing, across = np.maximum(missing, gone) if broken.dark > 0 else missing + gone, across - moved
    tables = (shadow.middle, 1 / (shadow.half**2 + 1e-6), 1 / (shadow.inner**2 + 1e-6), shadow.depth)
    middle, narrow, narrower, depth = (t.astype(np.float32).take(index, mode="clip") for t in tables)
    off = np.square(across - middle)
    whole = np.sqrt(np.maximum(1 - off * narrow, 0))
    whole *= (share >= 0) & (share < 1)
    part = canvas[top:bottom, left:right]
    if not bone.cortex and bone.marrow > 0:
        np.maximum(part, 2 * bone.marrow * depth * whole, out=part)
    elif not bone.cortex:
        part += 2 * bone.marrow * depth * whole
    else:
        hollow = np.sqrt(np.maximum(narrow / narrower - off * narrow, 0))  # as much as there is marrow on the way
        part += 2 * depth * (CORTEX * whole - (CORTEX - bone.marrow) * np.minimum(hollow, whole)) * (1 - missing)


def _near(bone: Bone, view: View) -> bool:
    """Whether some of the bone may lie on the film: cheaper than to find out that none does."""
    (x0, y0), (x1, y1) = view.spot(bone.start), view.spot(bone.end)
    reach = (bone.wide * _widest(bone.shape) + abs(bone.bend)) * view.scale
    beside = max(x0, x1) < -reach or min(x0, x1) > view.width + reach
    return not (beside or max(y0, y1) < -reach or min(y0, y1) > view.height + reach)


@cache
def _widest(shape: Shape) -> float:
    return max(max(widths) for _, *widths in shape)


def _broken(broken: Fracture, shadow: Outline, view: View, share: Film, across: Film) -> tuple[Film, Film]:
    """What share of the bone is missing at each pixel, and how far it is moved to the right."""
    i = min(int(broken.at * STEPS), STEPS - 1)
    aside = across - np.float32(shadow.middle[i])
    jagged = 0.4 * broken.gap * np.sin(aside * (9 / max(shadow.half[i], 0.1)) + 40 * broken.at)
    beyond = (share - np.float32(broken.at)) * np.float32(shadow.length) - np.float32(broken.slope) * aside - jagged
    gone = np.float32(broken.dark) * np.exp(-np.square(beyond / np.float32(broken.gap)))
    gone *= aside < broken.reach * shadow.half[i]
    step = broken.step * cos(view.turn - broken.plane)
    # what lies nearer to the bone's closer end is moved: the rest of it still meets its joint
    return gone, np.float32(step) * ((beyond < 0) if broken.at < 0.5 else (beyond > 0))
