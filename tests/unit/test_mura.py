"""MURA's loader, on X-ray phantoms in MURA's layout; and the published split."""

import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import toy_images
from PIL import Image

from layerscope.data import DATASETS, mura, mura_lists
from layerscope.data.mura_lists import LISTS, listed_images
from layerscope.data.splits import published
from layerscope.data.square import squared
from layerscope.data.xray_phantoms import XrayPhantoms, draw, write
from layerscope.main_job import verify
from layerscope.progress import silent
from layerscope.source import DataError


@pytest.fixture(scope="module")
def drawn() -> XrayPhantoms:
    return draw(14, seed=7)


@pytest.fixture(scope="module")
def written(drawn, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("written") / "films"
    write(drawn, path)
    return path


@pytest.fixture
def copy(written, tmp_path) -> Path:
    """A copy of MURA-v1.1 to be spoilt."""
    return Path(shutil.copytree(written / "MURA-v1.1", tmp_path / "MURA-v1.1"))


def edit(copy: Path, name: str, old: str, new: str) -> None:
    text = (copy / name).read_text()
    assert old in text
    (copy / name).write_text(text.replace(old, new, 1))


def lines(copy: Path, name: str) -> list[str]:
    return (copy / name).read_text().splitlines()


# --- what is loaded


def test_columns(drawn, written):
    loaded = mura.load(written, size=64)
    d = loaded.dataset
    assert d.ids.tolist() == list(drawn.paths)
    assert d.inputs.pixels.shape == (len(drawn), 1, 64, 64)
    for i, path in enumerate(drawn.paths):
        half, part, patient, study, _ = path.split("/")
        assert d.groups[i] == int(patient[-5:])
        assert d.cases[i] == f"{half}/{part}/{patient}/{study}"
        assert d.strata[i] == part[3:]
        assert d.targets[i] == study.endswith("positive")
        np.testing.assert_array_equal(d.inputs.pixels[i, 0], squared(drawn.images[i], 64))
    assert d.classes == ("normal", "abnormal")
    assert (d.source, loaded.grouping, loaded.skipped) == (mura.CARD, None, ())
    studies, patients = len(set(d.cases)), len(set(d.groups))
    assert loaded.origin == f"films ({studies} studies of {patients} patients, laid on 64 × 64 pixels)"


def test_a_case_is_of_one_body_part_and_a_study_name_is_not(written):
    """PITFALLS: images found by patient and study name alone are those of several body parts."""
    d = mura.load(written, size=64).dataset
    by_name = np.array([f"{group} {case.rpartition('/')[2]}" for group, case in zip(d.groups, d.cases, strict=True)])
    assert max(len(set(d.strata[by_name == name])) for name in set(by_name)) == 2
    assert max(len(set(d.strata[d.cases == case])) for case in set(d.cases)) == 1
    for name in set(by_name):
        assert len(set(d.targets[by_name == name].tolist())) == 1  # and nothing looks wrong


def test_zip_is_as_good_as_folder(written, tmp_path):
    write_junk = {"__MACOSX/MURA-v1.1/._image1.png": b"junk", "MURA-v1.1/.DS_Store": b"junk", "MURA-v1.1/train/": b""}
    with zipfile.ZipFile(tmp_path / "MURA-v1.1.zip", "w") as archive:
        for name, data in write_junk.items():
            archive.writestr(name, data)
        for file in sorted((file for file in written.rglob("*") if file.is_file()), reverse=True):
            archive.writestr(file.relative_to(written).as_posix(), file.read_bytes())
        archive.writestr("__MACOSX/MURA-v1.1/._train_image_paths.csv", b"junk")
    found = [mura.load(path, size=32) for path in (written, written / "MURA-v1.1", tmp_path / "MURA-v1.1.zip")]
    for other in found[1:]:
        assert other.identity == found[0].identity
        assert other.dataset.ids.tolist() == found[0].dataset.ids.tolist()
        assert (other.dataset.inputs.pixels == found[0].dataset.inputs.pixels).all()


def test_prepared_once_for_each_size_and_again_when_the_files_change(copy):
    told = []
    first = mura.load(copy, size=40, progress=lambda *args: told.append(args))
    assert told[-1] == ("preparing films", len(first.dataset), len(first.dataset), "images")
    told.clear()
    assert mura.load(copy, size=40, progress=lambda *args: told.append(args)).identity == first.identity
    assert told == []
    assert mura.load(copy, size=48).identity != first.identity
    image = copy / first.dataset.ids[0]
    Image.fromarray(np.full((30, 20), 200, np.uint8)).save(image)
    again = mura.load(copy, size=40)
    assert again.identity != first.identity
    assert again.dataset.inputs.pixels[0, 0, 20, 20] == 200
    assert again.dataset.inputs.pixels[0, 0, 20, 3] == 0


def test_header_windows_line_ends_and_other_top_folders_are_read_over(copy, written):
    edit(copy, LISTS[0], "", "path\n")
    edit(copy, LISTS[1], "", "\ufeffstudy,label\n")
    for name in LISTS:
        text = (copy / name).read_text().replace("MURA-v1.1/", "")
        (copy / name).write_bytes(text.replace("\n", "\r\n").encode())
    assert listed_images(copy).images == listed_images(written).images
    assert len(mura.load(copy, size=32).dataset) == len(listed_images(written).images)


def test_colour_files_are_read_as_grey(copy):
    ids = listed_images(copy).images
    grey = np.asarray(Image.open(copy / ids[0]))
    Image.fromarray(np.stack([grey] * 3, axis=2)).save(copy / ids[0])
    Image.fromarray(np.full((40, 40, 3), (200, 100, 50), np.uint8)).save(copy / ids[1])
    pixels = mura.load(copy, size=32).dataset.inputs.pixels
    np.testing.assert_array_equal(pixels[0, 0], squared(grey, 32))
    assert (pixels[1] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()


def test_images_beside_the_lists_are_counted(copy):
    first = listed_images(copy).images[0]
    shutil.copy(copy / first, (copy / first).with_name("image9.png"))
    loaded = mura.load(copy, size=32)
    assert loaded.origin.endswith("; 1 image(s) beside the lists were left out")
    assert len(loaded.dataset) == len(listed_images(copy).images)


def test_each_copy_has_its_own_folder(copy, tmp_path):
    other = Path(shutil.copytree(copy, tmp_path / "other"))
    first = listed_images(copy).images[0]
    shutil.copy(copy / first, (copy / first).with_name("image9.png"))
    Image.fromarray(np.full((30, 30), 200, np.uint8)).save(other / first)
    one, two = mura.load(copy, size=32), mura.load(other, size=32)
    told = []
    for path, loaded in ((copy, one), (other, two)):
        again = mura.load(path, size=32, progress=lambda *args: told.append(args))
        assert again.origin == loaded.origin
        assert again.identity == loaded.identity
    assert told == []
    assert "1 image(s) beside the lists" in one.origin
    assert "beside the lists" not in two.origin
    assert (two.dataset.inputs.pixels[0] == 200).all()
    assert not (one.dataset.inputs.pixels[0] == 200).all()


def test_only_images_below_the_folder_of_the_lists_are_read(copy, tmp_path):
    """A stray copy of an image, in a folder or an archive, is no second row and no other image."""
    ids = listed_images(copy).images
    for top in ("copy", "MURA-v1.1", "a/b"):
        stray = copy / top / ids[0]
        stray.parent.mkdir(parents=True)
        Image.fromarray(np.full((30, 30), 200, np.uint8)).save(stray)
    with zipfile.ZipFile(tmp_path / "MURA-v1.1.zip", "w") as archive:
        archive.writestr(ids[0], (copy / "copy" / ids[0]).read_bytes())
        for file in sorted(file for file in copy.rglob("*") if file.is_file()):
            archive.writestr(f"./MURA-v1.1/{file.relative_to(copy).as_posix()}", file.read_bytes())
    for path, strays in ((copy, 3), (tmp_path / "MURA-v1.1.zip", 4)):
        loaded = mura.load(path, size=32)
        assert loaded.dataset.ids.tolist() == ids
        np.testing.assert_array_equal(
            loaded.dataset.inputs.pixels[0, 0], squared(np.asarray(Image.open(copy / ids[0])), 32)
        )
        assert loaded.origin.endswith(f"; {strays} image(s) beside the lists were left out")


def test_verify_reads_every_image_of_the_given_copy_anew(copy):
    """What was prepared earlier proves nothing about the files of today."""
    count = len(mura.load(copy).dataset)
    stat = (copy / listed_images(copy).images[5]).stat()
    said = verify("mura", copy, silent)
    assert said == f"MURA v1.1: MURA-v1.1; no digest to check; all {count} listed images are readable."
    spoilt = copy / listed_images(copy).images[5]
    spoilt.write_bytes(bytes(stat.st_size))  # as many bytes, and not one of them an image
    os.utime(spoilt, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert len(mura.load(copy).dataset) == count
    with pytest.raises(DataError, match="1 of .* listed images cannot be used"):
        verify("mura", copy, silent)
    with pytest.raises(DataError, match=r"Register at https://.*--data"):
        verify("mura", None, silent)


# --- what is refused


def test_without_a_path_it_says_how_to_get_one():
    with pytest.raises(
        DataError, match=r"may not be redistributed.*Register at https://.*--data.*layerscope run xrays"
    ):
        mura.load()
    assert DATASETS["mura"] is mura


def test_missing_and_broken_images_are_named_or_skipped(copy):
    ids = listed_images(copy).images
    (copy / ids[0]).unlink()
    (copy / ids[3]).write_bytes(b"no image")
    message = (
        rf"2 of {len(ids)} listed images cannot be used\.\n  {ids[0]}: missing: listed, but not there\n"
        rf"  {ids[3]}: not an image.*\nGo on without them: --skip-bad\."
    )
    with pytest.raises(DataError, match=message):
        mura.load(copy, size=32)
    loaded = mura.load(copy, skip_bad=True, size=32)
    assert [name for name, _ in loaded.skipped] == [ids[0], ids[3]]
    assert loaded.dataset.ids.tolist() == [name for name in ids if name not in (ids[0], ids[3])]
    with pytest.raises(DataError, match="listed images cannot be used"):  # what was skipped is not forgotten
        mura.load(copy, size=32)


def test_many_missing_images_are_counted(copy):
    shutil.rmtree(copy / "valid")
    ids = [name for name in listed_images(copy).images if name.startswith("valid")]
    with pytest.raises(DataError, match=rf"{len(ids)} of \d+ listed(.*\n){{11}}  and {len(ids) - 10} more\n"):
        mura.load(copy, size=32)
    shutil.rmtree(copy / "train")
    with pytest.raises(DataError, match=r"none of \d+ listed images can be used\. First: train/.*: missing"):
        mura.load(copy, skip_bad=True, size=32)


def test_a_patient_on_both_sides_is_refused(copy):
    row = next(row for row in lines(copy, LISTS[2]) if row.endswith("image1.png"))
    patient = row.split("/")[3]
    other = row.replace(patient, "patient00001")
    for name, text in ((LISTS[2], other), (LISTS[3], f"{other.rpartition('/')[0]}/,{int('positive' in other)}")):
        (copy / name).write_text(f"{text}\n" + (copy / name).read_text())
    with pytest.raises(DataError, match=r"1 patient in train and in valid.*\n  patient00001$"):
        mura.load(copy, size=32)


def test_labels_must_be_those_of_the_paths(copy):
    study = next(row for row in lines(copy, LISTS[1]) if row.endswith("_positive/,1"))
    edit(copy, LISTS[1], study, study[:-1] + "0")
    with pytest.raises(
        DataError, match=r"the label of 1 study in train_labeled_studies.csv is not the one in the path"
    ):
        mura.load(copy, size=32)


def test_studies_need_labels_and_images(copy, written):
    row = lines(copy, LISTS[1])[0]
    edit(copy, LISTS[1], row + "\n", "")
    with pytest.raises(DataError, match=r"1 study with images but without a label:\n  train/XR_"):
        mura.load(copy, size=32)
    shutil.copy(written / "MURA-v1.1" / LISTS[1], copy)
    study = row.split(",")[0]
    kept = [row for row in lines(copy, LISTS[0]) if not row.startswith(study)]
    (copy / LISTS[0]).write_text("\n".join(kept))
    with pytest.raises(DataError, match="1 study with a label but without images"):
        mura.load(copy, size=32)


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        (LISTS[0], "MURA-v1.1/train/XR_WRIST/../image1.png", r"train_image_paths.csv, line 2, is none of MURA v1\.1's"),
        (LISTS[0], "MURA-v1.1/train/XR_KNEE/patient00001/study1_positive/image1.png", "line 2, is none of"),
        (LISTS[2], "MURA-v1.1/train/XR_WRIST/patient00001/study1_positive/image1.png", "line 2, is none of"),
        (LISTS[1], "MURA-v1.1/train/XR_WRIST/patient00001/study1_positive/", "line 2, is none of"),
        (LISTS[0], '"MURA-v1.1/train/XR_WRIST' + "x" * 140_000, "line 2, is none of"),  # a quote never closed
    ],
)
def test_lines_that_are_not_muras_are_refused(copy, name, line, message):
    first = lines(copy, name)[0]
    edit(copy, name, first, f"{first}\n{line}")
    with pytest.raises(DataError, match=message):
        mura.load(copy, size=32)


def test_a_malformed_first_line_is_no_header(copy):
    edit(copy, LISTS[0], "MURA-v1.1/train/XR_", "MURA-v1.1/trian/XR_")
    with pytest.raises(DataError, match=r"train_image_paths\.csv, line 1, is none of MURA v1\.1's: 'MURA-v1\.1/trian/"):
        mura.load(copy, size=32)


def test_a_damaged_list_in_an_archive_is_refused(written, tmp_path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in LISTS:
            archive.write(written / "MURA-v1.1" / name, name)
    start = path.read_bytes().index(LISTS[0].encode()) + len(LISTS[0])
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 20)
    with pytest.raises(DataError, match=r"bad\.zip is not a readable \.zip: Error -3 while decompressing"):
        mura.load(path, size=32)


def test_a_list_too_large_is_refused_and_not_cut(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(mura_lists, "LARGEST", (copy / LISTS[0]).stat().st_size - 1)
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        for name in LISTS:
            archive.write(copy / name, name)
    for path in (copy, tmp_path / "large.zip"):
        with pytest.raises(DataError, match=r"train_image_paths\.csv has more than [\d,]+ bytes\. MURA's largest"):
            mura.load(path, size=32)


def test_lists_in_two_folders_are_refused(copy):
    (copy / "more").mkdir()
    (copy / LISTS[0]).rename(copy / "more" / LISTS[0])
    with pytest.raises(DataError, match=r"its lists are needed in one folder, found in .* and more/\."):
        mura.load(copy, size=32)


def test_lines_twice_and_empty_lists_are_refused(copy):
    first = lines(copy, LISTS[0])[0]
    edit(copy, LISTS[0], first, f"{first}\n{first}")
    with pytest.raises(DataError, match=r"train_image_paths\.csv, line 2: train/.*image1\.png is listed twice\."):
        mura.load(copy, size=32)
    (copy / LISTS[0]).write_text("path\n")
    with pytest.raises(DataError, match=r"train_image_paths\.csv lists nothing\."):
        mura.load(copy, size=32)


def test_what_is_not_mura_is_refused(copy, tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        mura.load(tmp_path / "nowhere")
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(DataError, match=r"is not a readable \.zip: .* Give MURA-v1\.1\.zip or its unpacked folder"):
        mura.load(tmp_path / "text")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"train_image_paths\.csv is needed once.*not found among no \.csv file"):
        mura.load(tmp_path / "empty")
    shutil.copytree(copy, copy / "again")
    with pytest.raises(DataError, match=r"is needed once, in it or in the one folder in it; found 2"):
        mura.load(copy)
    with pytest.raises(DataError, match=r"8 pixels a side or more\. Got 4\."):
        mura.load(copy, size=4)


def test_names_that_lead_out_of_the_archive_are_refused(written, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for file in written.rglob("*.csv"):
            archive.writestr(file.relative_to(written).as_posix(), file.read_bytes())
        archive.writestr("../../evil.png", b"")
    with pytest.raises(DataError, match="not a safe name"):
        mura.load(tmp_path / "bad.zip", size=32)
    assert not (tmp_path.parent / "evil.png").exists()


def test_a_folder_that_is_not_ours_is_not_overwritten(written, tmp_path):
    mura.read(written, tmp_path / "cache", mura.CARD, size=32)
    (folder,) = (tmp_path / "cache").glob("prepared-32-*[!k]")  # not its .lock
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is not a folder of prepared images; it is not overwritten"):
        mura.read(written, tmp_path / "cache", mura.CARD, size=32)
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_nothing_is_left_of_what_was_not_finished(written, tmp_path):
    def stop(what, done, total, unit):
        if what == "preparing films" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mura.read(written, tmp_path / "cache", mura.CARD, progress=stop, size=32)
    assert [file.name for file in (tmp_path / "cache").iterdir() if not file.name.endswith(".lock")] == []


# --- the published split


def test_the_published_split(written):
    d = mura.load(written, size=32).dataset
    parts = published(d, seed=0)
    assert list(parts) == ["train", "val", "test"]
    assert sorted(np.concatenate([part.ids for part in parts.values()])) == sorted(d.ids)
    assert all(name.startswith("valid/") for name in parts["test"].ids)
    assert not any(name.startswith("valid/") for name in [*parts["train"].ids, *parts["val"].ids])
    assert not set(parts["train"].groups) & set(parts["val"].groups)
    assert 0.05 < len(parts["val"]) / (len(parts["train"]) + len(parts["val"])) < 0.25
    again, other = published(d, seed=0), published(d, seed=1)
    assert parts["val"].ids.tolist() == again["val"].ids.tolist()
    assert parts["val"].ids.tolist() != other["val"].ids.tolist()
    assert parts["test"].ids.tolist() == other["test"].ids.tolist()


def test_the_published_split_needs_published_halves(toy, written):
    with pytest.raises(
        ValueError, match=r"begin with 'valid/' and others\. toy has 0 of 96\. Take another split: blocks"
    ):
        published(toy, seed=0)
    valid = replace(toy, ids=np.char.add("valid/", toy.ids))
    with pytest.raises(ValueError, match=r"toy has 96 of 96"):
        published(valid, seed=0)


def test_the_published_split_refuses_groups_on_both_sides():
    toy = toy_images(24)
    ids = np.array([f"valid/{i}" if i >= 13 else f"train/{i}" for i in range(24)])  # group 4 holds rows 12 to 14
    with pytest.raises(ValueError, match=r"toy: 1 group\(s\) on both sides of the published split, the first 4\."):
        published(replace(toy, ids=ids), seed=0)
