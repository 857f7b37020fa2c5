"""The card of a data set, and the places where its file may lie."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from layerscope.source import DataError, Digest, Source, cache_dir, digest_of, locked, mirror_dir

MD5 = Digest("md5", "0" * 32, "the first release")
SHA256 = Digest("sha256", "f" * 64, "the repacked archive")
CARD = Source("toy", "A toy", "toy.tar.gz", ("https://example.org/a",), (MD5, SHA256), 9, "CC0", "none", "patient")


@pytest.mark.parametrize("field", ["name", "title", "file", "urls", "digests", "size", "license", "citation", "group"])
def test_a_card_has_no_empty_field(field):
    empty = {"urls": (), "digests": (), "size": 0}.get(field, " ")
    with pytest.raises(DataError, match=f"must fill every field. Empty: {field}"):
        replace(CARD, **{field: empty})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "a/b"}, "plain file name"),
        ({"file": "../x"}, "plain file name"),
        ({"file": "..."}, "plain file name"),
        ({"size": -1}, "above 0"),
        ({"urls": ("https://example.org", "file:///etc/passwd")}, r"starts with https:// or http://. Got 'file:///etc"),
    ],
)
def test_a_card_is_refused_when_a_field_is_wrong(change, complaint):
    with pytest.raises(DataError, match=complaint):
        replace(CARD, **change)


@pytest.mark.parametrize(
    ("algorithm", "digits", "of", "complaint"),
    [
        ("sha1", "0" * 40, "x", "one of .'git blob', 'md5', 'sha256'.. Got 'sha1'"),
        ("md5", "0" * 31, "x", r"md5 has 32 lower-case hex digits. Got '0+' \(31\)"),
        ("sha256", "F" * 64, "x", "64 lower-case"),
        ("git blob", "0" * 64, "x", r"git blob has 40 lower-case hex digits. Got '0+' \(64\)"),
        ("md5", "0" * 32, " ", "say whose file"),
    ],
)
def test_a_digest_is_well_formed(algorithm, digits, of, complaint):
    with pytest.raises(DataError, match=complaint):
        Digest(algorithm, digits, of)


def test_accepted_names_every_digest_and_whose_it_is():
    assert CARD.accepted() == f"md5 {'0' * 32} (the first release) or sha256 {'f' * 64} (the repacked archive)"


def test_folders_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "m"))
    assert (cache_dir(), mirror_dir()) == (tmp_path / "c", tmp_path / "m")
    monkeypatch.setenv("LAYERSCOPE_CACHE", "")
    monkeypatch.setenv("LAYERSCOPE_MIRROR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert (cache_dir(), mirror_dir()) == (tmp_path / "x" / "layerscope", None)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == Path.home() / ".cache" / "layerscope"
    assert list(tmp_path.iterdir()) == [], "asking for a folder does not make it"


@pytest.mark.parametrize("body", [b"", b"cells", os.urandom(3 << 20)])
def test_digest_of_finds_whichever_is_accepted(tmp_path, body):
    path = tmp_path / "f"
    path.write_bytes(body)
    md5 = Digest("md5", hashlib.md5(body).hexdigest(), "one")
    sha256 = Digest("sha256", hashlib.sha256(body).hexdigest(), "other")
    seen = []
    progress = lambda what, done, total, unit: seen.append((what, done, total, unit))  # noqa: E731
    assert digest_of(path, replace(CARD, digests=(MD5, sha256)), progress) == sha256
    assert digest_of(path, replace(CARD, digests=(md5, SHA256))) == md5
    assert not body or seen[-1] == ("checking f", len(body), len(body), "bytes")


GIT = {b"": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", b"hello\n": "ce013625030ba8dba906f756967f9e9ca394464a"}


@pytest.mark.parametrize("body", [*GIT, b"cells\r\n", os.urandom(3 << 20)], ids=["empty", "hello", "crlf", "3 MB"])
def test_a_git_blob_has_the_name_that_git_gives_it(tmp_path, body):
    path = tmp_path / "f"
    path.write_bytes(body)
    if body not in GIT and shutil.which("git") is None:
        pytest.skip("git is not installed")
    asked = ["git", "hash-object", "--no-filters", str(path)]
    name = GIT.get(body) or subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    digest = Digest("git blob", name, "a commit's")
    assert digest_of(path, replace(CARD, digests=(MD5, digest))) == digest
    path.write_bytes(body + b"!")
    with pytest.raises(DataError, match=rf"got md5 \w+, git blob (?!{name})[0-9a-f]{{40}} "):
        digest_of(path, replace(CARD, digests=(MD5, digest)))


def test_digest_of_says_what_it_got_and_what_is_accepted(tmp_path):
    (tmp_path / "f").write_bytes(b"cells")
    with pytest.raises(DataError) as error:
        digest_of(tmp_path / "f", CARD)
    text = str(error.value)
    assert hashlib.md5(b"cells").hexdigest() in text
    assert hashlib.sha256(b"cells").hexdigest() in text
    assert "(5 bytes)" in text
    assert CARD.accepted() in text
    with pytest.raises(DataError, match="cannot be read"):
        digest_of(tmp_path / "none", CARD)


def test_a_lock_is_held_by_one_and_the_other_is_told(tmp_path):
    work = tmp_path / "deep" / "work"
    code = (
        "import sys; from pathlib import Path; from layerscope.source import locked\n"
        "with locked(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(work)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "in\n"
        told = []

        def progress(what: str, done: int, total: int | None, unit: str) -> None:
            told.append(what)
            assert holder.stdin
            holder.stdin.close()  # lets the holder go

        with locked(work, progress):
            assert told == ["waiting for another process that makes work"]
            assert holder.wait(10) == 0


def test_a_lock_that_cannot_be_made_names_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    complaint = r"cannot be written: .*Set LAYERSCOPE_CACHE to a folder that can"
    with pytest.raises(DataError, match=complaint), locked(tmp_path / "file" / "below" / "work"):
        pytest.fail("it was locked")
