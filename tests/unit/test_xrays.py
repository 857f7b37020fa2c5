"""X-ray phantoms: MURA's layout, known truth, the same bytes each time; and the data set made of them."""

import csv
import hashlib
import io
import re
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerscope.data import DATASETS, xray_phantoms, xrays
from layerscope.data.anatomy.body_parts import PARTS
from layerscope.data.splits import SPLITS
from layerscope.data.square import squared
from layerscope.data.xray_phantoms import TITLE, XrayPhantoms, draw, write
from layerscope.main_job import verify
from layerscope.progress import silent
from layerscope.source import DataError

PATH = re.compile(r"(train|valid)/XR_([A-Z]+)/patient(\d{5})/study(\d)_(positive|negative)/image(\d)\.png")


@pytest.fixture(scope="module")
def drawn() -> XrayPhantoms:
    return draw(24, seed=0)


@pytest.fixture(scope="module")
def small() -> XrayPhantoms:
    return draw(8, seed=0)


def studies(drawn: XrayPhantoms) -> dict[str, list[str]]:
    found = defaultdict(list)
    for path in drawn.paths:
        found[path.rpartition("/")[0]].append(path)
    return found


# --- what is known about them


def test_layout_and_counts(drawn):
    fields = [PATH.fullmatch(path).groups() for path in drawn.paths]
    assert list(drawn.paths) == sorted(drawn.paths)
    assert {part for _, part, *_ in fields} == set(PARTS)
    for half, patients in (("train", range(1, 19)), ("valid", range(19, 25))):
        own = [row for row in fields if row[0] == half]
        assert {int(patient) for _, _, patient, *_ in own} == set(patients)
        assert {part for _, part, *_ in own} == set(PARTS)
    for names in studies(drawn).values():
        assert [int(name[-5]) for name in names] == list(range(1, len(names) + 1))
        assert len(names) <= 4
    assert 0.3 < np.mean([name.endswith("positive") for name in studies(drawn)]) < 0.6


def test_films_differ_in_size_and_shape(drawn):
    shapes = np.array([image.shape for image in drawn.images])
    assert shapes.max() <= 256
    assert shapes.max(axis=1).min() >= 176
    ratios = shapes[:, 0] / shapes[:, 1]
    assert ratios.min() < 1
    assert ratios.max() > 2
    assert len({image.shape for image in drawn.images}) > 0.9 * len(drawn)


def test_same_study_name_under_two_body_parts_on_both_sides(drawn):
    """The trap: a study found by patient and name alone is another body part's study as well."""
    parts = defaultdict(set)
    for study in studies(drawn):
        half, part, patient, name = study.split("/")
        parts[half, patient, name].add(part)
    for half in ("train", "valid"):
        twice = [key for key, found in parts.items() if len(found) > 1 and key[0] == half]
        assert {name for *_, name in twice} == {"study1_positive", "study1_negative"}


def test_some_patients_have_a_normal_and_an_abnormal_study_of_one_part(drawn):
    labels = defaultdict(set)
    for study in studies(drawn):
        *part_and_patient, name = study.split("/")
        labels[tuple(part_and_patient)].add(name)
    assert {"study1_positive", "study2_negative"} in labels.values()


def test_truth_is_of_abnormal_studies_and_lies_on_the_film(drawn):
    assert {lesion.kind for lesion in drawn.truth.values()} == {"fracture", "implant"}
    for path, image in zip(drawn.paths, drawn.images, strict=True):
        if path in drawn.truth:
            x0, y0, x1, y1 = drawn.truth[path].box
            assert "_positive/" in path
            assert 0 <= x0 < x1 <= image.shape[1]
            assert 0 <= y0 < y1 <= image.shape[0]
            assert (x1 - x0) * (y1 - y0) < 0.25 * image.size
    shown = {study: sum(name in drawn.truth for name in names) for study, names in studies(drawn).items()}
    positive = {study for study in shown if study.endswith("positive")}
    assert min(shown[study] for study in positive) == 1
    assert any(shown[study] == 1 < len(studies(drawn)[study]) for study in positive)  # only one view shows it
    assert any(shown[study] == len(studies(drawn)[study]) > 1 for study in positive)


def test_same_seed_same_films(drawn, small):
    def digest(found: XrayPhantoms) -> str:
        return hashlib.sha256(b"".join(image.tobytes() for image in found.images) + repr(found).encode()).hexdigest()

    assert digest(small) == digest(draw(8, seed=0))
    assert digest(small) != digest(draw(8, seed=1))


# --- files


def test_folder_and_zip_have_the_same_files_and_bytes(small, tmp_path):
    write(small, tmp_path / "new" / "folder")
    for name in ("a.zip", "b.zip"):
        write(small, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    top = tmp_path / "new" / "folder"
    files = {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert all(name.startswith("MURA-v1.1/") for name in files)
    images = [Image.open(io.BytesIO(data)) for name, data in files.items() if name.endswith(".png")]
    assert {(image.mode, image.text["Comment"]) for image in images} == {("L", TITLE)}
    assert len(images) == len(small)
    lists = {name.removeprefix("MURA-v1.1/"): data.decode() for name, data in files.items() if name.endswith(".csv")}
    listed = (lists["train_image_paths.csv"] + lists["valid_image_paths.csv"]).splitlines()
    assert listed == [f"MURA-v1.1/{path}" for path in small.paths]
    labelled = (lists["train_labeled_studies.csv"] + lists["valid_labeled_studies.csv"]).splitlines()
    assert labelled == [f"MURA-v1.1/{s}/,{int(s.endswith('positive'))}" for s in studies(small)]
    table = list(csv.DictReader(io.StringIO(lists["truth.csv"])))
    assert [row["path"] for row in table] == [f"MURA-v1.1/{path}" for path in small.truth]
    assert [row["kind"] for row in table] == [lesion.kind for lesion in small.truth.values()]


def test_the_archive_is_the_same_on_windows(small, tmp_path, monkeypatch):
    write(small, tmp_path / "here.zip")
    monkeypatch.setattr(sys, "platform", "win32")  # what zipfile looks at
    write(small, tmp_path / "there.zip")
    assert (tmp_path / "here.zip").read_bytes() == (tmp_path / "there.zip").read_bytes()


@pytest.mark.parametrize("name", ["cut.zip", "cut"])
def test_nothing_half_written_is_left(small, tmp_path, name):
    def stop(what, done, total, unit):
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(small, tmp_path / name, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(small, tmp_path):
    told = []
    write(small, tmp_path / "a", progress=lambda *args: told.append(args))
    assert told[-1] == ("Writing X-ray phantoms", len(small), len(small), "images")


def test_bad_input_is_refused(drawn, tmp_path):
    with pytest.raises(ValueError, match=r"at least 8 patients, 2 of them for validation\. Got 7\."):
        draw(7)
    with pytest.raises(ValueError, match=r"A seed is 0 or a positive whole number\. Got -1\."):
        draw(8, seed=-1)
    with pytest.raises(ValueError, match="exists: remove it or choose another"):
        write(drawn, tmp_path)


# --- the data set


@pytest.fixture
def few_patients(monkeypatch):
    monkeypatch.setattr(xrays, "PATIENTS", 8)


def test_the_data_set_is_drawn_once_and_cut_as_published(few_patients):
    told: list[list] = [[], []]
    first, again = (xrays.load(progress=lambda *args, own=own: own.append(args), size=64) for own in told)
    assert ("Drawing X-ray phantoms", 8, 8, "patients") in told[0]
    assert told[0][-1] == ("preparing films", len(first.dataset), len(first.dataset), "images")
    assert told[1] == []
    assert first.identity == again.identity
    assert first.dataset.source is xrays.CARD
    assert "synthetic" in first.dataset.name
    assert set(first.dataset.groups[np.char.startswith(first.dataset.ids, "valid/")]) == {7, 8}
    assert xrays.SPLIT in SPLITS
    assert first.dataset.inputs.pixels.shape[1:] == (1, 64, 64)


def test_the_identity_is_of_the_drawing_not_of_the_packing(few_patients, monkeypatch, tmp_path, small):
    """Another zlib makes other files of the same pixels."""
    here = xrays.load(size=64)
    assert here.identity == f"xrays 8 patients seed 0 version {xrays.VERSION} size 64"
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path))
    path = xrays._folder() / "MURA-phantoms.zip"
    write(small, path)
    repack(path)
    there = xrays.load(size=64)
    assert (there.dataset.inputs.pixels == here.dataset.inputs.pixels).all()
    assert there.identity == here.identity


def repack(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            if name.endswith(".png"):
                file = io.BytesIO()
                Image.open(io.BytesIO(data)).save(file, "PNG", compress_level=9)
                data = file.getvalue()
            archive.writestr(name, data)


def test_a_full_disk_says_what_to_do(few_patients, monkeypatch, tmp_path):
    """By a limit on the size of a file, which needs no root."""
    resource = pytest.importorskip("resource")
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (99_999, hard))
    try:
        with pytest.raises(DataError, match=r"no room for MURA-phantoms\.zip: more bytes are needed in .* LAYERSCOPE_"):
            xrays.load(size=64)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in xrays._folder().iterdir() if not file.name.endswith(".lock")] == []


@pytest.mark.parametrize("name", ["xrays", "phantoms"])
def test_of_what_is_drawn_there_is_nothing_to_verify(name):
    assert verify(name, None, silent) == f"{DATASETS[name].CARD.title}: drawn on the spot, nothing to verify."
    with pytest.raises(DataError, match=f"{name} are drawn, not read from a file. Leave out --data"):
        verify(name, Path("x"), silent)


def test_truth_is_in_the_pixels_of_the_loaded_images(few_patients, small):
    """A box drawn into the film as written is, on the square, where `truth` says."""
    dataset, truth, original = xrays.load(size=96).dataset, xrays.truth(size=96), small
    assert set(truth) == set(original.truth)
    shape = {path: image.shape for path, image in zip(original.paths, original.images, strict=True)}
    for path, lesion in truth.items():
        bright = np.zeros(shape[path], np.uint8)
        x0, y0, x1, y1 = original.truth[path].box
        bright[y0:y1, x0:x1] = 255
        ys, xs = np.nonzero(squared(bright, 96) > 127)
        assert abs(np.array(lesion.box) - (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)).max() <= 1
        assert lesion.kind == original.truth[path].kind
        assert dataset.targets[dataset.ids.tolist().index(path)] == 1


def test_implants_are_bright_where_the_truth_says(few_patients):
    dataset, truth = xrays.load(size=128).dataset, xrays.truth(size=128)
    row = {name: i for i, name in enumerate(dataset.ids)}
    brighter = []
    for path, lesion in truth.items():
        if lesion.kind == "implant":
            x0, y0, x1, y1 = lesion.box
            pixels = dataset.inputs.pixels[row[path], 0]
            brighter.append(int(pixels[y0:y1, x0:x1].max()) > np.percentile(pixels, 99))
    assert np.mean(brighter) > 0.8


def test_a_path_is_refused():
    with pytest.raises(DataError, match=r"drawn, not read from a file\. Leave out --data \(got x\)"):
        xrays.load(Path("x"))
    assert xray_phantoms.LICENSE.startswith("CC0")
