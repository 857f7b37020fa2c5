"""Networks of PyG's layers: ours once more, and AttentiveFP against the library's own forward."""

import sys
from dataclasses import asdict

import pytest
import torch
from conftest import random_graphs, toy_graphs

from layerscope.dataset import split
from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.models.pyg import AttentiveFP, AttentiveFPConfig, PyGNN, in_pyg
from layerscope.see.activations import activations, untrained
from layerscope.train import Recipe, epochs, fit, predict

MADE = {
    f"{gather} {bonds} {more}": lambda gather=gather, bonds=bonds, more=more: PyGNN(
        GNNConfig(features=5, classes=2, edge_features=bonds, gather=gather, width=32, blocks=2, **more)
    )
    for gather, bonds, more in (
        ("gcn", 2, {}),
        ("gin", 0, {"readout": "both"}),
        ("gin", 2, {}),
        ("gat", 0, {"readout": "sum"}),
        ("gat", 2, {"residual": False}),
    )
}
MADE["attentive"] = lambda: AttentiveFP(AttentiveFPConfig(5, 2, 2, width=32))


@pytest.fixture(params=MADE)
def model(request):
    torch.manual_seed(0)
    return MADE[request.param]()


def graphs(bonds=2):
    return random_graphs(12, edge_features=bonds)


def doubled(x):
    return Graphs(x.nodes.double(), x.edges, x.owner, len(x), x.edge_features.double())


@pytest.mark.parametrize("gather", ["gcn", "gin", "gat"])
@pytest.mark.parametrize("bonds", [0, 2])
def test_with_the_same_weights_it_gives_our_numbers(gather, bonds):
    torch.manual_seed(0)
    config = GNNConfig(features=5, classes=3, edge_features=bonds, gather=gather, width=16, readout="both")
    ours = GNN(config).double().eval()
    with torch.no_grad():
        for p in ours.parameters():
            p.add_(0.1 * torch.randn_like(p))  # what begins as 0 or 1, too
    theirs, inputs = in_pyg(ours), doubled(graphs())
    for a, b in zip(ours.stages(inputs), theirs.stages(inputs), strict=True):
        assert a.name == b.name and a.per_sample == b.per_sample
        torch.testing.assert_close(a.h, b.h, rtol=1e-11, atol=1e-11)


def test_attentive_fp_is_the_librarys():
    torch.manual_seed(0)
    model = AttentiveFP(AttentiveFPConfig(5, 2, 3, width=16, blocks=3)).eval()
    inputs = graphs()
    stages = [*model.stages(inputs)]
    expected = model.body(inputs.nodes, inputs.edges, inputs.edge_features, inputs.owner)
    torch.testing.assert_close(stages[-1].h, expected)
    names = ["embedding", "block1", "block2", "block3", "pool", "round1", "round2", "logits"]
    assert [stage.name for stage in stages] == names
    assert [stage.per_sample for stage in stages] == [False] * 4 + [True] * 4
    depths = {name: model.depth(name) for name, _ in model.named_parameters()}
    assert depths["body.lin1.weight"] == 0 and depths["body.gate_conv.lin1.weight"] == 1
    assert depths["body.gru.weight_ih"] == 1 and depths["body.atom_convs.1.bias"] == 3
    assert depths["body.mol_conv.bias"] is None and depths["body.lin2.weight"] is None


def test_every_weight_learns_and_a_sample_never_sees_its_batch_mates(model):
    inputs = graphs()
    model(inputs).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []
    model.eval()
    torch.testing.assert_close(model(inputs)[5:6], model(inputs[torch.tensor([5])]), atol=1e-5, rtol=1e-4)


def test_it_learns_and_is_read_as_any_other(model):
    dataset = toy_graphs()
    parts = split(dataset, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
    twin = untrained(model, dataset, seed=3)
    assert type(twin) is type(model) and asdict(twin.config) == asdict(model.config)
    fit(model, parts["train"], parts["val"], Recipe(epochs=20, batch_size=16, patience=20))
    found = predict(model, parts["test"])
    assert (found.guess == found.targets).mean() > 0.9
    assert {len(z) for z in activations(model, parts["val"]).values()} == {len(parts["val"])}


def test_the_same_seed_gives_the_same_losses():
    runs = []
    for _ in range(2):
        torch.manual_seed(0)
        runs.append([*epochs(MADE["attentive"](), toy_graphs(), None, Recipe(epochs=1, batch_size=32))])
    assert runs[0] == runs[1]


def test_what_is_missing_is_said(monkeypatch):
    model = MADE["attentive"]()
    with pytest.raises(ValueError, match="AttentiveFP reads 2 features of each edge. Got none"):
        model(graphs(0))
    with pytest.raises(ValueError, match="AttentiveFP reads 2 features of each edge. Got 4"):
        model(graphs(4))
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    with pytest.raises(ModuleNotFoundError, match=r"need torch-geometric: pip install 'layerscope\[graphs\]'"):
        MADE["attentive"]()
