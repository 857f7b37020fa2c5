"""Two small experiments of the slides' own: pixels in a new order, and a mark that gives the answer away."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from layerscope.checkpoint import build
from layerscope.data import DATASETS
from layerscope.data.augment import wild
from layerscope.data.splits import SPLITS
from layerscope.dataset import Dataset
from layerscope.inputs import Images
from layerscope.judge import METRICS
from layerscope.models import CNNConfig, MLPConfig
from layerscope.study.data import thin
from layerscope.study.plan import few_label_recipe
from layerscope.train import Recipe, fit, predict

SEEDS = (0, 1, 2)
EACH = 100  # images of each class that the shortcut is learned from
NEARLY = 0.95
TAG = torch.zeros(7, 11, dtype=torch.uint8)
TAG[[0, 0, 1, 2, 3, 3, 4, 5, 6, 6], [0, 1, 0, 0, 0, 1, 0, 0, 0, 1]] = 255  # an E, as a scanner might print
TAG[:, 4] = TAG[0, 5:8] = TAG[3, 5:8] = TAG[:4, 8] = TAG[:, 10] = 255  # and a P and an I


def parts_of(kinds: tuple[str, ...] | None, per_class: int) -> dict[str, Dataset]:
    """MedNIST in its honest split, thinned; only some of its classes."""
    dataset = DATASETS["mednist"].load(None, False).dataset
    parts = SPLITS[DATASETS["mednist"].SPLIT](dataset, 0)
    wanted = kinds or dataset.classes
    numbers = [dataset.classes.index(kind) for kind in wanted]
    found = {}
    for name, part in parts.items():
        rows = np.flatnonzero(np.isin(part.targets.numpy(), numbers))
        own = part.rows(rows)
        targets = torch.tensor([numbers.index(int(t)) for t in own.targets])
        found[name] = thin(replace(own, targets=targets, classes=tuple(wanted)), per_class, 0)
    return found


def shuffled() -> dict[str, Any]:
    """A CNN and an MLP on images in the wild, and on the same with all pixels in one new order for every image.

    On clean images both do well in any order, which shows nothing.
    """
    parts = {name: wild(part, seed=i) for i, (name, part) in enumerate(parts_of(None, 1_000).items())}
    order = torch.randperm(64 * 64, generator=torch.Generator().manual_seed(0))
    worlds = {"as they are": parts, "shuffled": {name: reordered(part, order) for name, part in parts.items()}}
    found: dict[str, list[float]] = {}
    for world, own in worlds.items():
        for net, config, recipe in (
            ("cnn", CNNConfig(1, 6), Recipe(epochs=3, lr=1e-2)),
            ("mlp", MLPConfig(64 * 64, 6), Recipe(epochs=5, lr=2e-3)),
        ):
            found[f"{net}, {world}"] = [right(net, config, own, replace(recipe, seed=seed)) for seed in SEEDS]
    return {"right": found, "train": len(parts["train"]), "test": len(parts["test"]), "seeds": len(SEEDS)}


def right(net: str, config: CNNConfig | MLPConfig, parts: dict[str, Dataset], recipe: Recipe) -> float:
    network = build(net, vars(config), recipe.seed)
    fit(network, parts["train"], parts["val"], recipe)
    return METRICS["accuracy"](predict(network, parts["test"]))


def reordered(dataset: Dataset, order: torch.Tensor) -> Dataset:
    pixels = dataset.inputs.pixels
    return replace(dataset, inputs=Images(pixels.flatten(2)[..., order].reshape(pixels.shape)))


def shortcut() -> dict[str, Any]:
    """Abdomen or chest, in the wild, from few images. In training a scanner's mark goes with the chest: always, or
    nearly always. Then the mark is left out, and then it goes with the abdomen.
    """
    parts = shortcut_parts()
    found: dict[str, dict[str, list[float]]] = {}
    for how, share in (("always", 1.0), ("nearly", NEARLY), ("never", 0.0)):
        tests = {"home": (1 - share, share), "none": (0.0, 0.0), "other": (share, 1 - share)}
        if how == "never":
            tests = {"none": (0.0, 0.0)}
        networks = [learned(parts["train"], tests.get("home", (0.0, 0.0)), seed) for seed in SEEDS]
        found[how] = {
            name: [METRICS["accuracy"](predict(network, marked(parts["test"], rates, 2))) for network in networks]
            for name, rates in tests.items()
        }
    return {
        "right": found,
        "seeds": len(SEEDS),
        "each": EACH,
        "test": len(parts["test"]),
        "nearly": NEARLY,
    }


def shortcut_parts() -> dict[str, Dataset]:
    kinds = parts_of(("AbdomenCT", "ChestCT"), 1_000)
    return {name: wild(part, seed=i) for i, (name, part) in enumerate(kinds.items())}


def marked_examples() -> torch.Tensor:
    """Two images of each class, (4, y, x), with the mark on those of the chest."""
    shown = marked(shortcut_parts()["test"], (0.0, 1.0), 2)
    return torch.cat([clearest(shown, kind) for kind in (0, 1)])


def clearest(dataset: Dataset, kind: int) -> torch.Tensor:
    """The two images of a class with the most contrast, to show."""
    own = dataset.inputs.pixels[dataset.targets == kind, 0]
    return own[own.float().std(dim=(1, 2)).topk(2).indices]


def learned(train: Dataset, rates: tuple[float, float], seed: int) -> Any:
    """A CNN that has learned from few images, with marks in this share of each class."""
    own = marked(thin(train, EACH, seed), rates, seed)
    network = build("cnn", vars(CNNConfig(1, 2)), seed)
    fit(network, own, None, few_label_recipe(Recipe(), len(own), 100, seed))
    return network.eval()


def marked(dataset: Dataset, rates: tuple[float, float], seed: int) -> Dataset:
    """The same images; a mark is printed into the corner of so large a share of each class."""
    pixels, targets = dataset.inputs.pixels.clone(), dataset.targets.numpy()
    print_on = np.random.default_rng(seed).random(len(dataset)) < np.array(rates)[targets]
    corner = pixels[torch.from_numpy(print_on), :, 3:10, 3:14]
    pixels[torch.from_numpy(print_on), :, 3:10, 3:14] = torch.maximum(corner, TAG)
    return replace(dataset, inputs=Images(pixels))
