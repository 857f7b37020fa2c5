"""One image file to one array. What cannot be had without loss is refused, never converted silently."""

import io
import struct
import zlib

import numpy as np
from jaxtyping import UInt8
from PIL import Image

try:
    import simplejpeg
except ImportError:  # no wheel for this platform: Pillow gives the same pixels, three times slower
    simplejpeg = None

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # Pillow's others include readers that run programs
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # 8 bits; what is in them can be had as grey or RGB without loss
LARGEST = 64 << 20  # pixels
UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, AttributeError)
UNREADABLE += (RuntimeError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError, Warning)
"""What Pillow lets through on files that are no image, or a damaged one."""


class BadImage(Exception):
    """Why a file cannot be used, in words."""


def decode(data: bytes, channels: int, size: tuple[int, int] | None = None) -> UInt8[np.ndarray, "c h w"]:
    """The pixels as stored: 1 channel (grey) or 3 (red, green, blue), of `size` (height, width) if one is given.

    Grey is taken from a colour file only if its three channels are equal everywhere, colour from a grey file by
    repeating it, and alpha is left out only if all of it is opaque. An EXIF rotation is not applied.

    Raises:
        BadImage: if that cannot be had: damaged, cut, another size, colour, transparent, more than 8 bits, animated,
            more than LARGEST pixels, or no image at all.
    """
    pixels = _jpeg(data, size) if data.startswith(b"\xff\xd8\xff") else _any(data, size)
    if channels == 1 and pixels.shape[2] == 3:
        if (pixels[..., :1] != pixels).any():
            raise BadImage("a colour image, grey is needed")
        pixels = pixels[..., :1]
    if channels == 3 and pixels.shape[2] == 1:
        pixels = pixels.repeat(3, axis=2)
    return pixels.transpose(2, 0, 1)


def _jpeg(data: bytes, size: tuple[int, int] | None) -> UInt8[np.ndarray, "h w c"]:
    if simplejpeg is None:
        return _any(data, size)
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return _any(data, size)
    if space not in ("Gray", "YCbCr", "RGB"):
        return _any(data, size)
    _check(int(height), int(width), size)
    try:
        return simplejpeg.decode_jpeg(data, "GRAY" if space == "Gray" else "RGB")
    except ValueError as error:
        _any(data, size)  # Pillow says more clearly what is wrong; where it sees nothing wrong, the decoder's own words
        raise BadImage(f"damaged: {error}") from error


def _any(data: bytes, size: tuple[int, int] | None) -> UInt8[np.ndarray, "h w c"]:
    if not data:
        raise BadImage("an empty file (0 bytes)")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check(image.height, image.width, size)
            if image.mode not in MODES or (image.format == "PNG" and data[24] > 8):
                raise BadImage(f"mode {image.mode}: grey or RGB with 8 bits is needed")
            pixels = _opaque(image)
            if image.format != "JPEG" and image.format != "MPO" and _animated(image):
                raise BadImage("more than one frame or page")
    except Image.UnidentifiedImageError as error:
        raise BadImage(f"not an image, or not of a kind that is read ({', '.join(FORMATS)})") from error
    except UNREADABLE as error:
        raise BadImage(f"damaged: {str(error) or type(error).__name__}") from error
    return pixels


def _check(height: int, width: int, size: tuple[int, int] | None) -> None:
    """From the header, before anything is decoded."""
    if size is not None and (height, width) != size:
        raise BadImage(f"{height} × {width} pixels (height × width), {size[0]} × {size[1]} are needed")
    if height * width > LARGEST:
        raise BadImage(f"{height} × {width} pixels, more than {LARGEST:,}")


def _opaque(image: Image.Image) -> UInt8[np.ndarray, "h w c"]:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image)[..., 3].min() < 255:
            raise BadImage("a transparent image")
    pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    return pixels.reshape(*pixels.shape[:2], -1)


def _animated(image: Image.Image) -> bool:
    try:
        image.seek(1)
    except EOFError:
        return False
    return True
