"""`layerscope see NETWORK --transfer DATA`: a network of a run, or one trained on photographs, and a new task."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from layerscope.checkpoint import load_model
from layerscope.data import DATASETS, folder
from layerscope.data.splits import SPLITS
from layerscope.dataset import Dataset, at_most, split
from layerscope.inputs import Images
from layerscope.models.borrowed import borrow
from layerscope.models.feeding import Feed
from layerscope.models.layered import Layered
from layerscope.models.pretrained import efficientnet_lite0
from layerscope.progress import Progress
from layerscope.see.transfer import Transfer, layers_for_transfer
from layerscope.source import DataError
from layerscope.study.folder import RunFolder

PHOTOGRAPHS = "efficientnet_lite0"
SIZE = 128  # of your own images, for a network that takes any
READ = 1000  # samples to learn from, and as many to be asked


class Task(NamedTuple):
    fit_on: Dataset
    score_on: Dataset


def transfer(network: str, data: str, seed: int, progress: Progress, say: Callable[[str], None]) -> Transfer:
    """
    Args:
        network: a run folder, or `efficientnet_lite0`.
        data: a folder of images (see layerscope.data.folder), or the name of a data set.

    Raises:
        DataError: if one of them is neither, they do not fit, or the run was trained on these data.
    """
    if network == PHOTOGRAPHS:
        task = _task(data, (None, SIZE, SIZE), seed, progress, say)
        found = efficientnet_lite0()
        say(f"Network: {found.says}.")
        model = borrow(found.model, task.fit_on.inputs, feed=_normalised(found.mean, found.std))
    else:
        run, model = _of_run(Path(network), data, say)
        task = _task(data, run, seed, progress, say)
    return layers_for_transfer(model, *task, seed, progress)


def _of_run(path: Path, data: str, say: Callable[[str], None]) -> tuple[tuple[int, int, int], Layered]:
    """Channels, height and width that the run's images had, and its network: that of the wild, if there is one."""
    if not (path / "run.json").is_file():
        raise DataError(f"{path} is no run folder: needed a run.json there, or {PHOTOGRAPHS} as the network.")
    run = RunFolder(path)
    if run.run["plan"]["data"] == data:
        raise DataError(
            f"{path} was trained on {data}, so that is no new task. `layerscope see {path}` reads its layers."
        )
    shape = next(column.shape[1:] for name, column in run.pictures().items() if name.endswith("-pixels"))
    where = next((name for name in ("model-wild", "model") if (path / name).is_dir()), "model")
    say(f"Network: {path / where}.")
    return (int(shape[0]), int(shape[1]), int(shape[2])), load_model(path / where)[0]


def _task(
    data: str, shape: tuple[int | None, int, int], seed: int, progress: Progress, say: Callable[[str], None]
) -> Task:
    channels, height, width = shape
    if data in DATASETS:
        module = DATASETS[data]
        loaded = module.load(progress=progress)
        parts = SPLITS[module.SPLIT](loaded.dataset, seed)
        fit_on, score_on = parts["train"], parts["test"]
    elif Path(data).is_dir():
        loaded = folder.load(Path(data), height, channels, progress=progress)
        fit_on, score_on = split(loaded.dataset, {"fit": 0.5, "score": 0.5}, seed).values()
    else:
        raise DataError(f"{data} is neither a folder of images nor a data set. Data sets: {', '.join(DATASETS)}.")
    given = tuple(loaded.dataset.inputs.pixels.shape[1:])
    if channels is not None and given != (channels, height, width):
        raise DataError(f"the network takes images of {_shown(channels, height, width)}. {data} has {_shown(*given)}.")
    say(f"Data: {loaded.origin}. Groups: {loaded.dataset.source.group}.")
    return Task(at_most(fit_on, READ, seed), at_most(score_on, READ, seed))


def _shown(channels: int, height: int, width: int) -> str:
    return f"{channels} channel(s), {height} × {width} pixels"


def _normalised(mean: tuple[float, ...], std: tuple[float, ...]) -> Feed:
    def feed(model: Any, inputs: Images) -> Tensor:
        pixels = inputs.pixels.float() / 255
        centre, spread = (torch.tensor(t, device=pixels.device).view(1, -1, 1, 1) for t in (mean, std))
        return model((pixels.expand(-1, len(mean), -1, -1) - centre) / spread)

    return feed
