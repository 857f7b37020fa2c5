"""From the MedNIST archive to test predictions: the 2021 course's procedure, and ours, on the course's split.

The course's procedure, from its published description: the archive unpacked to files, read file by file,
`random_split` (41,267 / 17,687, generator seed 42), a DataLoader with batches of 4, a network of two convolutions and
three matrices, SGD with momentum (lr 0.001, 0.9), two epochs. Its notebook printed 99.53 %.

    python benchmarks/course2021.py course  ARCHIVE        one run of the course's procedure
    python benchmarks/course2021.py fast    ARCHIVE        ours, FAST network; --cache: the archive was read before
    python benchmarks/course2021.py default ARCHIVE        ours, the default network

Each prints one line of JSON. `benchmarks/run.py` runs them side by side and writes the ratios.
"""

import argparse
import json
import os
import tarfile
import tempfile
from pathlib import Path
from time import perf_counter

START = perf_counter()
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does

SIZES = (41_267, 17_687)


def course(archive: Path, seed: int) -> dict:
    import numpy as np
    import torch
    from PIL import Image
    from torch import nn
    from torch.utils.data import DataLoader, random_split

    class ImageFolder(torch.utils.data.Dataset):
        """What torchvision's ImageFolder with Grayscale and ToTensor does to each file."""

        def __init__(self, root: Path) -> None:
            self.classes = sorted(p.name for p in root.iterdir())
            self.files = [(f, k) for k, c in enumerate(self.classes) for f in sorted((root / c).iterdir())]

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
            file, target = self.files[i]
            with file.open("rb") as stream:
                image = Image.open(stream).convert("RGB")
            grey = np.array(image.convert("L"), copy=True)
            return torch.from_numpy(grey)[None].float().div(255), target

    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        unpacked = perf_counter() - START
        dataset = ImageFolder(next(Path(folder).iterdir()))
        train, test = random_split(dataset, SIZES, torch.Generator().manual_seed(42))
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(16 * 13 * 13, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 6),
        )  # fmt: skip
        optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
        for _ in range(2):
            for x, y in DataLoader(train, batch_size=4, shuffle=True):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(x), y).backward()
                optimizer.step()
        trained = perf_counter() - START
        right = 0
        with torch.no_grad():
            for x, y in DataLoader(test, batch_size=4):
                right += int((net(x).argmax(1) == y).sum())
    return {"unpacked": unpacked, "trained": trained, "errors": SIZES[1] - right, "accuracy": right / SIZES[1]}


def ours(archive: Path, seed: int, fast: bool, cache: Path) -> dict:
    import numpy as np
    import torch

    from layerscope.card import Card
    from layerscope.data.imagefolder import prepare
    from layerscope.dataset import Dataset
    from layerscope.inputs import Images
    from layerscope.models.cnn import CNN, FAST, CNNConfig
    from layerscope.train import Recipe, epochs, predict

    imported = perf_counter() - START
    prepared = prepare(archive, cache / "prepared", size=(64, 64), channels=1)
    read = perf_counter() - START
    pixels, targets = torch.from_numpy(prepared.pixels), torch.from_numpy(prepared.targets)
    card = Card("mednist", "MedNIST", "CC BY-SA 4.0", "see README", "unknown")
    whole = Dataset("mednist", Images(pixels), targets, np.arange(len(targets)), prepared.names, prepared.classes, card)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(42)).numpy()
    train, test = whole.rows(np.sort(order[: SIZES[0]])), whole.rows(np.sort(order[SIZES[0] :]))
    torch.manual_seed(seed)
    model = CNN(FAST if fast else CNNConfig(1, 6))
    for _ in epochs(model, train, None, Recipe(epochs=1, seed=seed)):
        pass
    trained = perf_counter() - START
    found = predict(model, test)
    right = int((found.guess == found.targets).sum())
    return {
        "imported": imported,
        "read": read,
        "trained": trained,
        "errors": SIZES[1] - right,
        "accuracy": right / SIZES[1],
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=["course", "fast", "default"])
    arguments.add_argument("archive", type=Path)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--cache", type=Path, help="a folder kept from an earlier run; without: the archive is read")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        if given.what == "course":
            result = course(given.archive, given.seed)
        else:
            result = ours(given.archive, given.seed, given.what == "fast", given.cache or Path(fresh))
        result["seconds"] = perf_counter() - START
    print(json.dumps({"what": given.what, "from": "cache" if given.cache else "archive", "seed": given.seed, **result}))
