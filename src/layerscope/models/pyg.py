"""Graph networks from PyTorch Geometric's layers: ours once more, and AttentiveFP, which was made for molecules.

References: Fey and Lenssen 2019, arXiv:1903.02428 (PyTorch Geometric); Xiong et al. 2020,
doi:10.1021/acs.jmedchem.9b00959 (AttentiveFP).
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import dropout, elu, leaky_relu

from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.models.layered import Layered, Stage

# where PyG's layers keep what ours call otherwise, in a block
NAMES = {
    "gcn": {"think.0.weight": "conv.lin.weight", "think.0.bias": "conv.bias"},
    "gin": {"gather.own": "conv.eps", "gather.bond.": "conv.lin.", "think.": "conv.nn."},
    "gat": {
        "gather.ask.": "conv.lin_r.",
        "gather.offer.": "conv.lin_l.",
        "gather.bond.": "conv.lin_edge.",
        "gather.weigh": "conv.att",
    },
}


class PyGBlock(nn.Module):
    def __init__(self, config: GNNConfig) -> None:
        super().__init__()
        pyg, d = library(), config.width
        self.residual = config.residual
        self.bonds = bool(config.edge_features) and config.gather != "gcn"
        self.norm = nn.LayerNorm(d)
        alone = nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d), nn.Dropout(config.dropout))
        self.think = nn.Identity() if config.gather == "gin" else alone
        if config.gather == "gcn":
            self.conv = pyg.GCNConv(d, 2 * d)
            self.think = alone[1:]
        elif config.gather == "gin" and self.bonds:
            self.conv = pyg.GINEConv(alone, train_eps=True, edge_dim=config.edge_features)
        elif config.gather == "gin":
            self.conv = pyg.GINConv(alone, train_eps=True)
        else:
            bonds = config.edge_features or None
            size = {"heads": config.heads, "edge_dim": bonds, "fill_value": 0.0}
            self.conv = pyg.GATv2Conv(d, d // config.heads, **size)

    def forward(self, h: Float[Tensor, "n d"], inputs: Graphs) -> Float[Tensor, "n d"]:
        bonds = (inputs.edge_features,) if self.bonds else ()
        change = self.think(self.conv(self.norm(h), inputs.edges, *bonds))
        return h + change if self.residual else change


class PyGNN(Layered):
    """The network of layerscope.models.gnn, of PyG's layers.

    Raises:
        ModuleNotFoundError: without torch_geometric.
    """

    def __init__(self, config: GNNConfig) -> None:
        super().__init__()
        if config.readout == "first":
            raise ValueError("of PyG's layers, readout is mean, sum or both. Got 'first'.")
        self.config = config
        self.embedding = nn.Linear(config.features, config.width)
        self.blocks = nn.ModuleList(PyGBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width * (2 if config.readout == "both" else 1), config.classes)

    def stages(self, inputs: Graphs) -> Iterator[Stage]:
        pyg = library()
        h = self.embedding(inputs.nodes)
        yield Stage("embedding", h)
        for i, block in enumerate(self.blocks, start=1):
            h = block(h, inputs)
            yield Stage(f"block{i}", h)
        pools = {"mean": [pyg.global_mean_pool], "sum": [pyg.global_add_pool]}
        pools["both"] = pools["mean"] + pools["sum"]
        h = self.norm(h)
        z = torch.cat([pool(h, inputs.owner, len(inputs)) for pool in pools[self.config.readout]], dim=1)
        yield Stage("pool", z, per_sample=True)
        yield Stage("logits", self.head(z), per_sample=True)


def in_pyg(model: GNN) -> PyGNN:
    """The same network with the same weights, of PyG's layers: it gives the same numbers."""
    twin = PyGNN(model.config).to(next(model.parameters()))
    weights = {name: torch.zeros_like(p) for name, p in twin.state_dict().items()}  # PyG's attention has a bias more
    for name, p in model.state_dict().items():
        for ours, theirs in NAMES[model.config.gather].items():
            name = name.replace(ours, theirs)
        weights[name] = p.reshape(weights[name].shape)
    twin.load_state_dict(weights)
    return twin.train(model.training)


@dataclass(frozen=True)
class AttentiveFPConfig:
    features: int  # of a node
    edge_features: int  # of an edge
    classes: int  # or numbers that are predicted
    width: int = 64
    blocks: int = 2  # in which atoms attend to their neighbours
    rounds: int = 2  # in which the molecule attends to its atoms
    dropout: float = 0.2


class AttentiveFP(Layered):
    """Atoms attend to their neighbours, then the molecule to its atoms; gated units (GRU) say what is kept.

    It reads edge features in its first block only, as published.

    Raises:
        ModuleNotFoundError: without torch_geometric.
    """

    def __init__(self, config: AttentiveFPConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.features, config.width, config.classes, config.edge_features, config.blocks, config.rounds)
        self.body: Any = library().AttentiveFP(*sizes, dropout=config.dropout)

    def stages(self, inputs: Graphs) -> Iterator[Stage]:
        """PyG's forward, step by step: its own modules, in its order.

        Raises:
            ValueError: if the edges have no features, or not so many.
        """
        given = inputs.edge_features
        if given is None or given.shape[1] != self.config.edge_features:
            got = "none" if given is None else given.shape[1]
            raise ValueError(f"AttentiveFP reads {self.config.edge_features} features of each edge. Got {got}.")
        body = self.body
        h = leaky_relu(body.lin1(inputs.nodes))
        yield Stage("embedding", h)
        h = body.gru(self._some(elu(body.gate_conv(h, inputs.edges, given))), h).relu()
        yield Stage("block1", h)
        for i, (conv, gru) in enumerate(zip(body.atom_convs, body.atom_grus, strict=True), start=2):
            h = gru(self._some(elu(conv(h, inputs.edges))), h).relu()
            yield Stage(f"block{i}", h)
        own = torch.stack([torch.arange(len(h), device=h.device), inputs.owner])  # from each atom to its molecule
        z = inputs.total(h).relu()
        yield Stage("pool", z, per_sample=True)
        for i in range(1, self.config.rounds + 1):
            z = body.mol_gru(self._some(elu(body.mol_conv((h, z), own))), z).relu()
            yield Stage(f"round{i}", z, per_sample=True)
        yield Stage("logits", body.lin2(self._some(z)), per_sample=True)

    def depth(self, parameter: str) -> int | None:
        if parameter.startswith("body.atom_"):
            return int(parameter.split(".")[2]) + 2
        return {"lin1": 0, "gate_conv": 1, "gru": 1}.get(parameter.split(".")[1])

    def _some(self, h: Float[Tensor, "m d"]) -> Float[Tensor, "m d"]:
        return dropout(h, self.config.dropout, self.training)


def library() -> Any:
    """PyG's layers and models: an extra, slow to import, and it begins with a warning of its own making.

    Raises:
        ModuleNotFoundError: without torch_geometric.
    """
    if not find_spec("torch_geometric"):
        raise ModuleNotFoundError("networks of PyG need torch-geometric: pip install 'layerscope[graphs]'")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="IProgress not found")  # in a notebook without widgets
        import torch_geometric.nn as pyg
    return pyg
