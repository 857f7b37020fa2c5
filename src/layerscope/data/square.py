"""Films of any shape on one square: padded with black, never squeezed."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Box = tuple[int, int, int, int]


class Fit(NamedTuple):
    """Where a film lies on the square, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def fit(height: int, width: int, size: int) -> Fit:
    """The largest place with the film's proportions (to the pixel), in the middle."""
    longer = max(height, width)
    wide, high = max(1, round(width * size / longer)), max(1, round(height * size / longer))
    return Fit((size - wide) // 2, (size - high) // 2, wide, high)


def squared(film: UInt8[np.ndarray, "h w"], size: int) -> UInt8[np.ndarray, "n n"]:
    """The film on a black square of `size` pixels a side."""
    place = fit(film.shape[0], film.shape[1], size)
    square = np.zeros((size, size), np.uint8)
    small = Image.fromarray(film).resize((place.width, place.height), Image.Resampling.BILINEAR)  # averages, too
    square[place.top : place.top + place.height, place.left : place.left + place.width] = np.asarray(small)
    return square


def squared_box(box: Box, height: int, width: int, size: int) -> Box:
    """The pixels of the square that a box x0, y0, x1, y1 of a film touches."""
    place = fit(height, width, size)
    x, y = place.width / width, place.height / height
    low = int(place.left + box[0] * x), int(place.top + box[1] * y)
    high = -int(-(place.left + box[2] * x) // 1), -int(-(place.top + box[3] * y) // 1)
    return (*low, *high)
