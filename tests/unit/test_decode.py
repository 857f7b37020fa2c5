"""One image file to one array: the same pixels by either decoder, and never a silent conversion."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from layerscope.data import decode as module
from layerscope.data.decode import BadImage, decode

RNG = np.random.default_rng(0)
GREY = np.asarray(Image.fromarray(RNG.integers(0, 256, (9, 11), np.uint8)).resize((97, 61)))
COLOUR = np.asarray(Image.fromarray(RNG.integers(0, 256, (9, 11, 3), np.uint8)).resize((97, 61)))
LOSSLESS = ["PNG", "BMP", "GIF", "TIFF", "PPM"]


def packed(pixels: np.ndarray | Image.Image, format: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.fixture(params=["simplejpeg", "Pillow"])
def decoder(request, monkeypatch):
    """Both ways to read a JPEG."""
    if request.param == "simplejpeg":
        pytest.importorskip("simplejpeg")
    else:
        monkeypatch.setattr(module, "simplejpeg", None)
    return request.param


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
@pytest.mark.parametrize("quality", [20, 95])
def test_both_decoders_give_the_same_pixels(monkeypatch, progressive, subsampling, quality):
    pytest.importorskip("simplejpeg")
    grey = packed(GREY, "JPEG", progressive=progressive, quality=quality)
    colour = packed(COLOUR, "JPEG", progressive=progressive, subsampling=subsampling, quality=quality)
    fast = decode(grey, 1), decode(colour, 3)
    monkeypatch.setattr(module, "simplejpeg", None)
    slow = decode(grey, 1), decode(colour, 3)
    np.testing.assert_array_equal(fast[0], slow[0])
    np.testing.assert_array_equal(fast[1], slow[1])
    np.testing.assert_array_equal(fast[1], np.asarray(Image.open(io.BytesIO(colour))).transpose(2, 0, 1))


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_formats_give_their_pixels(format):
    np.testing.assert_array_equal(decode(packed(GREY, format), 1), GREY[None])
    if format != "GIF":  # at most 256 colours
        np.testing.assert_array_equal(decode(packed(COLOUR, format), 3), COLOUR.transpose(2, 0, 1))


def test_grey_in_a_colour_file_is_grey_and_grey_is_repeated_for_colour(decoder):
    three = np.stack([GREY] * 3, axis=2)
    np.testing.assert_array_equal(decode(packed(three, "PNG"), 1), GREY[None])
    np.testing.assert_array_equal(decode(packed(GREY, "PNG"), 3), three.transpose(2, 0, 1))
    grey = decode(packed(three, "JPEG"), 1)
    np.testing.assert_array_equal(grey, decode(packed(GREY, "JPEG"), 1))
    np.testing.assert_array_equal(decode(packed(GREY, "JPEG"), 3), grey.repeat(3, axis=0))


def test_colour_is_refused_where_grey_is_needed(decoder):
    almost = np.stack([GREY] * 3, axis=2)
    almost[60, 96, 2] ^= 1  # one bit of one pixel
    for data in (packed(almost, "PNG"), packed(COLOUR, "JPEG"), packed(COLOUR, "PNG")):
        with pytest.raises(BadImage, match="a colour image, grey is needed"):
            decode(data, 1)


def test_palettes_bits_and_opaque_alpha_lose_nothing():
    palette = Image.fromarray(COLOUR).quantize(16)
    np.testing.assert_array_equal(
        decode(packed(palette, "PNG"), 3), np.asarray(palette.convert("RGB")).transpose(2, 0, 1)
    )
    bits = Image.fromarray(GREY > 99)
    assert bits.mode == "1"
    np.testing.assert_array_equal(decode(packed(bits, "PNG"), 1), (GREY > 99)[None] * np.uint8(255))
    opaque = np.full((61, 97, 1), 255, np.uint8)
    np.testing.assert_array_equal(decode(packed(np.dstack([GREY, opaque]), "PNG"), 1), GREY[None])
    np.testing.assert_array_equal(decode(packed(np.dstack([COLOUR, opaque]), "PNG"), 3), COLOUR.transpose(2, 0, 1))


def test_transparency_is_refused():
    alpha = np.full((61, 97, 1), 255, np.uint8)
    alpha[3, 4] = 254
    palette = Image.fromarray(COLOUR).quantize(16)
    for data in (
        packed(np.dstack([COLOUR, alpha]), "PNG"),
        packed(np.dstack([GREY, alpha]), "PNG"),
        packed(palette, "PNG", transparency=int(np.asarray(palette)[0, 0])),
        packed(GREY, "PNG", transparency=int(GREY[0, 0])),
    ):
        with pytest.raises(BadImage, match="a transparent image"):
            decode(data, 3)


def png(depth: int, kind: int, rows: bytes) -> bytes:
    """A PNG of 2 × 2 pixels that Pillow cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 2, 2, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_more_than_8_bits_and_other_colours_are_refused():
    for data in (
        packed(GREY.astype(np.uint16) * 257, "PNG"),
        packed(GREY.astype(np.uint16) * 257, "TIFF"),
        packed(GREY.astype(np.float32), "TIFF"),
        packed(Image.fromarray(COLOUR).convert("CMYK"), "JPEG"),
        packed(Image.fromarray(COLOUR).convert("CMYK"), "TIFF"),
        png(16, 2, (b"\0" + bytes(12)) * 2),  # Pillow would drop the lower half of each value
    ):
        with pytest.raises(BadImage, match=r"mode .*: grey or RGB with 8 bits is needed"):
            decode(data, 3)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_more_than_one_frame_is_refused(format):
    frames = [Image.fromarray(frame) for frame in (COLOUR, 255 - COLOUR)]
    with pytest.raises(BadImage, match="more than one frame or page"):
        decode(packed(frames[0], format, save_all=True, append_images=frames[1:]), 3)
    decode(packed(frames[0], format), 3)


def test_another_size_is_refused_from_the_header(decoder):
    for format in ("JPEG", "PNG"):
        decode(packed(GREY, format), 1, (61, 97))
        with pytest.raises(BadImage, match=r"61 × 97 pixels \(height × width\), 97 × 61 are needed"):
            decode(packed(GREY, format), 1, (97, 61))


def test_a_decompression_bomb_is_refused_from_the_header(decoder):
    jpeg = bytearray(packed(GREY, "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 9000, 9000)
    with pytest.raises(BadImage, match="9000 × 9000 pixels, more than 67,108,864"):
        decode(bytes(jpeg), 1)
    for side, complaint in ((9000, "9000 × 9000 pixels, more than"), (60_000, "3600000000 pixels")):
        data = bytearray(packed(GREY, "PNG"))
        data[16:24] = struct.pack(">II", side, side)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        with pytest.raises(BadImage, match=complaint):
            decode(bytes(data), 1)


@pytest.mark.parametrize("format", ["JPEG", *LOSSLESS])
def test_a_cut_file_is_refused_wherever_it_was_cut(decoder, format):
    data = packed(GREY, format)
    needed = len(data) - (1 if format in ("GIF", "PNG") else 0)  # their last byte says nothing
    for at in {0, 1, 3, 20, *range(40, needed - 20, 199)}:
        with pytest.raises(BadImage):
            decode(data[:at], 1)


def test_a_damaged_jpeg_is_refused_in_pillows_words_or_else_the_decoders():
    pytest.importorskip("simplejpeg")
    data = packed(GREY, "JPEG")
    with pytest.raises(BadImage, match="damaged: image file is truncated"):
        decode(data[:-100], 1)
    hurt = bytearray(data)
    hurt[len(data) // 2 : len(data) // 2 + 2] = b"\xff\xd0"  # a restart marker in the middle: Pillow reads on
    with pytest.raises(BadImage, match="damaged: Corrupt JPEG data"):
        decode(bytes(hurt), 1)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", r"an empty file \(0 bytes\)"),
        (b"text", "not an image, or not of a kind that is read .JPEG, PNG"),
        (b"\xff\xd8\xff", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not an image"),
    ],
)
def test_what_is_no_image_says_so(decoder, data, complaint):
    with pytest.raises(BadImage, match=complaint):
        decode(data, 1)


def test_pictures_of_phones_with_a_second_one_inside_are_read(decoder):
    frames = [Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)]
    data = packed(frames[0], "MPO", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(data, 3), np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1))
