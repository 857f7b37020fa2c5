"""Shared by all tests. Shapes are executed: jaxtyping and beartype check every annotated signature of the library."""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tools"))  # a second conftest.py would hide this one from the tests
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does; before torch is imported

from jaxtyping import install_import_hook

install_import_hook("layerscope", "tower.checked")

import hypothesis
import numpy as np
import pytest
import torch
from no_skip import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  hooks

from layerscope.card import Card
from layerscope.dataset import Dataset
from layerscope.inputs import Graphs, Images, Tokens

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("untimed")

TOY = Card("toy", "A toy", "CC0", "made on the spot", "three images in a row")


def toy_images(samples: int = 96, seed: int = 0, classes: int = 2, size: int = 16) -> Dataset:
    """Noise in which each class has a brighter square in its own corner; three images to a group."""
    g = torch.Generator().manual_seed(seed)
    targets = torch.arange(samples) // 3 % classes
    pixels = torch.randint(0, 90, (samples, 1, size, size), generator=g)
    half = size // 2
    for k in range(classes):
        y, x = half * (k % 2), half * (k // 2)
        pixels[targets == k, :, y : y + half, x : x + half] += 80
    ids = np.array([f"{i:04}" for i in range(samples)])
    names = tuple(f"class {k}" for k in range(classes))
    return Dataset("toy", Images(pixels.to(torch.uint8)), targets, np.arange(samples) // 3, ids, names, TOY)


@pytest.fixture
def toy() -> Dataset:
    return toy_images()


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data sets; tests that need it are skipped, with a reason, where there is none."""
    folder = os.environ.get("LAYERSCOPE_MIRROR")
    if not folder or not (Path(folder) / "mednist" / "MedNIST.tar.gz").is_file():
        pytest.skip("real MedNIST is not here: set LAYERSCOPE_MIRROR to a folder that holds mednist/MedNIST.tar.gz")
    return Path(folder)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("LAYERSCOPE_DEVICE", "cpu")


def pytest_terminal_summary(terminalreporter):
    skipped = len(terminalreporter.stats.get("skipped", []))
    terminalreporter.write_line(
        f"{skipped} test(s) skipped for want of data or a browser" if skipped else "no test skipped"
    )


def toy_tokens(samples=120, seed=0):
    """Class 1 holds the word 7, among others and at any place."""
    dice = torch.Generator().manual_seed(seed)
    targets = torch.arange(samples) % 2
    lengths = torch.randint(4, 13, (samples,), generator=dice)
    ids = torch.randint(8, 20, (samples, 12), generator=dice)
    place = (torch.rand(samples, generator=dice) * lengths).long()
    ids[torch.arange(samples), place] = torch.where(targets == 1, 7, 6)
    mask = torch.arange(12) < lengths[:, None]
    return Dataset.of(Tokens(ids.masked_fill(~mask, 0), mask), targets, classes=("without", "with"), name="toy")


def random_graphs(samples=20, seed=0, features=5, edge_features=0, most=9):
    """Trees with a ring here and there, like molecules: each bond is two edges; some of one node."""
    dice = torch.Generator().manual_seed(seed)
    sizes = torch.randint(1, most + 1, (samples,), generator=dice)
    bonds, begin = [], 0
    for n in sizes.tolist():
        near = [max(0, i - 1 - int(torch.randint(0, 3, (), generator=dice))) for i in range(1, n)]
        bonds += [(begin + i, begin + j) for i, j in enumerate(near, start=1)] + [(begin, begin + n - 1)] * (n > 4)
        begin += n
    pairs = torch.tensor(bonds, dtype=torch.long).reshape(-1, 2).T
    edges = torch.cat([pairs, pairs.flip(0)], dim=1)
    kind = torch.randint(0, features, (begin,), generator=dice)
    nodes = torch.nn.functional.one_hot(kind, features).float()
    bond = torch.rand(pairs.shape[1], edge_features, generator=dice).repeat(2, 1) if edge_features else None
    return Graphs(nodes, edges, torch.arange(samples).repeat_interleave(sizes), samples, bond)


def toy_graphs(samples=120, seed=0):
    """Class 1 has a node of kind 0, among others and at any place; edges have features."""
    graphs = random_graphs(samples, seed, features=5, edge_features=2)
    targets = torch.arange(samples) % 2
    first = graphs.owner.bincount().cumsum(0) - graphs.owner.bincount()
    nodes = graphs.nodes.clone()
    plain = nodes[:, 0] == 1
    nodes[plain] = torch.eye(5)[1]
    dice = torch.Generator().manual_seed(seed)
    place = first + (torch.rand(samples, generator=dice) * graphs.owner.bincount()).long()
    nodes[place[targets == 1]] = torch.eye(5)[0]
    whole = Graphs(nodes, graphs.edges, graphs.owner, samples, graphs.edge_features)
    return Dataset.of(whole, targets, classes=("without", "with"), name="toy")
