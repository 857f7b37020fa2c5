"""From an archive to the memory-mapped array: right rows, nothing silent, nothing half-written."""

import csv
import gzip
import hashlib
import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layerscope.data import threads
from layerscope.data.imagefolder import prepare
from layerscope.data.once import make_once
from layerscope.data.prepared import Skipped, Table, open_prepared, save_table
from layerscope.source import DataError

RNG = np.random.default_rng(0)


def image(format: str = "JPEG", size: tuple[int, int] = (8, 12), channels: int = 1) -> bytes:
    pixels = RNG.integers(0, 256, (*size, channels), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, format)
    return file.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    read = np.asarray(Image.open(io.BytesIO(data)))
    return read.reshape(*read.shape[:2], -1).transpose(2, 0, 1)


def some(classes: tuple[str, ...] = ("cat", "Dog", "a b"), each: int = 7) -> dict[str, bytes]:
    """Files in an order that is not the sorted one, numbers without leading zeros."""
    names = [f"top/{label}/{number}.jpeg" for number in range(6, 6 + each) for label in classes]
    return {name: image() for name in names}


def tar(path: Path, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in folders:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def unpacked(path: Path, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    for name in (*files, *(f"{name}/x" for name in folders)):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def zipped(path: Path, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**{f"{name}/": b"" for name in folders}, **files}.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=[tar, zipped, unpacked])
def pack(request, tmp_path):
    return lambda files, folders=(): request.param(tmp_path / "packed", files, folders)


@pytest.fixture
def into(tmp_path):
    return tmp_path / "cache" / "prepared"


def left(into: Path) -> set[str]:
    return {path.name for path in into.parent.glob("*")} - {"prepared.lock"}


def as_imagefolder(files: dict[str, bytes]) -> list[str]:
    """The order of torchvision's ImageFolder: sorted classes, then each one's sorted file names."""
    classes: dict[str, list[str]] = {}
    for name in files:
        label, file = name.split("/")[-2:]
        classes.setdefault(label, []).append(file)
    return [f"{label}/{file}" for label in sorted(classes) for file in sorted(classes[label])]


# the right rows


@pytest.mark.parametrize("top", ["top/", "./top/", ""])
def test_every_row_is_the_image_of_its_name(tmp_path, into, pack, top):
    files = {top + name.removeprefix("top/"): data for name, data in some().items()}
    found = prepare(pack(files), into)
    assert found.names.tolist() == as_imagefolder(files)
    assert found.classes == ("Dog", "a b", "cat")
    assert found.pixels.shape == (21, 1, 8, 12)
    for row, name in enumerate(found.names):
        data = files[top + name]
        np.testing.assert_array_equal(found.pixels[row], pixels_of(data))
        assert found.digests[row].tobytes() == hashlib.sha256(data).digest()
        assert found.classes[found.targets[row]] == name.split("/")[0]
    assert left(into) == {"prepared"}


def test_rows_written_in_order_need_no_second_file(tmp_path, into, monkeypatch):
    files = some(each=3)
    ordered = {f"top/{name}": files[f"top/{name}"] for name in as_imagefolder(files)}
    monkeypatch.setattr(Path, "replace", None)  # what puts the second file in place of the first
    found = prepare(tar(tmp_path / "x", ordered), into)
    for row, name in enumerate(found.names):
        np.testing.assert_array_equal(found.pixels[row], pixels_of(files[f"top/{name}"]))


@pytest.mark.parametrize(("rows", "size"), [(1, 4 << 20), (4, 4 << 20), (256, 1), (256, 2000)])
def test_batches_make_no_difference(tmp_path, into, monkeypatch, rows, size):
    files = some()
    monkeypatch.setattr(threads, "BATCH_ITEMS", rows)
    monkeypatch.setattr(threads, "BATCH_BYTES", size)
    found = prepare(tar(tmp_path / "x", files), into, size=None if rows == 1 else (8, 12))
    assert found.names.tolist() == as_imagefolder(files)
    np.testing.assert_array_equal(found.pixels[20], pixels_of(files[f"top/{found.names[20]}"]))


def test_colour_and_other_formats(tmp_path, into):
    files = {f"a/{format}": image(format, channels=3) for format in ("JPEG", "PNG", "BMP", "TIFF")}
    found = prepare(tar(tmp_path / "x", files), into, channels=3)
    assert found.pixels.shape == (4, 3, 8, 12)
    for row, name in enumerate(found.names):
        np.testing.assert_array_equal(found.pixels[row], pixels_of(files[name]))


def test_numpy_alone_can_open_it(tmp_path, into):
    found = prepare(tar(tmp_path / "x", some()), into)
    np.testing.assert_array_equal(np.load(into / "pixels.npy", mmap_mode="r", allow_pickle=False), found.pixels)
    with np.load(into / "table.npz", allow_pickle=False) as table:
        assert table["names"].tolist() == found.names.tolist()
        assert table["classes"].tolist() == list(found.classes)
    assert json.loads((into / "skipped.json").read_text()) == []


def test_what_is_written_to_the_pixels_never_reaches_the_file(tmp_path, into):
    found = prepare(tar(tmp_path / "x", some()), into)
    before = found.pixels.copy()
    found.pixels[:] = 0
    np.testing.assert_array_equal(open_prepared(into).pixels, before)


def test_helper_files_beside_the_class_folders_are_ignored(pack, into):
    extra = {"README": b"x", "top/LICENSE.txt": b"x", "top/labels.csv": b"a,b"}
    found = prepare(pack({**some(), **extra}), into)
    assert len(found.names) == 21
    assert found.skipped == ()


# bad files

BAD = {
    "top/cat/cut.jpeg": image()[:-40],
    "top/cat/notes.txt": b"not an image",
    "top/Dog/wide.png": image("PNG", (8, 13)),
    "top/Dog/colour.png": image("PNG", channels=3),
    "top/cat/empty.jpeg": b"",
    "top/stray.png": image("PNG"),
    "top/broken.png": b"\x89PNG\r\n\x1a\n",
    "top/cat/deep/er.png": image("PNG"),
}
CAUSES = {
    "top/cat/cut.jpeg": "damaged: image file is truncated",
    "top/cat/notes.txt": "not an image",
    "top/Dog/wide.png": "8 × 13 pixels (height × width), 8 × 12 are needed",
    "top/Dog/colour.png": "a colour image, grey is needed",
    "top/cat/empty.jpeg": "an empty file (0 bytes)",
    "top/stray.png": "not in the folder of a class",
    "top/broken.png": "not an image",
    "top/cat/deep/er.png": "not in the folder of a class",
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_file_is_named_with_its_cause(tmp_path, into, name):
    archive = tar(tmp_path / "x", {**some(), name: BAD[name]})
    with pytest.raises(DataError) as error:
        prepare(archive, into)
    assert f"{archive}: 1 of 22 files cannot be used.\n  {name}: {CAUSES[name]}" in str(error.value)
    assert str(error.value).endswith("Go on without them: --skip-bad.")
    assert left(into) == set()


def test_skip_bad_goes_on_and_lists_every_one(pack, into):
    archive = pack({**BAD, **some()})
    found = prepare(archive, into, size=(8, 12), skip_bad=True)
    assert found.names.tolist() == as_imagefolder(some())
    assert {name: cause[: len(CAUSES[name])] for name, cause in found.skipped} == CAUSES
    assert open_prepared(into).skipped == found.skipped
    assert isinstance(found.skipped[0], Skipped)
    assert [row["name"] for row in json.loads((into / "skipped.json").read_text())] == sorted(BAD)


def test_many_bad_files_are_counted_and_ten_are_shown(tmp_path, into):
    bad = {f"top/cat/bad{number:03}.jpeg": b"x" for number in range(1234)}
    with pytest.raises(DataError) as error:
        prepare(tar(tmp_path / "x", {**bad, **some()}), into)
    text = str(error.value)
    assert "1,234 of 1,255 files cannot be used" in text
    assert "bad009" in text
    assert "bad010" not in text
    assert "and 1,224 more" in text


def test_bad_files_before_the_first_good_one_do_not_set_the_size(tmp_path, into):
    files = {"top/cat/0": b"x", "top/cat/1": image("PNG", (9, 9), channels=3), **some()}
    assert prepare(tar(tmp_path / "x", files), into, skip_bad=True).pixels.shape == (21, 1, 8, 12)


# bad archives


def test_a_class_without_images_is_named(pack, into):
    with pytest.raises(DataError, match="no image for 'Empty'; found 'Dog', 'a b', 'cat'"):
        prepare(pack(some(), folders=("top/Empty",)), into)
    assert left(into) == set()


def test_a_class_with_only_bad_files_is_named_even_if_they_are_skipped(tmp_path, into):
    with pytest.raises(DataError, match="no image for 'bird'; found"):
        prepare(tar(tmp_path / "x", {**some(), "top/bird/1.jpeg": b"x"}), into, skip_bad=True)


def test_wanted_classes_must_be_there_and_no_others(tmp_path, into):
    archive = tar(tmp_path / "x", some())
    with pytest.raises(DataError, match="no image for 'bird', 'cow'; found 'Dog', 'a b', 'cat'"):
        prepare(archive, into, classes=("cat", "cow", "Dog", "bird", "a b"))
    with pytest.raises(DataError, match="unexpected class 'a b'; 'Dog', 'cat' are needed"):
        prepare(archive, into, classes=("cat", "Dog"))
    assert prepare(archive, into, classes=("cat", "Dog", "a b")).classes == ("Dog", "a b", "cat")
    with pytest.raises(DataError, match="unexpected class 'a b'"):
        prepare(archive, into, classes=("cat", "Dog"))


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "there is no file in it"),
        ({"README": b"x"}, "no image in it"),
        ({"1.png": image("PNG")}, "1 of 1 files cannot be used"),
        (
            {"a/b/c/1.png": image("PNG")},
            "not in the folder of a class: <class>/<file> or <top>/<class>/<file> is needed",
        ),
        ({"one/a/1.png": image("PNG"), "two/a/1.png": image("PNG")}, "2 of 2 files cannot be used"),
        ({"../a/1.png": image("PNG")}, "not a safe name"),
    ],
)
def test_an_archive_of_another_kind_is_refused(tmp_path, into, files, complaint):
    with pytest.raises(DataError, match=complaint):
        prepare(tar(tmp_path / "x", files), into)
    assert left(into) == set()


def test_an_archive_that_is_cut_or_missing_leaves_nothing(tmp_path, into):
    archive = tar(tmp_path / "x", some())
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(DataError, match="may be damaged or cut"):
        prepare(archive, into)
    with pytest.raises(DataError, match="no such file or folder"):
        prepare(tmp_path / "none", into)
    assert left(into) == set()


# made once


def test_made_once_and_again_when_something_changed(tmp_path, into):
    files, archive = some(), tmp_path / "x"
    tar(archive, files)
    first = prepare(archive, into)
    made = (into / "pixels.npy").stat().st_ino
    again = prepare(archive, into)
    assert (into / "pixels.npy").stat().st_ino == made
    np.testing.assert_array_equal(first.pixels, again.pixels)
    prepare(archive, into, size=(8, 12))
    assert (into / "pixels.npy").stat().st_ino != made
    tar(archive, {**files, "top/cat/new.jpeg": image()})
    assert len(prepare(archive, into, size=(8, 12)).names) == 22
    assert prepare(archive, into, size=(8, 12), channels=3).pixels.shape == (22, 3, 8, 12)
    assert left(into) == {"prepared"}


def test_a_change_inside_a_folder_is_noticed(tmp_path, into):
    archive = unpacked(tmp_path / "x", some())
    prepare(archive, into)
    new = image()
    (archive / "top/cat/6.jpeg").write_bytes(new)
    found = prepare(archive, into)
    np.testing.assert_array_equal(found.pixels[found.names.tolist().index("cat/6.jpeg")], pixels_of(new))


def test_what_was_made_with_skip_bad_is_not_taken_without(tmp_path, into):
    archive = tar(tmp_path / "x", {**some(), **BAD})
    prepare(archive, into, skip_bad=True, size=(8, 12))
    with pytest.raises(DataError, match="8 of 29 files cannot be used"):
        prepare(archive, into, size=(8, 12))
    assert len(open_prepared(into).skipped) == 8, "what was there stays"


def edit_format(folder: Path, without: str) -> None:
    record = json.loads((folder / "format.json").read_text())
    del record[without]
    (folder / "format.json").write_text(json.dumps(record))


DAMAGE = {
    "no such folder": lambda folder: shutil.rmtree(folder),
    "no table": lambda folder: (folder / "table.npz").unlink(),
    "cut pixels": lambda folder: os.truncate(folder / "pixels.npy", 500),
    "cut table": lambda folder: os.truncate(folder / "table.npz", 100),
    "no JSON": lambda folder: (folder / "skipped.json").write_text("{"),
    "other JSON": lambda folder: (folder / "format.json").write_text("[]"),
    "format 0 where 1": lambda folder: (folder / "format.json").write_text('{"format": 0}'),
    "no count of what is unlisted": lambda folder: edit_format(folder, "unlisted"),
    "other rows": lambda folder: np.save(folder / "pixels.npy", np.zeros((3, 1, 8, 12), np.uint8)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_refused_and_made_again(tmp_path, into, damage):
    archive = tar(tmp_path / "x", some())
    prepare(archive, into)
    DAMAGE[damage](into)
    with pytest.raises(DataError, match=r"prepared is not a complete prepared data set: .*Delete it"):
        open_prepared(into)
    assert len(prepare(archive, into).names) == 21


def test_a_folder_that_is_not_ours_is_not_overwritten(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("x")
    with pytest.raises(DataError, match="thesis is not a folder of prepared images; it is not overwritten"):
        prepare(tar(tmp_path / "x", some()), tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "x"


def test_what_was_there_comes_back_if_the_new_one_cannot_take_its_place(tmp_path, into):
    archive = tar(tmp_path / "x", some())
    prepare(archive, into)
    with pytest.raises(DataError, match="prepared cannot be written: No such file or directory"):
        make_once(into, {"archive": "another"}, lambda found: True, lambda folder: folder.rmdir())
    assert len(open_prepared(into).names) == 21
    assert left(into) == {"prepared"}


def test_what_a_killed_process_had_moved_away_comes_back_if_no_new_one_can_be_made(tmp_path, into):
    prepare(tar(tmp_path / "x", some()), into)
    into.rename(into.with_name("prepared.old"))  # killed just before the new one took its place
    (tmp_path / "x").write_bytes(b"no archive")
    with pytest.raises(DataError, match="not an archive"):
        prepare(tmp_path / "x", into)
    assert len(open_prepared(into).names) == 21
    assert left(into) == {"prepared"}


def test_what_was_made_from_something_else_is_never_returned(into):
    """As if another process had put it there in the meantime."""

    def fill(folder: Path) -> None:
        np.save(folder / "pixels.npy", np.zeros((1, 1, 8, 12), np.uint8))
        digests = np.zeros((1, 32), np.uint8)
        save_table(folder, Table(np.array([0]), np.array(["a/1"]), digests, ("a",), (), 0), {"archive": "B"})

    with pytest.raises(DataError, match=r"it was made from {'archive': 'B'}, not from {'archive': 'A'}"):
        make_once(into, {"archive": "A"}, lambda found: True, fill)


@pytest.mark.parametrize(("cost", "most"), [(1 << 20, 4), (math.inf, 1), (0, 256)])
def test_batches_are_bounded_by_bytes_and_number_and_so_is_what_waits(cost, most):
    items, taken = list(range(10_000)), []

    def take():
        for item in items:
            taken.append(item)
            yield item

    results = threads.in_batches(take(), lambda item: cost, list)
    first = next(results)
    assert first == items[:most]
    assert len(taken) <= most * (2 * threads.cores() + 1)
    assert sum(results, first) == items


def test_progress_is_told(tmp_path, into):
    seen = []
    archive = tar(tmp_path / "x", some())
    prepare(archive, into, progress=lambda *said: seen.append(said))
    size = archive.stat().st_size
    assert seen[-1] == ("reading x", size, size, "bytes")


# this machine cannot


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written: .*Set LAYERSCOPE_CACHE"):
        prepare(tar(tmp_path / "x", some()), tmp_path / "file" / "prepared")


def test_a_cache_that_is_ready_needs_no_writing(tmp_path, into):
    archive = tar(tmp_path / "x", some())
    prepare(archive, into)
    (into.parent / "prepared.lock").unlink(missing_ok=True)
    (into.parent / "prepared.lock").mkdir()  # so that no lock could be taken
    assert len(prepare(archive, into).names) == 21


def test_a_full_disk_leaves_nothing(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system of 128 KiB needs root on Linux")
    try:
        files = {f"a/{number}.png": image("PNG", (99, 99)) for number in range(40)}
        with pytest.raises(DataError) as error:
            prepare(tar(tmp_path / "x", files), disk / "prepared")
        assert "no room for prepared: more than " in str(error.value)
        assert f" bytes are needed in {disk}, " in str(error.value)
        assert left(disk / "prepared") == set()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_size_limit_leaves_nothing(tmp_path, into):
    """As a full disk, but without needing root."""
    pytest.importorskip("resource")
    files = {f"a/{number}.png": image("PNG", (99, 99)) for number in range(40)}
    code = PROGRAM.replace("said = []", "resource.setrlimit(resource.RLIMIT_FSIZE, (99_999, 99_999)); said = []")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tar(tmp_path / "x", files)), str(into)], capture_output=True, text=True
    )
    assert "DataError: no room for prepared: more than " in done.stderr
    assert left(into) == set()


# more than one process

PROGRAM = """
import resource, sys, time
from pathlib import Path
from layerscope.data.imagefolder import prepare
said = []
def progress(what, *_):
    said.append(what)
found = prepare(Path(sys.argv[1]), Path(sys.argv[2]), progress=progress)
print("made" if any(what.startswith("reading") for what in said) else "found", len(found.names))
"""


def start(archive: Path, into: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(archive), str(into)], stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_makes_it_and_the_other_finds_it(tmp_path, into):
    archive = tar(tmp_path / "x", some(each=400))
    with start(archive, into) as one, start(archive, into) as other:
        said = sorted(process.communicate(timeout=60)[0].splitlines()[-1] for process in (one, other))
    assert said == ["found 1200", "made 1200"]
    assert left(into) == {"prepared"}


def test_what_a_killed_process_left_is_cleared(tmp_path, into):
    archive = tar(tmp_path / "x", some(each=400))
    code = PROGRAM.replace("said.append(what)", "time.sleep(60)")
    command = [sys.executable, "-c", code, str(archive), str(into)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        for _ in range(3000):
            if (into.parent / "prepared.part" / "pixels.npy").exists():
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert "prepared.part" in left(into)
    assert len(prepare(archive, into).names) == 1200
    assert left(into) == {"prepared"}


# the real archive


@pytest.mark.mednist
def test_mednist_agrees_with_its_manifest(tmp_path, mirror):
    """Every name and every digest, and with them all 440 files that are byte-identical to another."""
    archive = mirror / "mednist" / "MedNIST.tar.gz"
    if not archive.with_name("mednist_manifest.csv.gz").is_file():
        pytest.skip("needs mednist_manifest.csv.gz beside the archive")
    with gzip.open(archive.with_name("mednist_manifest.csv.gz"), "rt") as file:
        manifest = {row["path"].removeprefix("MedNIST/"): row["sha256"] for row in csv.DictReader(file)}
    found = prepare(archive, tmp_path / "prepared", size=(64, 64))
    assert found.pixels.shape == (58954, 1, 64, 64)
    assert found.names.tolist() == as_imagefolder({f"MedNIST/{name}": b"" for name in manifest})
    assert [digest.tobytes().hex() for digest in found.digests] == [manifest[name] for name in found.names]
    assert len(found.names) - len(np.unique(found.digests, axis=0)) == 440
    assert np.bincount(found.targets).tolist() == [10000, 8954, 10000, 10000, 10000, 10000]
