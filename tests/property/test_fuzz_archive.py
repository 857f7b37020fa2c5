"""Damaged archives and images: read in full, or refused with one kind of error. Never anything else."""

import gzip
import io
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from layerscope.archive import Limits, members
from layerscope.data.decode import BadImage, decode
from layerscope.source import DataError

FILES = {
    "top/a/1.bin": b"one",
    "top/b/2.bin": bytes(range(256)) * 3,
    "top/é" + "l" * 120: b"long name",  # needs an extra header
    "top/c/empty": b"",
}
LIMITS = Limits(members=50, member_bytes=100_000, total_bytes=300_000, name_length=300)
FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def tar(format: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as archive:
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zipped(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    return file.getvalue()


def packed(pixels: np.ndarray, format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


PAX, GNU = tar(tarfile.PAX_FORMAT), tar(tarfile.GNU_FORMAT)
CHECKED = {  # every byte of the files is under a checksum, so what is read is right
    "tar.gz": gzip.compress(PAX, mtime=0),
    "zip, deflated": zipped(zipfile.ZIP_DEFLATED),
    "zip, stored": zipped(zipfile.ZIP_STORED),
    "zip, bzip2": zipped(zipfile.ZIP_BZIP2),
    "zip, lzma": zipped(zipfile.ZIP_LZMA),
}
ARCHIVES = CHECKED | {"tar, pax": PAX, "tar, GNU": GNU}
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 17, 3), np.uint8)
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
IMAGES = {format: packed(PIXELS, format) for format in FORMATS} | {"grey JPEG": packed(PIXELS[..., 0], "JPEG")}

place = st.floats(0, 1, exclude_max=True)
change = st.one_of(
    st.tuples(st.just("flip"), place, st.integers(0, 7)),
    st.tuples(st.just("cut"), place, st.none()),
    st.tuples(st.just("drop"), place, st.integers(1, 600)),
    st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("overwrite"), place, st.one_of(st.binary(min_size=1, max_size=20), st.just(bytes(512)))),
    st.tuples(st.just("repeat"), place, st.integers(1, 2000)),
)
changes = st.lists(change, min_size=1, max_size=3)


def changed(data: bytes, changes: list) -> bytes:
    for kind, where, what in changes:
        at = int(where * len(data))
        head, tail = data[:at], data[at:]
        if kind == "flip" and tail:
            data = head + bytes([tail[0] ^ 1 << what]) + tail[1:]
        elif kind == "cut":
            data = head
        elif kind == "drop":
            data = head + tail[what:]
        elif kind == "insert":
            data = head + what + tail
        elif kind == "overwrite":
            data = head + what + tail[len(what) :]
        elif kind == "repeat":
            data = head + tail[:what] + tail
    return data


def read(path: Path, data: bytes) -> dict[str, bytes] | None:
    """None if refused."""
    path.write_bytes(data)
    try:
        found = list(members(path, limits=LIMITS))
    except DataError:
        return None
    assert found
    assert len(dict(found)) == len(found) <= LIMITS.members
    assert sum(len(data) for _, data in found) <= LIMITS.total_bytes
    for name, _ in found:
        assert ".." not in name.split("/")
        assert not re.match(r"/|[A-Za-z]:", name)
        assert "\\" not in name
    return dict(found)


@pytest.mark.parametrize("kind", ARCHIVES)
@FUZZ
@given(changes=changes)
@example(changes=[("cut", 0.0, None)])
@example(changes=[("flip", 0.5, 0)])
def test_a_damaged_archive_is_read_in_full_or_refused(tmp_path, kind, changes):
    found = read(tmp_path / "x", changed(ARCHIVES[kind], changes))
    if found is not None and kind in CHECKED:
        assert set(found.values()) <= set(FILES.values())
    if found is not None and kind == "tar.gz":
        assert found == FILES


FIELDS = {"name": (0, 100), "size": (124, 136), "kind": (156, 157), "magic": (257, 265), "prefix": (345, 500)}


@pytest.mark.parametrize("archive", [PAX, GNU], ids=["pax", "GNU"])
@FUZZ
@given(
    block=st.integers(0, len(PAX) // 512 - 1),
    field=st.sampled_from(sorted(FIELDS)),
    value=st.one_of(
        st.binary(min_size=1, max_size=12),
        st.sampled_from(
            [b"x", b"g", b"L", b"K", b"1", b"2", b"5", b"S", b"../../x\0", b"/x\0", b"7" * 11, b"\x80" + b"\xff" * 11]
        ),
        st.sampled_from([b"\xff" * 12, b"-0000000001\0", b"\x80" + bytes(10) + b"\7", b"00000000000\0", b"9" * 11]),
    ),
)
def test_a_forged_header_with_a_right_checksum_is_read_or_refused(tmp_path, archive, block, field, value):
    header = bytearray(archive[block * 512 : block * 512 + 512])
    start, end = FIELDS[field]
    value = value[: end - start]
    header[start : start + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    read(tmp_path / "x", archive[: block * 512] + header + archive[block * 512 + 512 :])


@FUZZ
@given(record=st.one_of(st.binary(max_size=80), st.from_regex(rb"\d{1,5} (path|size|GNU.sparse.name)=[^\n]{0,9}\n")))
def test_a_forged_pax_record_is_read_or_refused(tmp_path, record):
    info = tarfile.TarInfo("extra")
    info.type, info.size = b"x", len(record)
    extra = info.tobuf(tarfile.GNU_FORMAT) + (record.ljust(512, b"\0") if record else b"")
    read(tmp_path / "x", extra + GNU)


@FUZZ
@given(
    data=st.binary(max_size=2000),
    start=st.sampled_from([b"", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0", b"PK\3\4", b"PK\5\6"]),
)
def test_any_bytes_are_read_or_refused(tmp_path, data, start):
    read(tmp_path / "x", start + data)


@pytest.mark.parametrize("kind", IMAGES)
@FUZZ
@given(changes=changes)
def test_a_damaged_image_is_read_or_refused(kind, changes):
    channels = 1 if kind == "grey JPEG" else 3
    try:
        pixels = decode(changed(IMAGES[kind], changes), channels, (24, 17))
    except BadImage:
        return
    assert pixels.shape == (channels, 24, 17)
    assert pixels.dtype == np.uint8
