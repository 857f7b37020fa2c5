"""Archives from anywhere: the same files out of every kind, and every trick refused by name."""

import gzip
import io
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from layerscope.archive import Limits, Member, entries, members
from layerscope.source import DataError

FILES = {
    "top/a/1.bin": b"one",
    "top/a/2.bin": b"",
    "top/b/ü é 漢.bin": bytes(range(256)) * 7,
    f"top/b/{'long' * 60}.bin": b"long name",
    "top/b/exactly-one-block": bytes(512),
}


def tar(path: Path, files: dict[str, bytes], mode: str = "w", format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=format) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


KINDS = {
    "tar": tar,
    "tar, GNU": lambda path, files: tar(path, files, format=tarfile.GNU_FORMAT),
    "tar.gz": lambda path, files: tar(path, files, "w:gz"),
    "tar.bz2": lambda path, files: tar(path, files, "w:bz2"),
    "tar.xz": lambda path, files: tar(path, files, "w:xz"),
    "zip": zipped,
    "zip, stored": lambda path, files: zipped(path, files, zipfile.ZIP_STORED),
    "zip, bz2": lambda path, files: zipped(path, files, zipfile.ZIP_BZIP2),
    "zip, lzma": lambda path, files: zipped(path, files, zipfile.ZIP_LZMA),
    "folder": folder,
}
ARCHIVES = [kind for kind in KINDS if kind != "folder"]


@pytest.fixture(params=KINDS)
def make(request, tmp_path):
    """Pack files in every kind of archive. The name says nothing: what counts is what is inside."""
    return lambda files: KINDS[request.param](tmp_path / "packed", files)


def read(path: Path, **limits: int) -> dict[str, bytes]:
    return dict(members(path, limits=Limits(**limits)))


def test_every_kind_gives_the_same_files(make):
    assert read(make(FILES)) == FILES


def test_a_folder_comes_in_order_of_names(tmp_path):
    path = folder(tmp_path / "x", {"b/2": b"", "b/10": b"", "a": b"", "B": b""})
    assert [name for name, _ in entries(path)] == ["B", "a", "b/", "b/10", "b/2"]


def test_archives_made_by_other_programs(tmp_path):
    folder(tmp_path / "src", FILES)
    for number, options in enumerate((["--format=gnu"], ["--format=pax"], ["--format=ustar", "--exclude=*long*"])):
        path = tmp_path / f"{number}.tar.gz"
        subprocess.run(["tar", "czf", path, *options, "-C", tmp_path / "src", "."], check=True)
        assert read(path) == {name: data for name, data in FILES.items() if "long" not in name or number < 2}


def test_prefixes_are_put_together(tmp_path):
    name = "p" * 90 + "/" + "q" * 90
    path = tar(tmp_path / "x", {name: b"x"}, format=tarfile.USTAR_FORMAT)
    assert read(path) == {name: b"x"}


def test_entries_list_the_folders_too(tmp_path):
    folder(tmp_path / "src", {"top/a/1": b""})
    (tmp_path / "src" / "top" / "empty").mkdir()
    shutil.make_archive(str(tmp_path / "t"), "gztar", tmp_path / "src", "top")
    shutil.make_archive(str(tmp_path / "z"), "zip", tmp_path / "src", "top")
    for path in (tmp_path / "src", tmp_path / "t.tar.gz", tmp_path / "z.zip"):
        assert {name for name, _ in entries(path)} == {"top/", "top/a/", "top/empty/", "top/a/1"}
        assert list(members(path)) == [Member("top/a/1", b"")]


def test_what_macos_and_windows_add_is_left_out(make):
    junk = dict.fromkeys(["__MACOSX/top/._1", "top/._1", ".DS_Store", "top/.DS_Store", "top/Thumbs.db"], b"x")
    assert read(make({"top/1": b"1", **junk, "top/not.DS_Store": b"2"})) == {"top/1": b"1", "top/not.DS_Store": b"2"}


def test_names_are_made_plain(tmp_path):
    files = {"./top//a/./1": b"1"}
    for path in (tar(tmp_path / "t", files), zipped(tmp_path / "z", files)):
        assert read(path) == {"top/a/1": b"1"}


def test_progress_reaches_the_end(make):
    seen = []
    list(members(make(FILES), progress=lambda *said: seen.append(said)))
    what, done, total, unit = seen[-1]
    assert what == "reading packed"
    assert (done == total and unit in ("bytes", "files")) or (total is None and unit == "files")


# tricks

BAD_NAMES = [
    "../x",
    "a/../../x",
    "a/..",
    "/etc/passwd",
    "C:/x",
    "c:x",
    "a\\..\\x",
    "..\\x",
    "a\nb",
    "a\x1bb",
    "a\x7f",
    ".",
    "./",
]


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_out_is_refused_by_name(tmp_path, kind, name):
    path = KINDS[kind](tmp_path / "x", {"fine": b"", name: b"x"})
    with pytest.raises(DataError) as error:
        read(path)
    assert repr(name) in str(error.value)
    assert "safe name" in str(error.value) or "file with the name" in str(error.value)


def test_a_zip_name_with_a_zero_byte_is_refused(tmp_path):
    path = zipped(tmp_path / "x", {"top/1Xevil": b"x"})
    path.write_bytes(path.read_bytes().replace(b"1Xevil", b"1\0evil"))
    with pytest.raises(DataError, match=r"1\\x00evil.*not a safe name"):
        read(path)


def test_a_zip_member_without_a_name_is_refused(tmp_path):
    path = zipped(tmp_path / "x", {"Xevil": b"x"})
    path.write_bytes(path.read_bytes().replace(b"Xevil", b"\0evil"))
    with pytest.raises(DataError, match=r"'\\x00evil' is not a safe name"):
        read(path)


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x", "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo("é"))
    with pytest.raises(DataError, match=r"udce9.*not a safe name"):
        read(tmp_path / "x")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.GNUTYPE_SPARSE, "sparse file"),
        (b"V", "unknown kind b'V'"),
    ],
)
def test_what_is_not_a_plain_file_is_refused_by_name(tmp_path, kind, word):
    info = tarfile.TarInfo("top/sly")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "x", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("top/fine"))
        archive.addfile(info)
    with pytest.raises(DataError, match=f"'top/sly' is .*{word}.*only plain files"):
        read(tmp_path / "x")


def test_a_sparse_file_in_a_pax_header_is_refused(tmp_path):
    info = tarfile.TarInfo("sly")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "x"}
    with tarfile.open(tmp_path / "x", "w") as archive:
        archive.addfile(info)
    with pytest.raises(DataError, match="a sparse file"):
        read(tmp_path / "x")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_in_a_zip_is_refused_by_name(tmp_path, kind):
    info = zipfile.ZipInfo("top/sly")
    info.external_attr = (kind | 0o644) << 16
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="'top/sly' is a link or a device"):
        read(tmp_path / "x")


@pytest.mark.parametrize("target", ["top", "top/1", "nowhere", "/etc/passwd", "."])
def test_a_link_in_a_folder_is_refused_by_name(tmp_path, target):
    folder(tmp_path / "x", {"top/1": b"1"})
    (tmp_path / "x" / "sly").symlink_to(target)
    with pytest.raises(DataError, match="'sly' is a link or a device"):
        read(tmp_path / "x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_in_a_folder_is_refused_without_waiting_for_it(tmp_path):
    folder(tmp_path / "x", {"top/1": b"1"})
    os.mkfifo(tmp_path / "x" / "top" / "sly")
    with pytest.raises(DataError, match="'top/sly' is a link or a device"):
        read(tmp_path / "x")
    with pytest.raises(DataError, match="not a file"):
        read(tmp_path / "x" / "top" / "sly")


@pytest.mark.parametrize("again", ["top/1", "./top/1", "top//1"])
def test_a_name_twice_is_refused(tmp_path, again):
    with zipfile.ZipFile(tmp_path / "z", "w") as archive, tarfile.open(tmp_path / "t", "w") as other:
        for name in ("top/1", again):
            if name not in archive.namelist():
                archive.writestr(name, "x")
            other.addfile(tarfile.TarInfo(name))
    paths = [tmp_path / "t"] if again == "top/1" else [tmp_path / "t", tmp_path / "z"]
    for path in paths:
        with pytest.raises(DataError, match="'top/1' is in it twice"):
            read(path)


def test_an_encrypted_zip_says_what_to_do(tmp_path):
    path = zipped(tmp_path / "x", {"secret": b"x"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="'secret' is encrypted; unpack it"):
        read(path)


# limits


def test_each_limit_is_kept_in_every_kind(make):
    path = make({"a": bytes(1000), "b": bytes(1000), "c": bytes(1000)})
    assert len(read(path, members=3, member_bytes=1000, total_bytes=3000, name_length=1)) == 3
    with pytest.raises(DataError, match="more than 2 members"):
        read(path, members=2)
    with pytest.raises(DataError, match="'a' has more than 999 bytes"):
        read(path, member_bytes=999)
    with pytest.raises(DataError, match="more than 2,999 bytes, reached at 'c'"):
        read(path, total_bytes=2999)
    with pytest.raises(DataError, match="a name of 1 characters, more than 0"):
        read(path, name_length=0)


@pytest.mark.parametrize("kind", ["tar.gz", "zip", "zip, bz2", "zip, lzma"])
def test_a_bomb_is_stopped_while_it_unpacks(tmp_path, kind):
    bomb = KINDS[kind](tmp_path / "x", {"bomb": bytes(20 << 20)})
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(DataError, match="'bomb' has more than 1,048,576 bytes"):
        read(bomb, member_bytes=1 << 20)


def test_a_zip_that_lies_about_its_sizes_gives_no_more_than_it_says(tmp_path):
    path = zipped(tmp_path / "x", {"bomb": bytes(1 << 20)})
    raw = path.read_bytes().replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(raw)
    with pytest.raises(DataError, match="Bad CRC-32 for file 'bomb'"):
        read(path)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_headers_without_end_are_refused(tmp_path, kind):
    data = {b"x": b"11 path=ab\n", b"g": b"11 path=ab\n"}.get(kind, b"name\0")
    info = tarfile.TarInfo("sly")
    info.type, info.size = kind, len(data)
    block = info.tobuf(tarfile.GNU_FORMAT) + data.ljust(512, b"\0")
    (tmp_path / "x").write_bytes(block * 5000 + bytes(1024))
    with pytest.raises(DataError, match="too many or too long extra headers"):
        read(tmp_path / "x")
    info.size = 2 << 20
    (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2 << 20) + bytes(1024))
    with pytest.raises(DataError, match="too many or too long extra headers"):
        read(tmp_path / "x")


@pytest.mark.parametrize("record", [b"3 x", b"0 a=b\n", b"-9 a=b\n", b"99 a=b\n", b"x a=b\n", b"a=b\n", b"6 ab\n\n"])
def test_a_damaged_pax_record_is_refused(tmp_path, record):
    info = tarfile.TarInfo("sly")
    info.type, info.size = b"x", len(record)
    block = info.tobuf(tarfile.GNU_FORMAT) + record.ljust(512, b"\0")
    (tmp_path / "x").write_bytes(block + tarfile.TarInfo("f").tobuf() + bytes(1024))
    with pytest.raises(DataError, match="may be damaged"):
        read(tmp_path / "x")


# damage


def test_what_is_no_archive_says_so(tmp_path):
    cases = {
        "none": (None, "no such file or folder"),
        "empty": (b"", r"the file is empty \(0 bytes\)"),
        "text": (b"<html>not found</html>", "not an archive"),
        "gzipped text": (gzip.compress(b"x" * 9999), "what should be the header of a tar member is none"),
        "gzipped nothing": (gzip.compress(b""), "ends without its end mark"),
        "empty tar": (bytes(10240), "there is no file in it"),
        "empty tar.xz": (lzma.compress(bytes(10240)), "there is no file in it"),
        "empty zip": (b"PK\x05\x06" + bytes(18), "there is no file in it"),
        "half a zip": (b"PK\x03\x04" + bytes(99), "File is not a zip file"),
    }
    for name, (body, complaint) in cases.items():
        if body is not None:
            (tmp_path / name).write_bytes(body)
        with pytest.raises(DataError, match=complaint) as error:
            read(tmp_path / name)
        assert str(tmp_path / name) in str(error.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="there is no file in it"):
        read(tmp_path / "folder")
    folder(tmp_path / "junk", {".DS_Store": b""})
    with pytest.raises(DataError, match="there is no file in it"):
        read(tmp_path / "junk")


@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_cut_archive_is_noticed_wherever_it_was_cut(tmp_path, kind):
    path = KINDS[kind](tmp_path / "x", {f"f{i}": os.urandom(700) for i in range(20)})
    body = path.read_bytes()
    ends = 1024 if kind.startswith("tar,") or kind == "tar" else 0  # an uncompressed tar is padded with zeros
    data = len(body.rstrip(b"\0")) if ends else len(body)
    for at in {*range(1, data, 997), data - 1}:
        path.write_bytes(body[:at])
        with pytest.raises(DataError):
            read(path)


def test_an_error_says_after_which_member(tmp_path):
    path = tar(tmp_path / "x", {"first": b"1", "second": b"2"})
    path.write_bytes(path.read_bytes()[:1024] + b"?" * 512 + bytes(1024))
    with pytest.raises(DataError, match=r"may be damaged or cut: .* \(after 'first'\)"):
        read(path)


def test_damage_in_the_middle_is_not_taken_for_the_end(tmp_path):
    path = tar(tmp_path / "x", {"first": b"1", "second": b"2"})
    path.write_bytes(path.read_bytes()[:1024] + bytes(512) + path.read_bytes()[1024:])
    with pytest.raises(DataError, match="goes on after its end mark"):
        read(path)


@pytest.mark.parametrize("at", [0, 99, 107, 130, 150, 156, 300, 511])
def test_a_damaged_header_is_noticed(tmp_path, at):
    path = tar(tmp_path / "x", {"first": b"1"})
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)
    with pytest.raises(DataError, match=r"wrong checksum|where a number is needed"):
        read(path)


def test_a_wrong_checksum_at_the_very_end_is_noticed(tmp_path):
    path = tar(tmp_path / "x", FILES, "w:gz")
    body = bytearray(path.read_bytes())
    body[-8] ^= 1
    path.write_bytes(body)
    with pytest.raises(DataError, match="CRC check failed"):
        read(path)


def test_two_gzip_parts_are_one_archive(tmp_path):
    body = gzip.decompress(tar(tmp_path / "x", FILES, "w:gz").read_bytes())
    (tmp_path / "x").write_bytes(gzip.compress(body[:999]) + gzip.compress(body[999:]))
    assert read(tmp_path / "x") == FILES


def test_a_reader_that_stops_early_leaves_nothing_open(make):
    found = members(make(FILES))
    assert next(found).name.startswith("top/")
    del found  # an open file would be a ResourceWarning, and that an error


def test_negative_size_is_damage(tmp_path):
    info = tarfile.TarInfo("sly")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"-0000000777\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "x").write_bytes(bytes(block) + bytes(1024))
    with pytest.raises(DataError, match="'sly' has -511 bytes"):
        read(tmp_path / "x")


def test_a_member_of_gigabytes_is_refused_by_its_header(tmp_path):
    info = tarfile.TarInfo("huge")
    info.size = 20 << 30  # more than octal digits can say
    (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    with pytest.raises(DataError, match="ends inside 'huge'"):
        read(tmp_path / "x")
    with pytest.raises(DataError, match="'huge' has more than 1,000 bytes"):
        read(tmp_path / "x", member_bytes=1000)
