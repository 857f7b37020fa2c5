"""The phantoms as a data set: synthetic images that need no download, whose patients are known."""

from pathlib import Path

import numpy as np
import torch

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.phantoms import CLASSES, LICENSE, TITLE, draw
from layerscope.dataset import Dataset
from layerscope.inputs import Images
from layerscope.progress import Progress, silent
from layerscope.source import DataError

CARD = Card(
    "phantoms",
    TITLE,
    LICENSE,
    "drawn by layerscope.data.phantoms; not medical data",
    "patient (known, since they were drawn)",
)
SPLIT = "groups"
FROM = "drawn"
KIND = "images"
IMAGES = 12_000


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """The same images on every machine.

    Raises:
        DataError: if a path is given, because phantoms are drawn and not read.
    """
    if path is not None:
        raise DataError(f"phantoms are drawn, not read from a file. Leave out --data (got {path}).")
    drawn = draw(IMAGES, seed=0, progress=progress)
    ids = np.array([f"{CLASSES[t]}/{n:06}" for t, n in zip(drawn.targets, drawn.numbers, strict=True)])
    pixels = torch.from_numpy(drawn.pixels)[:, None]
    dataset = Dataset(TITLE, Images(pixels), torch.from_numpy(drawn.targets), drawn.patients, ids, CLASSES, CARD)
    return Loaded(dataset, "drawn on the spot, seed 0", f"phantoms {IMAGES} seed 0", grouping=None)
