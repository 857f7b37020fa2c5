"""One file from one address: cut downloads are gone on with, and only checked bytes are kept."""

import errno
import json
import re
import shutil
import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import NamedTuple
from urllib import request
from urllib.error import HTTPError, URLError

from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source, digest_of, unwritable

TIMEOUT = 30.0  # seconds without a byte
PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before each new try; after the last, the address is given up
GAIN = 1 << 20  # bytes: a try that brought as many was worth it, and the pauses start again
BLOCK = 1 << 18


class GaveUp(Exception):
    """This address does not give the file; another may."""


class _Cut(Exception):
    """This try failed; the next may not."""


class _Begun(NamedTuple):
    """What an earlier try has left in `<file>.part`, with what proves that the server still has the same file."""

    have: int
    url: str = ""
    validator: str = ""
    total: int | None = None


def download(url: str, source: Source, kept: Path, progress: Progress = silent) -> Digest:
    """Download to `kept`, through `<kept>.part`; the caller holds the lock.

    Raises:
        GaveUp: if this address does not give an accepted file.
        DataError: if this machine cannot keep it (disk full, folder not writable).
    """
    part = kept.with_name(kept.name + ".part")
    resumed = _begun(part, url).have > 0
    try:
        _persist(url, source, part, progress)
        try:
            digest = digest_of(part, source, progress)
        except DataError as error:
            _drop(part)
            if not resumed:
                raise GaveUp(f"wrong bytes. {str(error).rstrip('.')}") from error
            return download(url, source, kept, progress)  # what an earlier run had left may be what is damaged
        part.replace(kept)
        return digest
    except OSError as error:
        raise unwritable(kept, error) from error
    finally:
        if not _begun(part, url).have:  # moved into place, or nothing that could be gone on with
            _drop(part)


def _persist(url: str, source: Source, part: Path, progress: Progress) -> None:
    """Try until all is there, or until the tries bring nothing more."""
    failures = 0
    while True:
        before = _begun(part, url).have
        try:
            return _connect(url, source, part, progress)
        except _Cut as cut:
            failures = 0 if _begun(part, url).have - before >= GAIN else failures + 1
            if failures > len(PAUSES):
                raise GaveUp(f"{cut} (tried {failures} times)") from cut
            time.sleep(PAUSES[max(failures - 1, 0)])


def _connect(url: str, source: Source, part: Path, progress: Progress) -> None:
    """One try: append to `part` until the server has sent all, or raise."""
    begun = _begun(part, url)
    if begun.have and begun.have == begun.total:
        return
    headers = {"User-Agent": "layerscope", "Accept-Encoding": "identity"}
    if begun.have:
        headers |= {"Range": f"bytes={begun.have}-", "If-Range": begun.validator}
    try:
        with _opener().open(request.Request(url, headers=headers), timeout=TIMEOUT) as reply:
            _receive(reply, url, source, part, begun.have, progress)
    except HTTPError as error:
        with error:
            if error.code == 416:  # what is here is longer than what is there
                _drop(part)
            again = error.code in (408, 416, 429) or error.code >= 500
            raise (_Cut if again else GaveUp)(f"HTTP {error.code} {error.reason}") from error
    except URLError as error:  # no connection: worth waiting for only where there was one before
        raise (_Cut if begun.have else GaveUp)(f"no connection: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _Cut(f"the connection was lost: {error or type(error).__name__}") from error


def _opener() -> request.OpenerDirector:
    """http and https only: urllib's default also opens file:, ftp: and data: addresses."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _receive(reply: HTTPResponse, url: str, source: Source, part: Path, have: int, progress: Progress) -> None:
    done, total = 0, reply.length  # None where the server does not say
    if reply.status == 206:
        said = reply.headers.get("Content-Range", "nothing")
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", said)
        if not have or not span or int(span[1]) != have:
            _drop(part)
            raise _Cut(f"asked for the bytes from {have:,} on, got Content-Range: {said}")
        done, total = have, int(span[2])
    if total is not None and total > source.size:
        _drop(part)
        raise GaveUp(f"announces {total:,} bytes; the largest accepted file has {source.size:,}")
    needed = (source.size if total is None else total) - done
    if needed > shutil.disk_usage(part.parent).free:
        raise unwritable(part, OSError(errno.ENOSPC, "disk full"), f"{needed:,}")
    try:
        with part.open("ab" if done else "wb", buffering=0) as file:
            if not done:
                _mark(part, url, reply, total)
            while chunk := _read(reply):
                done += len(chunk)
                if done > source.size:
                    break
                view = memoryview(chunk)
                while view:  # a disk that fills up takes some bytes, and complains at the next
                    view = view[file.write(view) :]
                progress(f"downloading {source.file}", done, total, "bytes")
    except OSError as error:
        raise unwritable(part, error, f"{needed:,}") from error
    if done > source.size:
        _drop(part)
        raise GaveUp(f"sends more than the {source.size:,} bytes of the largest accepted file")
    if total is not None and done < total:
        raise _Cut(f"the connection was cut after {done:,} of {total:,} bytes")


def _read(reply: HTTPResponse) -> bytes:
    """The next bytes. Errors of the network, so that an OSError beside it is one of the disk."""
    try:
        return reply.read1(BLOCK)
    except (OSError, HTTPException) as error:
        raise _Cut(f"the connection was lost: {error or type(error).__name__}") from error


def _mark(part: Path, url: str, reply: HTTPResponse, total: int | None) -> None:
    """Note what a later try needs to go on. If-Range wants a strong validator, and a W/ tag is a weak one."""
    tag = reply.headers.get("ETag", "")
    validator = reply.headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
    _note(part).write_text(json.dumps({"url": url, "validator": validator, "total": total}))


def _begun(part: Path, url: str) -> _Begun:
    """What can be gone on with: nothing if it came from elsewhere, or if the server gave no validator."""
    try:
        begun = _Begun(part.stat().st_size, **json.loads(_note(part).read_text()))
    except (OSError, ValueError, TypeError):
        return _Begun(0)
    return begun if begun.url == url and begun.validator else _Begun(0)


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _drop(part: Path) -> None:
    for path in (part, _note(part)):
        path.unlink(missing_ok=True)
