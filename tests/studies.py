"""A data set of studies: phantoms as films, some with a bright spot, several to a study."""

import numpy as np
import torch

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.phantoms import CLASSES, draw
from layerscope.data.published import Published
from layerscope.dataset import Dataset
from layerscope.inputs import Images

PARTS = ("CXR", "Hand")
CARD = Card("studies", "Studies of phantoms", "CC0 1.0", "drawn for tests; not medical data", "patient (invented)")
PUBLISHED = (
    Published("somebody", "kappa", {"all": 0.7, "Hand": 0.9}, "other studies", "Somebody 2020", "from a poster"),
    Published("somebody", "auroc", {"all": 0.95}, "other studies", "Somebody 2020"),
)


def studies(images: int = 600, seed: int = 0) -> Loaded:
    """`images` in two body parts; of an abnormal study every image shows a spot, or, of every third, only the first."""
    drawn, rng = draw(images * len(CLASSES) // len(PARTS), seed), np.random.default_rng(seed)
    kept = np.flatnonzero(np.isin(drawn.targets, [CLASSES.index(part) for part in PARTS]))
    pixels = drawn.pixels[kept]
    part = np.array(CLASSES)[drawn.targets[kept]]
    case = np.concatenate([np.cumsum(rng.random((part == name).sum()) < 0.4) for name in PARTS])
    abnormal = rng.random(case.max() + 1)
    targets = (abnormal[case] < 0.45) & (part == PARTS[0]) | (abnormal[case] > 0.55) & (part == PARTS[1])
    names = np.array([f"{p}/study{c:04}" for p, c in zip(part, case, strict=True)])
    first = np.append(True, names[1:] != names[:-1])
    for i in np.flatnonzero(targets & (first | (case % 3 > 0))):
        y, x = rng.integers(12, 44, 2)
        pixels[i, y : y + 8, x : x + 8] = 255
    dataset = Dataset(
        name=CARD.title,
        inputs=Images(torch.from_numpy(pixels)[:, None]),
        targets=torch.from_numpy(targets.astype(np.int64)),
        groups=case // 2,
        ids=np.array([f"{name}/image{i:04}" for i, name in enumerate(names)]),
        classes=("normal", "abnormal"),
        source=CARD,
        cases=names,
        strata=part,
    )
    return Loaded(dataset, "drawn on the spot", f"studies {images} {seed}", grouping=None)
