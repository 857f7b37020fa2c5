"""Images of MedNIST that the slides show, as one small PNG (CC BY-SA 4.0, as MedNIST itself); not in the repository."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from experiments.small import marked_examples
from layerscope.data import DATASETS
from layerscope.data.augment import wild
from layerscope.data.leaks import thumbnails, twins
from layerscope.dataset import split

FILE = Path(__file__).parents[1] / "results" / "pictures.png"
EACH, TWINS = 4, 4


def pictures() -> dict[str, Any]:
    """Rows of the picture: six classes as they are, the same in the wild, then near twins of a random split."""
    dataset = DATASETS["mednist"].load(None, False).dataset
    targets = dataset.targets.numpy()
    own = [np.flatnonzero(targets == k) for k in range(len(dataset.classes))]
    some = np.concatenate([rows[np.linspace(0, len(rows) - 1, EACH + 2).astype(int)[1:-1]] for rows in own])
    chosen = dataset.rows(some)
    test, train, alike = near_twins(dataset)
    tiles = [chosen.inputs.pixels, wild(chosen, seed=1).inputs.pixels, test, train, marked_examples()[:, None]]
    grid = (
        torch.cat([tile[:, 0] for tile in tiles]).reshape(-1, EACH, 64, 64).permute(0, 2, 1, 3).reshape(-1, EACH * 64)
    )
    Image.fromarray(grid.numpy()).save(FILE, optimize=True)
    return {
        "file": FILE.name,
        "credit": dataset.source.citation,
        "license": dataset.source.license,
        "ids": [str(name) for name in chosen.ids],
        "columns": EACH,
        "side": 64,
        "rows": {
            "clean": 0,
            "wild": len(own),
            "test": 2 * len(own),
            "train": 2 * len(own) + 1,
            "mark": 2 * len(own) + 2,
        },
        "classes": dataset.classes,
        "alike": alike,
        "twins_of": "AbdomenCT",
    }


def near_twins(dataset: Any) -> tuple[Any, Any, list[float]]:
    """Test images of a random split that have a near twin in training, and this twin (correlation at 32×32)."""
    drawn = split(replace(dataset, groups=np.arange(len(dataset))), {"train": 0.7, "test": 0.3}, 0)
    kind = dataset.classes.index("AbdomenCT")
    test, train = (part.rows(np.flatnonzero(part.targets.numpy() == kind)) for part in (drawn["test"], drawn["train"]))
    has = np.flatnonzero(twins(test.inputs.pixels, test.targets.numpy(), train.inputs.pixels, train.targets.numpy()))
    test = test.rows(has[np.linspace(0, len(has) - 1, TWINS).astype(int)])
    best = (thumbnails(test.inputs.pixels, 32) @ thumbnails(train.inputs.pixels, 32).T).max(dim=1)
    return test.inputs.pixels, train.inputs.pixels[best.indices], best.values.tolist()
