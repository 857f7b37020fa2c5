"""The pictures of all samples as tiles of one image, which a page can show a piece of."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

QUALITY = 60  # of lossy WebP
WIDEST = 16_000  # pixels; WebP has no more than 16,383


def sprite(pixels: UInt8[np.ndarray, "s c h w"], tile: int = 48) -> tuple[bytes, int]:
    """A WebP image with one tile for each sample, row by row, and the number of columns.

    Args:
        tile: side of a tile in pixels; pictures keep their shape, on black.

    Raises:
        ValueError: with other than 1 or 3 channels, or more tiles than an image can have.
    """
    count, channels = pixels.shape[:2]
    if channels not in (1, 3):
        raise ValueError(f"pictures need 1 or 3 channels, grey or colour. Got {channels}. Give pictures of your own.")
    columns = int(np.ceil(np.sqrt(count)))
    if columns * tile > WIDEST:
        raise ValueError(f"{count:,} pictures of {tile} pixels do not fit one image. Show fewer samples.")
    mode = "L" if channels == 1 else "RGB"
    sheet = Image.new(mode, (columns * tile, -(-count // columns) * tile))
    for i, picture in enumerate(pixels):
        image = Image.fromarray(picture[0] if channels == 1 else np.moveaxis(picture, 0, -1))
        image.thumbnail((tile, tile), Image.Resampling.BOX)
        left, top = i % columns * tile, i // columns * tile
        sheet.paste(image, (left + (tile - image.width) // 2, top + (tile - image.height) // 2))
    out = io.BytesIO()
    sheet.save(out, format="WEBP", quality=QUALITY, method=4)
    return out.getvalue(), columns
