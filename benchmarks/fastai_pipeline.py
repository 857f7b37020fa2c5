"""Images per second of lesson 2's fastai pipeline, against the plain way: fastai's ImageBlock on a folder of files.

The same MedNIST images at the same size, the same batches and changes, in one process, in turn. Each number is the
best of some repeats: an epoch of data only (batches made, changed and thrown away), and an epoch of training with the
lesson's network, its body frozen and free. A GPU is used where there is one.
"""
# ruff: noqa: E402  torch's settings and torchvision's operators come before the imports that need them

import argparse
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
warnings.filterwarnings("ignore", category=DeprecationWarning)  # fastai's own

import numpy as np
import torch

from layerscope.torchvision_cpu import declare_operators

declare_operators()

from fastai.data.block import CategoryBlock, DataBlock, TransformBlock
from fastai.data.core import DataLoaders
from fastai.data.transforms import FuncSplitter, IntToFloatTensor, Normalize, get_image_files, parent_label
from fastai.learner import Learner
from fastai.torch_core import TensorImage, to_device
from fastai.vision.augment import aug_transforms
from fastai.vision.data import ImageBlock
from fastai.vision.learner import vision_learner
from PIL import Image

from layerscope.data import mednist
from layerscope.dataset import Dataset
from layerscope.models.pretrained import Pretrained, efficientnet_lite0

BATCH, SIZE = 64, 64


def from_array(dataset: Dataset, held: set[str], changes: list) -> DataLoaders:
    """As in the lesson: one row of the cached array for each item."""
    row = {name: number for number, name in enumerate(dataset.ids)}
    block = DataBlock(
        blocks=(TransformBlock(batch_tfms=IntToFloatTensor), CategoryBlock(list(dataset.classes), sort=False)),
        get_x=lambda item: TensorImage(dataset.inputs.pixels[row[item]].expand(3, -1, -1)),
        get_y=lambda item: dataset.classes[dataset.targets[row[item]]],
        splitter=FuncSplitter(lambda item: item in held),
        batch_tfms=changes,
    )
    return block.dataloaders([*dataset.ids], bs=BATCH, num_workers=0)


def from_files(folder: Path, classes: tuple[str, ...], held: set[str], workers: int, changes: list) -> DataLoaders:
    """The plain way: each image is opened and decoded each time."""
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(list(classes), sort=False)),
        get_items=get_image_files,
        get_y=parent_label,
        splitter=FuncSplitter(lambda path: f"{path.parent.name}/{path.stem}.jpeg" in held),
        batch_tfms=changes,
    )
    return block.dataloaders(folder, bs=BATCH, num_workers=workers)


def write(dataset: Dataset, folder: Path, kind: str) -> None:
    for name, pixels in zip(dataset.ids, dataset.inputs.pixels.numpy(), strict=True):
        path = (folder / str(name)).with_suffix(f".{kind}")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[0]).save(path)


def epoch_of_data(dls: DataLoaders) -> None:
    for _batch in dls.train:
        pass


def epoch_of_training(learn: Learner) -> None:
    """What fastai's loop does for each batch, without its callbacks."""
    learn.model.train()
    device = learn.dls.device.type
    for x, y in learn.dls.train:
        with torch.autocast(device, torch.float16, enabled=device == "cuda"):
            loss = learn.loss_func(learn.model(x), y)
        loss.backward()
        learn.opt.step()
        learn.opt.zero_grad()


def learner(dls: DataLoaders, network: Pretrained, free: bool) -> Learner:
    made = vision_learner(
        dls,
        lambda pretrained: efficientnet_lite0().model,  # noqa: ARG005  it has its weights already
        pretrained=network.trained,
        normalize=False,
    )
    (made.unfreeze if free else made.freeze)()
    made.model.to(dls.device)
    return made


def rate(work: Callable[[], None], images: int) -> float:
    """Images per second of one run."""
    start = perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return images / (perf_counter() - start)


def measure(ways: dict[str, DataLoaders], network: Pretrained, repeats: int) -> dict[str, dict[str, float]]:
    """The best of `repeats`, all ways in turn, so that a busy moment of the machine meets all of them."""
    found: dict[str, dict[str, float]] = {name: {} for name in ways}
    works = {
        name: {
            "data": partial(epoch_of_data, dls),
            "training, body frozen": partial(epoch_of_training, learner(dls, network, free=False)),
            "training, all layers": partial(epoch_of_training, learner(dls, network, free=True)),
        }
        for name, dls in ways.items()
    }
    for _ in range(repeats):
        for name, own in works.items():
            for what, work in own.items():
                images = len(ways[name].train) * BATCH
                found[name][what] = max(found[name].get(what, 0.0), rate(work, images))
    return found


def stages(dls: DataLoaders) -> dict[str, float]:
    """Microseconds of one image in each stage of making a batch."""
    items = range(BATCH)

    def sample(i: int) -> tuple:
        return dls.train.after_item(dls.train_ds[i])

    samples = [sample(i) for i in items]
    batch = dls.train.create_batch(samples)
    works = {
        "get_x and get_y": lambda: [sample(i) for i in items],
        "stack to a batch": lambda: dls.train.create_batch(samples),
        "batch_tfms": lambda: dls.train.after_batch(to_device(batch, dls.device)),
    }
    return {name: 1e6 / max(rate(work, BATCH) for _ in range(10)) for name, work in works.items()}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("archive", type=Path)
    arguments.add_argument("--cache", type=Path, help="where prepared images are kept; else in a temporary folder")
    arguments.add_argument("--images", type=int, default=2048)
    arguments.add_argument("--repeats", type=int, default=3)
    given = arguments.parse_args()
    network = efficientnet_lite0()
    changes = [
        *aug_transforms(size=SIZE, do_flip=False, max_rotate=10, max_zoom=1.1, max_warp=0.1),
        Normalize.from_stats(network.mean, network.std),
    ]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAYERSCOPE_CACHE"] = str(given.cache or folder)
        whole = mednist.load(given.archive).dataset
        rows = np.sort(np.random.default_rng(0).choice(len(whole), given.images + BATCH, replace=False))
        dataset = whole.rows(rows)
        held = {str(name) for name in dataset.ids[:: given.images // BATCH + 1]}
        workers = os.cpu_count() or 1
        ways = {"cached array": from_array(dataset, held, changes)}
        for kind in ("jpeg", "png"):
            write(dataset, Path(folder) / kind, kind)
            for count in (0, workers):
                name = f"{kind} files, {count} workers"
                ways[name] = from_files(Path(folder) / kind, dataset.classes, held, count, changes)
        found = measure(ways, network, given.repeats)
        per_stage = {name: stages(ways[name]) for name in ("cached array", "jpeg files, 0 workers")}
    ours, best = found["cached array"], {}
    for what in ours:
        best[what] = max(own[what] for name, own in found.items() if name != "cached array")
    facts = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "images": given.images,
        "pixels": SIZE,
        "images per second": found,
        "times as fast as the best way with files": {what: ours[what] / best[what] for what in ours},
        "times as fast as the plain way (jpeg, 0 workers)": {
            what: ours[what] / found["jpeg files, 0 workers"][what] for what in ours
        },
        "share of a training epoch that its data takes": {
            name: {what: own[what] / own["data"] for what in own if what != "data"} for name, own in found.items()
        },
        "microseconds of an image": per_stage,
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
