"""Finding and downloading, against a server that misbehaves in every way that has been thought of."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from misbehaving import Misbehaving, Reply

from layerscope import download
from layerscope.fetch import Found, fetch, used
from layerscope.source import DataError, Digest, Source

BODY = b"".join(i.to_bytes(4) for i in range(100_000))  # 400 kB, no two places alike
OTHER = Digest("md5", "0" * 32, "the first release")
RIGHT = Digest("sha256", hashlib.sha256(BODY).hexdigest(), "the toy maker's")


def card(*urls: str) -> Source:
    urls = urls or ("http://127.0.0.1:9/never",)
    return Source("toy", "The toy", "toy.tar.gz", urls, (OTHER, RIGHT), len(BODY), "CC0", "none", "patient")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    return tmp_path / "cache" / "toy"


def left(cache: Path) -> set[str]:
    return {path.name for path in cache.glob("*")} - {"toy.tar.gz.lock"}


# where it is found


def test_downloaded_once_then_from_the_cache(cache):
    with Misbehaving(BODY) as server:
        source = card(server.url())
        assert fetch(source) == Found(cache / "toy.tar.gz", RIGHT, "download")
        assert fetch(source) == Found(cache / "toy.tar.gz", RIGHT, "cache")
        assert len(server.requests) == 1
    assert used()["toy"] == len(BODY)
    assert (cache / "toy.tar.gz").read_bytes() == BODY
    assert left(cache) == {"toy.tar.gz"}


def test_given_comes_before_cache_before_mirror(cache, tmp_path, monkeypatch):
    given, mirror = tmp_path / "mine.bin", tmp_path / "mirror" / "toy" / "toy.tar.gz"
    for path in (given, mirror, cache / "toy.tar.gz"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BODY)
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(tmp_path / "mirror"))
    assert fetch(card(), given) == Found(given, RIGHT, "given")
    assert fetch(card()) == Found(cache / "toy.tar.gz", RIGHT, "cache")
    shutil.rmtree(cache)
    assert fetch(card()) == Found(mirror, RIGHT, "mirror")
    assert not cache.exists(), "a mirror is read in place, so a cache that cannot be written does not matter"
    mirror.unlink()
    (mirror.parent / "toy").mkdir()
    assert fetch(card()) == Found(mirror.parent / "toy", None, "mirror")


def test_a_given_folder_is_taken_as_it_is(tmp_path):
    assert fetch(card(), tmp_path) == Found(tmp_path, None, "given")


def test_a_given_path_never_falls_through_to_another_place(cache, tmp_path):
    cache.mkdir(parents=True)
    (cache / "toy.tar.gz").write_bytes(BODY)
    with pytest.raises(DataError, match=r"mine\.bin does not exist"):
        fetch(card(), tmp_path / "mine.bin")
    (tmp_path / "mine.bin").write_bytes(b"another")
    with pytest.raises(DataError) as error:
        fetch(card(), tmp_path / "mine.bin")
    assert "is not The toy: got" in str(error.value)
    assert all(name in str(error.value) for name in (OTHER.hex, OTHER.of, RIGHT.hex, RIGHT.of))


def test_unverified_only_where_the_caller_says_so(tmp_path):
    (tmp_path / "mine.bin").write_bytes(b"another")
    assert fetch(card(), tmp_path / "mine.bin", verify=False) == Found(tmp_path / "mine.bin", None, "given")


def test_a_damaged_cached_file_is_fetched_again(cache):
    cache.mkdir(parents=True)
    (cache / "toy.tar.gz").write_bytes(BODY[:-1] + b"?")
    with Misbehaving(BODY) as server:
        assert fetch(card(server.url())).where == "download"
    assert (cache / "toy.tar.gz").read_bytes() == BODY


def test_when_nothing_works_every_place_is_named_with_its_cause(cache, tmp_path, monkeypatch):
    cache.mkdir(parents=True)
    (cache / "toy.tar.gz").write_bytes(b"damaged")
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("LAYERSCOPE_MIRROR", str(mirror))
    with Misbehaving(BODY, Reply(status=404), Reply(status=403)) as server, pytest.raises(DataError) as error:
        fetch(card(server.url("/a"), server.url("/b")))
    text = str(error.value)
    assert text.startswith("The toy cannot be had. Looked at:")
    assert f"cache: {cache / 'toy.tar.gz'} is not The toy: got md5 {hashlib.md5(b'damaged').hexdigest()}" in text
    assert f"mirror: {mirror / 'toy' / 'toy.tar.gz'} does not exist" in text
    assert f"mirror: {mirror / 'toy' / 'toy'} does not exist" in text
    assert f"{server.url('/a')}: HTTP 404" in text
    assert f"{server.url('/b')}: HTTP 403" in text
    assert "--data PATH" in text
    assert "LAYERSCOPE_MIRROR" in text
    assert f"download {server.url('/a')} by hand to {cache / 'toy.tar.gz'}" in text
    assert RIGHT.hex in text
    assert left(cache) == set(), "what is damaged is not kept"


def test_without_a_mirror_the_error_says_that_none_is_set():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with pytest.raises(DataError, match=r"LAYERSCOPE_MIRROR is not set(.|\n)*no connection: .*refused"):
            fetch(card(url))


# downloads that go wrong, and end well


@pytest.mark.parametrize(
    ("replies", "ranges"),
    [
        pytest.param([Reply(cut=100_000)], [None, "bytes=100000-"], id="cut"),
        pytest.param([Reply(cut=0)], [None, None], id="cut before the first byte"),
        pytest.param([Reply(cut=100_000), Reply(cut=50_000)], [None, "bytes=100000-", "bytes=150000-"], id="cut twice"),
        pytest.param([Reply(cut=100_000, stall=True)], [None, "bytes=100000-"], id="stalled"),
        pytest.param([Reply(stall=True, cut=0)], [None, None], id="stalled before the first byte"),
        pytest.param([Reply(cut=9), Reply(ranges=False)], [None, "bytes=9-"], id="range ignored"),
        pytest.param([Reply(cut=9), Reply(etag='"v2"')], [None, "bytes=9-"], id="changed meanwhile"),
        pytest.param([Reply(cut=9), Reply(shift=5)], [None, "bytes=9-", None], id="wrong range sent"),
        pytest.param([Reply(cut=9), Reply(status=416)], [None, "bytes=9-", None], id="range refused"),
        pytest.param([Reply(status=503), Reply(status=429)], [None, None, None], id="busy"),
        pytest.param([Reply(cut=9, etag="")], [None, None], id="nothing to recognise it by"),
        pytest.param([Reply(cut=9, etag='W/"v1"')], [None, None], id="weak tag"),
        pytest.param([Reply(length=False)], [None], id="length unknown"),
        pytest.param([Reply(status=206)], [None, None], id="a part that nobody asked for"),
    ],
)
def test_a_download_goes_on(cache, monkeypatch, replies, ranges):
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    with Misbehaving(BODY, *replies) as server:
        assert fetch(card(server.url())) == Found(cache / "toy.tar.gz", RIGHT, "download")
        assert [request.get("range") for request in server.requests] == ranges
        assert all(("if-range" in request) == ("range" in request) for request in server.requests)
    assert (cache / "toy.tar.gz").read_bytes() == BODY
    assert left(cache) == {"toy.tar.gz"}


def test_a_date_serves_where_there_is_no_tag(cache):
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    with Misbehaving(BODY, Reply(cut=9, etag="", modified=date), Reply(etag="", modified=date)) as server:
        fetch(card(server.url()))
        assert server.requests[1]["if-range"] == date
        assert server.requests[1]["range"] == "bytes=9-"


def test_the_pauses_start_again_after_a_good_try(cache, monkeypatch):
    monkeypatch.setattr(download, "GAIN", 10_000)
    with Misbehaving(BODY, *(Reply(cut=20_000) for _ in range(9))) as server:
        assert fetch(card(server.url())).where == "download"
        assert len(server.requests) == 10, "more tries than there are pauses"


def test_a_redirect_is_followed(cache):
    with Misbehaving(BODY, Reply(location="/there"), Reply(cut=9), Reply(location="/there")) as server:
        assert fetch(card(server.url("/here"))).where == "download"
        assert [request["path"] for request in server.requests] == ["/here", "/there", "/here", "/there"]
        assert server.requests[3]["range"] == "bytes=9-"


def test_the_next_address_is_tried(cache):
    with Misbehaving(BODY, Reply(status=404)) as server:
        assert fetch(card(server.url("/gone"), server.url("/here"))).where == "download"


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(cache):
    with Misbehaving(BODY, *(Reply(cut=50_000) for _ in range(3))) as server:
        with pytest.raises(DataError, match=r"cut after 150,000 of 400,000 bytes \(tried 3 times\)"):
            fetch(card(server.url()))
        assert left(cache) == {"toy.tar.gz.part", "toy.tar.gz.part.json"}
        assert fetch(card(server.url())).where == "download"
        assert server.requests[-1]["range"] == "bytes=150000-"


def test_a_damaged_part_of_an_earlier_run_is_not_the_end(cache):
    with Misbehaving(BODY, *(Reply(cut=50_000) for _ in range(3))) as server:
        with pytest.raises(DataError):
            fetch(card(server.url()))
        (cache / "toy.tar.gz.part").write_bytes(bytes(150_000))
        assert fetch(card(server.url())).where == "download"
        assert [request.get("range") for request in server.requests[-2:]] == ["bytes=150000-", None]


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"url": 1}', '{"have": 3}', '{"url": "", "validator": "", "more": 1}']
)
def test_a_part_with_a_damaged_note_is_started_again(cache, note):
    cache.mkdir(parents=True)
    (cache / "toy.tar.gz.part").write_bytes(BODY[:100])
    (cache / "toy.tar.gz.part.json").write_text(note)
    with Misbehaving(BODY) as server:
        assert fetch(card(server.url())).where == "download"
        assert "range" not in server.requests[0]


def test_a_part_that_was_complete_is_not_asked_for_again(cache):
    with Misbehaving(BODY, *(Reply(cut=50_000) for _ in range(3))) as server:
        with pytest.raises(DataError):
            fetch(card(server.url()))
        (cache / "toy.tar.gz.part").write_bytes(BODY)
        assert fetch(card(server.url())).where == "download"
        assert len(server.requests) == 3


def test_progress_says_how_far(cache):
    seen = []
    with Misbehaving(BODY, Reply(cut=100_000)) as server:
        fetch(card(server.url()), progress=lambda *said: seen.append(said))
    loaded = [done for what, done, *_ in seen if what == "downloading toy.tar.gz"]
    assert loaded == sorted(loaded)
    assert ("downloading toy.tar.gz", len(BODY), len(BODY), "bytes") in seen
    assert ("checking toy.tar.gz.part", len(BODY), len(BODY), "bytes") in seen


# downloads that are refused


@pytest.mark.parametrize(
    ("replies", "complaint"),
    [
        pytest.param([Reply(body=b"<html>")], "wrong bytes. .*got md5 .*accepted is md5 0+ ", id="another file"),
        pytest.param(
            [Reply(body=BODY + b"!")], "announces 400,001 bytes; the largest accepted file has 400,000", id="long"
        ),
        pytest.param([Reply(body=BODY * 9, length=False)], "sends more than the 400,000 bytes", id="endless"),
        pytest.param([Reply(announce=10**15)], "announces 1,000,000,000,000,000 bytes", id="absurd length"),
        pytest.param([Reply(location="file:///etc/passwd")], "HTTP 302 .*not allowed", id="to a file"),
        pytest.param([Reply(location="ftp://127.0.0.1/x")], "unknown url type: ftp", id="to ftp"),
        pytest.param([Reply(location="/data.bin")] * 20, "HTTP 302 .*loop", id="in circles"),
        pytest.param([Reply(status=503)] * 3, r"HTTP 503 .*\(tried 3 times\)", id="always busy"),
        pytest.param([Reply(cut=9, etag="")] * 3, r"cut after 9 of 400,000 bytes \(tried 3 times\)", id="always cut"),
    ],
)
def test_an_address_is_given_up_and_nothing_is_left(cache, replies, complaint):
    with Misbehaving(BODY, *replies) as server, pytest.raises(DataError, match=complaint):
        fetch(card(server.url()))
    assert left(cache) == set()


def test_no_more_is_kept_than_the_largest_accepted_file_has(cache):
    seen = []
    with Misbehaving(BODY * 9, Reply(length=False)) as server, pytest.raises(DataError):
        fetch(card(server.url()), progress=lambda *said: seen.append(said[1]))
    assert max(seen) <= len(BODY)


def test_a_part_from_another_address_is_not_gone_on_with(cache):
    with Misbehaving(BODY, *(Reply(cut=50_000) for _ in range(3))) as server:
        with pytest.raises(DataError):
            fetch(card(server.url("/one")))
        assert fetch(card(server.url("/other"))).where == "download"
        assert "range" not in server.requests[-1]


def test_a_folder_in_the_place_of_the_cached_file_is_not_taken(cache):
    (cache / "toy.tar.gz").mkdir(parents=True)
    with pytest.raises(DataError, match=r"toy\.tar\.gz cannot be written: "):
        fetch(card())


def test_only_http_addresses_are_opened(cache, tmp_path):
    (tmp_path / "local").write_bytes(BODY)
    source = card("http://127.0.0.1:9/never")
    object.__setattr__(source, "urls", ((tmp_path / "local").as_uri(),))  # past the card's own check
    with pytest.raises(DataError, match="unknown url type: file"):
        fetch(source)


# this machine cannot


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "file" / "cache"))
    with Misbehaving(BODY) as server:
        with pytest.raises(DataError, match=r"cannot be written: .*Set LAYERSCOPE_CACHE"):
            fetch(card(server.url()))
        assert server.requests == []


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no such permissions")
def test_a_folder_without_permission_says_what_to_do(monkeypatch):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own would be closed to the user without rights
        monkeypatch.setenv("LAYERSCOPE_CACHE", folder)
        Path(folder).chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # root may write anywhere, so be nobody for a moment
        try:
            with pytest.raises(DataError, match=r"cannot be written: Permission denied\. Set LAYERSCOPE_CACHE"):
                fetch(card())
        finally:
            if root:
                os.seteuid(0)
            Path(folder).chmod(0o755)


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system of 128 KiB needs root on Linux")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_noticed_before_anything_is_sent(tiny_disk, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tiny_disk))
    with Misbehaving(BODY) as server, pytest.raises(DataError) as error:
        fetch(card(server.url()))
    assert f"no room for toy.tar.gz.part: 400,000 bytes are needed in {tiny_disk / 'toy'}, 131,072 are free" in str(
        error.value
    )
    assert "LAYERSCOPE_CACHE" in str(error.value)
    assert left(tiny_disk / "toy") == set()


def test_a_disk_that_fills_up_keeps_only_what_can_be_gone_on_with(tiny_disk, cache, monkeypatch):
    real = shutil.disk_usage
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tiny_disk))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real("/"))  # it looked empty when the download began
    with Misbehaving(BODY) as server:
        with pytest.raises(DataError, match=r"no room for toy.tar.gz.part: 400,000 bytes are needed"):
            fetch(card(server.url()))
        assert left(tiny_disk / "toy") == {"toy.tar.gz.part", "toy.tar.gz.part.json"}
        kept = (tiny_disk / "toy" / "toy.tar.gz.part").read_bytes()
        assert BODY.startswith(kept)
        shutil.copytree(tiny_disk / "toy", cache)
        monkeypatch.setenv("LAYERSCOPE_CACHE", str(cache.parent))
        assert fetch(card(server.url())).where == "download"
        assert server.requests[-1]["range"] == f"bytes={len(kept)}-"


# more than one process

PROGRAM = """
import sys
from layerscope.fetch import fetch
from layerscope.source import Digest, Source
url, sha256, size = sys.argv[1:]
source = Source("toy", "The toy", "toy.tar.gz", (url,), (Digest("sha256", sha256, "x"),), int(size), "CC0", "-", "-")
print(fetch(source).where)
"""


def start(url: str) -> subprocess.Popen:
    command = [sys.executable, "-c", PROGRAM, url, RIGHT.hex, str(len(BODY))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_downloads_and_the_other_finds_it(cache):
    with Misbehaving(BODY) as server:
        with start(server.url()) as one, start(server.url()) as other:
            said = sorted(process.communicate(timeout=30)[0].strip() for process in (one, other))
        assert said == ["cache", "download"]
        assert len(server.requests) == 1
    assert left(cache) == {"toy.tar.gz"}


def test_a_killed_download_is_gone_on_with(cache):
    with Misbehaving(BODY, Reply(cut=200_000, stall=True)) as server:
        with start(server.url()) as process:
            part = cache / "toy.tar.gz.part"
            for _ in range(1000):
                if part.exists() and part.stat().st_size == 200_000:
                    break
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        assert fetch(card(server.url())).where == "download"
        assert server.requests[-1]["range"] == "bytes=200000-"
    assert (cache / "toy.tar.gz").read_bytes() == BODY
