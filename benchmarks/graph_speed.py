"""Graphs per second and memory: ours against PyTorch Geometric's DataLoader and layers, the same network and data.

All ways in turn in one process, and the best of some repeats of each; memory in a fresh process for each way. Both
begin with graphs in memory: flat tensors (ours), a list of `Data` (PyG). A training step is the same lines for all.
The mixed ways say where a difference comes from: batching, or the layers.

    graph_speed.py [--samples 4000] [--repeats 3] [--size 128] [--gather gin]
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from text_speed import Work, in_turn
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from layerscope.dataset import Dataset, batches
from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.models.pyg import library

FEATURES, BONDS = 40, 10  # of an atom and of a bond, as usual for molecules
Batches = Callable[[], Iterator[tuple[Any, Tensor]]]


def molecules(samples: int) -> Dataset:
    """Chains with branches and rings of the size of drugs: 10 to 40 atoms, about 2.2 directed edges each."""
    dice = torch.Generator().manual_seed(0)
    sizes = torch.randint(10, 41, (samples,), generator=dice)
    owner = torch.arange(samples).repeat_interleave(sizes)
    node = torch.arange(len(owner))
    rank = node - (sizes.cumsum(0) - sizes)[owner]
    back = torch.tensor([1, 1, 1, 2, 3])[torch.randint(0, 5, node.shape, generator=dice)].minimum(rank)
    closes = (rank >= 5) & (torch.rand(node.shape, generator=dice) < 0.13)
    bonds = torch.stack([torch.cat([node, node[closes]]), torch.cat([node - back, node[closes] - 5])])
    bonds = bonds[:, bonds[0] != bonds[1]]
    bonds = bonds[:, bonds[0].argsort(stable=True)]
    kind = torch.randint(0, BONDS, bonds.shape[1:], generator=dice)
    atoms = one_hot(torch.randint(0, FEATURES, node.shape, generator=dice), FEATURES).float()
    edges, features = torch.cat([bonds, bonds.flip(0)], dim=1), one_hot(kind, BONDS).float().repeat(2, 1)
    targets = torch.randint(0, 2, (samples,), generator=dice)
    return Dataset.of(Graphs(atoms, edges, owner, samples, features), targets, classes=("no", "yes"))


def as_data(dataset: Dataset) -> list[Any]:
    """The list that PyG's DataLoader takes."""
    with warnings.catch_warnings(action="ignore"):  # as layerscope.models.pyg
        from torch_geometric.data import Data
    found, graphs = [], dataset.inputs
    for rows in torch.arange(len(dataset)).split(1):
        one = graphs[rows]
        found.append(Data(one.nodes, one.edges, one.edge_features, y=dataset.targets[rows]))
    return found


class Seen:
    """PyG's batch under the names that the networks read."""

    def __init__(self, batch: Any) -> None:
        self.nodes, self.edges, self.edge_features = batch.x, batch.edge_index, batch.edge_attr
        self.owner, self.graphs = batch.batch, batch.num_graphs

    def __len__(self) -> int:
        return self.graphs

    total, pool = Graphs.total, Graphs.pool


def our_batches(dataset: Dataset, size: int) -> Batches:
    return lambda: ((batch.inputs, batch.targets) for batch in batches(dataset, size, torch.Generator().manual_seed(0)))


def pygs_batches(dataset: Dataset, size: int, workers: int = 0) -> Batches:
    with warnings.catch_warnings(action="ignore"):
        from torch_geometric.loader import DataLoader
    found = as_data(dataset)
    loader = DataLoader(found, size, shuffle=True, num_workers=workers)
    return lambda: ((Seen(batch), batch.y) for batch in loader)


def trained(make: Callable[[], Batches], network: Callable[[GNNConfig], torch.nn.Module], config: GNNConfig) -> Work:
    torch.manual_seed(0)
    model, read = network(config), make()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def work() -> None:
        for inputs, targets in read():
            loss = cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return work


def only_read(make: Callable[[], Batches]) -> Work:
    read = make()

    def work() -> None:
        for _ in read():
            pass

    return work


def ways(samples: int, size: int, config: GNNConfig) -> dict[str, Callable[[], Work]]:
    library()
    from layerscope.models.pyg import PyGNN

    dataset = molecules(samples)
    our, pyg, two = (partial(f, dataset, size) for f in (our_batches, pygs_batches, partial(pygs_batches, workers=2)))
    return {
        "PyG": partial(trained, pyg, PyGNN, config),
        "ours": partial(trained, our, GNN, config),
        "PyG, 2 workers": partial(trained, two, PyGNN, config),
        "our batches, PyG's layers": partial(trained, our, PyGNN, config),
        "PyG's batches, our layers": partial(trained, pyg, GNN, config),
        "PyG, batches alone": partial(only_read, pyg),
        "ours, batches alone": partial(only_read, our),
    }


def megabytes(name: str) -> float:
    """VmRSS, held now, or VmHWM, held at most, of this process; Linux says so."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def memory(way: str, *given: Any) -> dict[str, float]:
    """Megabytes beyond what importing needs: the data as each way holds it with the network, and at most in work."""
    library()
    only_read(lambda: our_batches(molecules(64), 64))()
    begun = megabytes("VmRSS")
    work = ways(*given)[way]()
    gc.collect()
    held = megabytes("VmRSS") - begun
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of making it ready
    work()
    return {"data and network": held, "at most": megabytes("VmHWM") - begun}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("samples", 4000), ("repeats", 3), ("size", 128), ("blocks", 4), ("width", 64)):
        arguments.add_argument(f"--{name}", type=int, default=value)
    arguments.add_argument("--gather", choices=("gcn", "gin", "gat"), default="gin")
    arguments.add_argument("--memory", help="of one way alone")
    given = arguments.parse_args()
    sizes = {"width": given.width, "blocks": given.blocks, "gather": given.gather}
    config = GNNConfig(FEATURES, 2, BONDS, **sizes)
    work = (given.samples, given.size, config)
    if given.memory:
        print(json.dumps(memory(given.memory, *work)))
        return
    found = in_turn(ways(*work), given.samples, given.repeats, "PyG")
    most = {}
    for way in ("PyG", "ours"):
        command = [sys.executable, *sys.argv, "--memory", way]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        most[way] = json.loads(out.splitlines()[-1])
    graphs = {"batch size": given.size, "network": str(config), "threads of torch": torch.get_num_threads()}
    print(json.dumps({**graphs, **found, "megabytes": most}))


if __name__ == "__main__":
    main()
