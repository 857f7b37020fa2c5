"""The members of a tar stream, block by block (POSIX ustar and pax, GNU long names).

Python's tarfile takes damage in the middle for the end, keeps every header in memory, and needs three times as long.
"""

from collections.abc import Iterator
from io import BufferedReader

from layerscope.source import DataError

BLOCK = 512  # bytes: all of a tar archive is made of blocks of this size
MAGIC = b"ustar"  # at 257 in every header
FILE, FOLDER = (b"0", b"\0", b"7"), b"5"
REFUSED = {b"1": "hard link", b"2": "symbolic link", b"3": "device", b"4": "device", b"6": "pipe", b"S": "sparse file"}
LONGEST_EXTRA = 1 << 20  # bytes of a header that only says more about the next member
LONGEST_PADDING = 4 << 20  # bytes of zeros after the end mark


def read_tar(stream: BufferedReader, longest: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file, name with a "/" and nothing of each folder; at most `longest` + 1 bytes of a file.

    Raises:
        DataError: on a link or device, on what follows the end mark.
        EOFError, ValueError: on damage.
    """
    said: dict[str, str] = {}  # by extra headers, about the next member
    extra = 0
    while (block := stream.read(BLOCK)) != bytes(BLOCK):
        name, size, kind = _header(block)
        name = said.get("path", name)
        if kind in REFUSED:
            raise DataError(f"{name!r} is a {REFUSED[kind]}; only plain files are read")
        if kind == FOLDER or (kind == b"\0" and name.endswith("/")):
            yield name.rstrip("/") + "/", b""
            said, extra = {}, 0
            continue
        data = _take(stream, int(said.get("size", size)), longest, name)
        if kind in FILE:
            if name.endswith("/"):
                raise DataError(f"{name!r} is a file with the name of a folder")
            yield name, data
            said, extra = {}, 0
            continue
        extra += 1
        if extra > 4 or len(data) > LONGEST_EXTRA:
            raise DataError(f"too many or too long extra headers before {name!r}")
        if kind == b"L":
            said["path"] = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
        elif kind in (b"x", b"X"):
            said |= _records(data)
        elif kind not in (b"g", b"K"):  # about all members, and the target of a link
            raise DataError(f"{name!r} is of the unknown kind {kind!r}; only plain files are read")
    padding = stream.read(LONGEST_PADDING)
    if padding.strip(b"\0") or len(padding) == LONGEST_PADDING:
        raise DataError("it goes on after its end mark")


def _header(block: bytes) -> tuple[str, int, bytes]:
    """Name, size and kind of a member."""
    if len(block) < BLOCK:
        raise EOFError("it ends without its end mark")
    if block[257:262] != MAGIC:
        raise ValueError("what should be the header of a tar member is none")
    if sum(block) - sum(block[148:156]) + 8 * ord(" ") != _octal(block[148:156]):
        raise ValueError("the header of a tar member has a wrong checksum")
    size = int.from_bytes(block[125:136]) if block[124] == 0x80 else _octal(block[124:136])
    name = block[:100].partition(b"\0")[0]
    if block[262] == 0 and block[345]:  # POSIX; GNU writes two spaces here, and keeps other things there
        name = block[345:500].partition(b"\0")[0] + b"/" + name
    return name.decode("utf-8", "surrogateescape"), size, block[156:157]


def _octal(field: bytes) -> int:
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise ValueError(f"the header of a tar member has {field!r} where a number is needed") from error


def _take(stream: BufferedReader, size: int, longest: int, name: str) -> bytes:
    if size < 0:
        raise ValueError(f"{name!r} has {size} bytes")
    wanted = -(-size // BLOCK) * BLOCK if size <= longest else longest + 1
    data = stream.read(wanted)
    if len(data) < wanted:
        raise EOFError(f"it ends inside {name!r}")
    return data[:size]


def _records(data: bytes) -> dict[str, str]:
    """The records of a pax header: "length key=value" and a line feed, the length counting all of it."""
    records, at = {}, 0
    while at < len(data) and data[at]:
        digits = data[at : at + 8].partition(b" ")[0]
        end = at + int(digits)
        key, equals, value = data[at + len(digits) + 1 : end - 1].partition(b"=")
        if end <= at or end > len(data) or not equals:
            raise ValueError(f"a pax header has the record {data[at : at + 20]!r}")
        if key.startswith(b"GNU.sparse"):
            raise DataError("a sparse file; only plain files are read")
        records[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        at = end
    return records
