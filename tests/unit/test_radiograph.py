"""X-ray films: the beam, the bones, what is broken and where; and films on squares."""

import numpy as np
import pytest

from layerscope.data.anatomy.arm import Build, Pose, arm
from layerscope.data.anatomy.body_parts import PARTS
from layerscope.data.anatomy.metal import Implant, implant, rod
from layerscope.data.anatomy.radiograph import Exposure, lesion_of, radiograph
from layerscope.data.anatomy.xray import CORTEX, Bone, Fracture, View, cast, outline
from layerscope.data.square import fit, squared, squared_box

PLAIN = Build(size=1.0, plump=1.0, stout=1.0, cortex=1.0, dense=1.0, young=False, ring=0)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", [Fracture, Implant])
def test_the_lesion_is_in_its_box_and_nowhere_else(part, kind):
    """The same film drawn with and without it differs in the box."""
    for seed in range(4):
        rng = np.random.default_rng((seed, len(part)))
        while not isinstance(lesion := lesion_of(part, 3, rng), kind):
            pass
        with_it, found = radiograph(PLAIN, Exposure(part, 3, 0, "R"), lesion, np.random.default_rng(seed))
        without, none = radiograph(PLAIN, Exposure(part, 3, 0, "R"), None, np.random.default_rng(seed))
        assert none is None
        if found:
            difference = np.abs(with_it.astype(int) - without)
            x0, y0, x1, y1 = found.box
            assert (difference[y0:y1, x0:x1] > 12).sum() >= 3
            changed = difference > 25
            moved = isinstance(lesion, Fracture) and lesion.step
            assert moved or changed[y0:y1, x0:x1].sum() == changed.sum()  # a moved bone is moved as a whole


# --- X-rays


def straight(turn: float = 0.0, tilt: float = 0.0, flip: tuple[int, int] = (1, 1)) -> View:
    return View(turn, tilt, (0.0, 0.0, 0.0), 10.0, 120, 100, flip)


ROD = Bone("rod", (0, -4, 0), (0, 4, 0), ((0, 1, 1, 2), (1, 1, 1, 2)), 0.3, 0.2, (0.01, 0.01))


def test_the_beam_is_weakened_by_what_it_passes():
    film = np.zeros((120, 100), np.float32)
    cast(film, ROD, straight())
    across = film[60]
    assert across[50] == pytest.approx(2 * (0.3 * 2 * CORTEX + 1.7 * 0.2), rel=0.15)  # two walls, and marrow
    assert across[42] > across[50]  # along the wall there is more of it
    assert across[39] == across[60] == 0
    assert np.flatnonzero(film[:, 50]).tolist() == list(range(20, 100))


def test_from_the_side_it_is_as_wide_as_it_is_deep():
    front, side = outline(ROD, straight()), outline(ROD, straight(turn=np.pi / 2))
    assert front.half[100] == pytest.approx(1)
    assert side.half[100] == pytest.approx(2)
    assert side.depth[100] == pytest.approx(1)


@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("tilt", [0.0, 0.3, np.pi / 2])
def test_a_mirrored_film_is_the_mirror_image(flip, tilt):
    bone = ROD._replace(shape=((0, 0.5, 2, 1), (1, 1, 0.5, 1)), bend=0.4, end=(1, 4, 0))
    film, other = np.zeros((100, 100), np.float32), np.zeros((100, 100), np.float32)
    cast(film, bone, View(0.2, tilt, (0.0, 0.0, 0.0), 10.0, 100, 100, (1, 1)))
    cast(other, bone, View(0.2, tilt * flip[0] * flip[1], (0.0, 0.0, 0.0), 10.0, 100, 100, flip))
    np.testing.assert_allclose(other, film[:: flip[1], :: flip[0]], atol=0.05)


def test_a_fracture_is_a_gap_and_a_step():
    whole, broken = np.zeros((120, 100), np.float32), np.zeros((120, 100), np.float32)
    cast(whole, ROD, straight())
    cast(broken, ROD, straight(), (Fracture("rod", at=0.75, slope=0, gap=0.2, dark=1, step=1.0),))
    assert broken[79:81, 50].max() < 0.3 * whole[80, 50]
    np.testing.assert_allclose(broken[25:70], whole[25:70], atol=1e-3)
    np.testing.assert_allclose(broken[90:99, 10:], whole[90:99, :-10], atol=1e-3)  # 1 cm to the right


def test_an_implant_is_where_its_corners_are():
    for screws in (0, 4):
        metal = np.zeros((120, 100), np.float32)
        corners = implant(metal, Implant("rod", 0.5, 3.0, 0.3, screws), ROD, straight(turn=0.4))
        y, x = np.nonzero(metal)
        assert abs(corners.min(0) - (x.min(), y.min())).max() < 5
        assert abs(corners.max(0) - (x.max(), y.max())).max() < 5
        assert metal.max() == 1


def test_rod_has_the_area_of_geometry():
    canvas = np.zeros((100, 100), np.float32)
    rod(canvas, np.array([20.0, 30.0]), np.array([80.0, 60.0]), 5, 1.0)
    assert canvas.sum() == pytest.approx(np.pi * 25 + 10 * np.hypot(60, 30), rel=0.01)


def test_the_elbow_bends_the_forearm_and_not_the_upper_arm():
    flat, bent = (arm(PLAIN, Pose(1, 0, angle)) for angle in (0.0, np.pi / 2))
    place = {name: next(b for b in flat.bones if b.name == name) for name in ("humerus", "radius")}
    moved = {name: next(b for b in bent.bones if b.name == name) for name in place}
    assert moved["humerus"] == place["humerus"]
    assert moved["radius"].start[1] == pytest.approx(25, abs=0.5)  # as high as the elbow
    assert abs(moved["radius"].start[2]) > 20


def test_hands_have_five_fingers():
    names = {bone.name for bone in arm(PLAIN, Pose(1, 0, 0)).bones}
    assert len([name for name in names if name.startswith("phalanx")]) == 14
    assert len([name for name in names if name.startswith("metacarpal")]) == 5


# --- squares


def test_a_circle_stays_a_circle():
    y, x = np.mgrid[:200, :120]
    film = np.where(np.hypot(y - 99.5, x - 59.5) < 50, 255, 40).astype(np.uint8)
    square = squared(film, 96)
    rows, columns = np.nonzero(square > 150)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1)
    assert np.ptp(rows) + 1 == pytest.approx(100 * 96 / 200, abs=1.5)
    place = fit(200, 120, 96)
    assert place == (19, 0, 58, 96)
    assert (square[:, :19] == 0).all()  # padded with black
    assert (square[:, 77:] == 0).all()
    assert square[:, 19:77].min() > 30


@pytest.mark.parametrize("shape", [(200, 120), (90, 180), (64, 64), (256, 31)])
@pytest.mark.parametrize("size", [64, 96, 300])
def test_a_box_stays_around_what_is_in_it(shape, size):
    film = np.zeros(shape, np.uint8)
    box = (10, 20, 28, 44)
    film[box[1] : box[3], box[0] : box[2]] = 255
    x0, y0, x1, y1 = squared_box(box, *shape, size)
    square = squared(film, size).astype(int)
    assert square[y0:y1, x0:x1].sum() > 0.85 * square.sum()
    share = size / max(shape)
    assert x1 - x0 <= 18 * share + 2
    assert y1 - y0 <= 24 * share + 2
    assert square[(y0 + y1) // 2, (x0 + x1) // 2] > 200
