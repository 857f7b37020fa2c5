import math

import numpy as np
import pytest
import torch
from conftest import toy_graphs, toy_images

from layerscope.dataset import Dataset
from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.see.oversmoothing import apart, oversmoothing


def complete(n=5, graphs=6):
    """Every node is joined to every other, and has features of its own."""
    ends = [(i + g * n, j + g * n) for g in range(graphs) for i in range(n) for j in range(n) if i != j]
    nodes = torch.randn(n * graphs, 4, generator=torch.Generator().manual_seed(0))
    return Graphs(nodes, torch.tensor(ends).T, torch.arange(graphs).repeat_interleave(n), graphs)


def test_the_distance_is_that_of_all_pairs():
    graphs = complete()
    found = apart(graphs.nodes, graphs)
    for k in range(6):
        own = graphs.nodes[graphs.owner == k].double()
        pairs = [1 - torch.cosine_similarity(own[i], own[j], dim=0) for i in range(5) for j in range(i)]
        assert found[k].item() == pytest.approx(torch.stack(pairs).mean().item())


def test_known_distances():
    nodes = torch.tensor([[1.0, 0], [5, 0], [1, 0], [-2, 0], [1, 0], [0, 3], [0, 0], [0, 0], [0, 0], [1, 0], [1, 0]])
    owner = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5])
    found = apart(nodes, Graphs(nodes, torch.zeros(2, 0).long(), owner, 6)).tolist()
    assert found[:5] == pytest.approx([0, 2, 1, 0, 1])  # one way, opposite, unrelated, two of zeros, one of zeros
    assert math.isnan(found[5])


def test_a_complete_graph_is_all_one_after_a_gcn_without_residual():
    graphs, targets = complete(), torch.arange(6) % 2
    data = Dataset.of(graphs, targets)
    for residual in (False, True):
        torch.manual_seed(0)
        model = GNN(GNNConfig(features=4, classes=2, gather="gcn", residual=residual, blocks=2))
        found = oversmoothing(model, data, seed=9)
        assert [row.stage for row in found] == ["embedding", "block1", "block2"]
        for row in (found[0].trained, found[0].untrained):
            assert row.value > 0.5 and row.low < row.value < row.high
        for row in found[1:]:
            for value in (row.trained.value, row.untrained.value):
                assert (value < 1e-6) is not residual


def test_depth_makes_nodes_alike_and_a_residual_does_not():
    data = toy_graphs(60)
    ends = {}
    for residual in (False, True):
        torch.manual_seed(0)
        config = GNNConfig(features=5, classes=2, gather="gcn", residual=residual, blocks=12, width=32)
        found = oversmoothing(GNN(config), data, seed=9)
        ends[residual] = found[-1].trained.value / found[0].trained.value
    assert ends[False] < 0.2 < ends[True]


def test_graphs_of_one_node_are_left_out_and_groups_make_the_interval():
    data = toy_graphs(60)
    several = (data.inputs.owner.bincount() > 1).numpy()
    assert 0 < several.sum() < 60
    torch.manual_seed(0)
    model = GNN(GNNConfig(features=5, classes=2))
    whole, part = oversmoothing(model, data, seed=9), oversmoothing(model, data.rows(np.flatnonzero(several)), seed=9)
    assert whole == part
    assert model.training
    one = Dataset.of(data.inputs, data.targets, groups=[0] * 60)
    assert np.isnan(oversmoothing(model, one, seed=9)[0].trained.low)


def test_what_cannot_be_measured_is_said():
    model = GNN(GNNConfig(features=5, classes=2))
    with pytest.raises(ValueError, match="nodes of graphs. Got Images"):
        oversmoothing(model, toy_images(), seed=9)
    data = toy_graphs(60)
    lone = data.rows(np.flatnonzero((data.inputs.owner.bincount() == 1).numpy()))
    with pytest.raises(ValueError, match=f"two nodes or more. All {len(lone)} have one"):
        oversmoothing(model, lone, seed=9)
