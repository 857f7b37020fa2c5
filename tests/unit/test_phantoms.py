"""Phantoms: what is known about them is true, they are neither trivial nor impossible, and they look like MedNIST."""

import hashlib
import io
import tarfile
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.tree import DecisionTreeClassifier

from layerscope.data.anatomy.cohort import Cohort
from layerscope.data.anatomy.shapes import AXIS, PIXEL, SIZE, capsule, ellipse, inside, paint, swell
from layerscope.data.phantoms import CLASSES, TITLE, Phantoms, draw, write

SERIES = [k for k, name in enumerate(CLASSES) if name not in ("CXR", "Hand")]


@pytest.fixture(scope="module")
def phantoms() -> Phantoms:
    return draw(2400, seed=0)


@pytest.fixture(scope="module")
def small() -> Phantoms:
    return draw(61, seed=3)


def thumbnails(pixels):
    return pixels.reshape(-1, 16, 4, 16, 4).mean((2, 4)).reshape(len(pixels), -1) / 255


def accuracy(model, phantoms, columns, groups=None):
    """Cross-validated, by patient unless other groups are given."""
    groups = phantoms.patients if groups is None else groups
    return cross_val_score(model, columns, phantoms.targets, groups=groups, cv=StratifiedGroupKFold(4)).mean()


# --- what is known about them


def test_counts_and_order():
    drawn = draw(1203, seed=5)
    assert drawn.pixels.shape == (1203, 64, 64)
    assert len(drawn) == 1203
    assert np.bincount(drawn.targets).tolist() == [200, 201, 200, 201, 200, 201]
    assert (np.diff(drawn.targets) >= 0).all()
    for k in range(len(CLASSES)):
        assert drawn.numbers[drawn.targets == k].tolist() == list(range((drawn.targets == k).sum()))
        assert len(np.unique(drawn.patients[drawn.targets == k])) >= 8


@pytest.mark.parametrize("images", [6, 7, 11, 25])
def test_few_images_are_drawn_too(images):
    drawn = draw(images)
    assert len(drawn) == images
    assert set(drawn.targets) == set(range(6))


def test_patients_are_contiguous_and_of_one_class(phantoms):
    patients, targets = phantoms.patients, phantoms.targets
    assert patients[0] == 0
    assert set(np.diff(patients)) == {0, 1}
    assert (targets[1:] == targets[:-1])[np.diff(patients) == 0].all()
    for k, name in enumerate(CLASSES):
        lengths = np.unique(patients[targets == k], return_counts=True)[1]
        assert (lengths == 1).all() if name in ("CXR", "Hand") else lengths.min() >= 8 and lengths.max() <= 40


def test_slices_of_a_series_are_shuffled_and_lie_within_the_body(phantoms):
    assert phantoms.positions.min() >= 0
    assert phantoms.positions.max() <= 1
    for k in SERIES:
        own = phantoms.targets == k
        steps = np.diff(phantoms.positions[own])[np.diff(phantoms.patients[own]) == 0]
        assert 0.4 < (steps > 0).mean() < 0.6


def test_same_seed_same_bytes(small):
    digest = {
        name: hashlib.sha256(drawn.pixels.tobytes()).hexdigest()
        for name, drawn in {"first": small, "again": draw(61, seed=3), "other": draw(61, seed=4)}.items()
    }
    assert digest["first"] == digest["again"]
    assert digest["first"] != digest["other"]


def test_neighbouring_slices_are_alike_and_strangers_are_not(phantoms):
    columns = thumbnails(phantoms.pixels)
    columns -= columns.mean(axis=1, keepdims=True)
    columns /= np.linalg.norm(columns, axis=1, keepdims=True) + 1e-6
    for k in SERIES:
        own = np.flatnonzero(phantoms.targets == k)
        own = own[np.lexsort((phantoms.positions[own], phantoms.patients[own]))]
        alike = (columns[own[1:]] * columns[own[:-1]]).sum(axis=1)
        same = np.diff(phantoms.patients[own]) == 0
        assert np.median(alike[same]) > 0.95, CLASSES[k]
        assert np.median(alike[~same]) < 0.85, CLASSES[k]


# --- how hard they are


def test_corners_give_little_away(phantoms):
    corners = phantoms.pixels[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    assert 0.4 < accuracy(tree, phantoms, corners) < 0.75  # MedNIST: 0.91


def test_grey_statistics_are_not_enough(phantoms):
    flat = phantoms.pixels.reshape(len(phantoms), -1)
    columns = np.stack([flat.mean(1), flat.std(1), *np.percentile(flat, [0, 25, 50, 75, 100], axis=1)], axis=1)
    tree = DecisionTreeClassifier(max_depth=8, random_state=0)
    assert 0.6 < accuracy(tree, phantoms, columns) < 0.92  # MedNIST: 0.985


def test_neither_trivial_nor_impossible(phantoms):
    columns = thumbnails(phantoms.pixels)
    assert 0.8 < accuracy(NearestCentroid(), phantoms, columns) < 0.92  # MedNIST: 0.96
    assert 0.92 < accuracy(LogisticRegression(tol=0.03, max_iter=1000), phantoms, columns) < 0.985  # MedNIST: 0.99


def test_a_random_split_flatters(phantoms):
    columns = thumbnails(phantoms.pixels)
    at_random = accuracy(KNeighborsClassifier(1), phantoms, columns, groups=np.arange(len(phantoms)))
    by_patient = accuracy(KNeighborsClassifier(1), phantoms, columns)
    assert at_random > 0.985
    assert 0.9 < by_patient < at_random - 0.015


# --- what they look like


def test_each_class_shows_what_a_reader_looks_for(phantoms):
    """One number a class, each from one sentence about it, tells the class from all others better than chance."""
    grey = phantoms.pixels / np.float32(255)
    around = np.median(grey, axis=(1, 2))  # most of a CT or MR image is background
    middle, fingers = grey[:, :, 28:36].mean((1, 2)), np.abs(np.diff(grey[:, 14:28], axis=2)).mean((1, 2))
    lungs = (grey[:, 20:34, 14:24].mean((1, 2)) + grey[:, 20:34, 40:50].mean((1, 2))) / 2
    shows = {
        "AbdomenCT": grey[:, 30:46, 16:48].mean((1, 2)) - around - np.abs(around - 0.4),  # organs on mid-grey
        "BreastMRI": grey[:, 18:34, 12:52].mean((1, 2)) - grey[:, 48:].mean((1, 2)),  # bright above, dark below
        "CXR": middle - lungs,  # bright mediastinum between dark lungs
        "ChestCT": -np.abs(around - 0.5) - np.abs(grey - around[:, None, None]).mean((1, 2)),  # little but mid-grey
        "Hand": fingers,  # many edges from left to right
        "HeadCT": (grey > 0.85).mean((1, 2)) - np.abs(around - 0.1),  # white bone on dark grey
    }
    for k, name in enumerate(CLASSES):
        assert roc_auc_score(phantoms.targets == k, shows[name]) > 0.7, name


@pytest.mark.mednist
def test_means_of_phantoms_recognise_real_images(phantoms, mirror):
    pixels, names = [], []
    with tarfile.open(mirror / "mednist" / "MedNIST.tar.gz", "r|gz") as archive:
        for member in archive:
            if member.name.endswith("00.jpeg"):  # every hundredth
                pixels.append(np.asarray(Image.open(io.BytesIO(archive.extractfile(member).read()))))
                names.append(member.name.split("/")[1])
    assert len(names) == 590
    model = NearestCentroid().fit(thumbnails(phantoms.pixels), phantoms.targets)
    right = np.array(CLASSES)[model.predict(thumbnails(np.stack(pixels)))] == names
    assert right.mean() > 0.85  # MedNIST's own means: 0.96
    for name in CLASSES:
        assert right[np.array(names) == name].mean() > 0.5, name


# --- files


def test_archive_is_deterministic_and_reads_back(small, tmp_path):
    for name in ("a.tar.gz", "b.tar.gz"):
        write(small, tmp_path / name, quality=95)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        members = archive.getmembers()
        images = [Image.open(io.BytesIO(archive.extractfile(m).read())) for m in members]
    expected = [f"Phantoms/{CLASSES[t]}/{n:06d}.jpeg" for t, n in zip(small.targets, small.numbers, strict=True)]
    assert [m.name for m in members] == expected == sorted(expected)
    assert {(m.mtime, m.uid, m.gid, m.mode, m.isfile()) for m in members} == {(0, 0, 0, 0o644, True)}
    assert {(i.mode, i.size, i.info["comment"]) for i in images} == {("L", (64, 64), TITLE.encode())}
    pixels = np.stack([np.asarray(image) for image in images])
    assert np.abs(pixels.astype(int) - small.pixels).mean() < 3


def test_folder_has_the_same_files_as_the_archive(small, tmp_path):
    write(small, tmp_path / "new" / "folder")
    write(small, tmp_path / "packed.tar.gz")
    files = {p.relative_to(tmp_path / "new" / "folder").as_posix(): p.read_bytes() for p in tmp_path.rglob("*.jpeg")}
    with tarfile.open(tmp_path / "packed.tar.gz") as archive:
        packed = {m.name.removeprefix("Phantoms/"): archive.extractfile(m).read() for m in archive}
    assert files == packed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "packed.tar.gz"]


@pytest.mark.parametrize("name", ["cut.tar.gz", "cut"])
def test_nothing_half_written_is_left(small, tmp_path, name):
    def stop(what, done, total, unit):
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(small, tmp_path / name, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(tmp_path):
    told = []
    write(draw(30, progress=lambda *args: told.append(args)), tmp_path / "a", progress=lambda *args: told.append(args))
    assert ("Drawing phantoms", 30, 30, "images") in told
    assert told[-1] == ("Writing phantoms", 30, 30, "images")


def test_bad_input_is_refused(small, tmp_path):
    with pytest.raises(ValueError, match=r"6 classes need at least 6 images\. Got 5\."):
        draw(5)
    with pytest.raises(ValueError, match=r"A seed is 0 or a positive whole number\. Got -1\."):
        draw(60, seed=-1)
    with pytest.raises(ValueError, match=r"quality of a JPEG is 1 to 95\. Got 0\."):
        write(small, tmp_path / "a", quality=0)
    with pytest.raises(ValueError, match="exists: remove it or choose another"):
        write(small, tmp_path)


def test_memory_is_that_of_a_chunk(monkeypatch):
    monkeypatch.setattr("layerscope.data.phantoms.CHUNK", 16)
    peaks = []
    for images in (120, 480):
        tracemalloc.start()
        draw(images)
        peaks.append(tracemalloc.get_traced_memory()[1] - images * SIZE * SIZE)
        tracemalloc.stop()
    assert max(peaks) < 16e6
    assert peaks[1] < 1.3 * peaks[0]


# --- shapes


def test_areas_are_those_of_geometry():
    x, y = np.broadcast_arrays(AXIS[None, None, :], AXIS[None, :, None])
    area = {
        "ellipse": inside(ellipse(x, y, (0.1, -0.1), (0.6, 0.3), turn=0.4), PIXEL).sum() * PIXEL**2,
        "capsule": inside(capsule(x, y, (-0.4, 0.1), (0.4, 0.3), 0.2), PIXEL).sum() * PIXEL**2,
        "box": inside(ellipse(x, y, (0.0, 0.0), (0.5, 0.25), power=40), PIXEL).sum() * PIXEL**2,
    }
    assert area["ellipse"] == pytest.approx(np.pi * 0.6 * 0.3, rel=0.02)
    assert area["capsule"] == pytest.approx(np.pi * 0.04 + 0.4 * np.hypot(0.8, 0.2), rel=0.02)
    assert area["box"] == pytest.approx(0.5, rel=0.03)


def test_paint_and_swell():
    canvas = np.full((1, 2, 2), 0.2, np.float32)
    paint(canvas, np.array([[[0, 1], [0.5, 0]]], np.float32), 1.0)
    np.testing.assert_allclose(canvas, [[[0.2, 1], [0.6, 0.2]]], rtol=1e-6)
    z = np.array([0.5, 0.8, 0.9], np.float32)[:, None, None]
    np.testing.assert_allclose(swell(z, 0.5, 0.4)[:, 0, 0], [1, np.sqrt(1 - 0.75**2), 0.01], rtol=1e-4)


def test_lots_are_drawn_by_patient():
    cohort = Cohort(np.random.default_rng(0), np.repeat(np.arange(200), 2), np.tile([0.2, 0.2], 200))
    for drawn in (cohort.uniform(2, 3), cohort.happens(0.3), cohort.field(8, layers=3)):
        np.testing.assert_array_equal(drawn[::2], drawn[1::2])
        assert len(np.unique(drawn[::2, 0, 0])) > 1
    assert cohort.happens(0.3).mean() == pytest.approx(0.3, abs=0.1)
    assert cohort.field(8).var() == pytest.approx(1, abs=0.1)
    assert not (cohort.grain()[::2] == cohort.grain()[1::2]).all()
