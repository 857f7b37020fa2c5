"""Neighbourhoods of nodes: against PyG, and the same decision as on the whole graph."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.data.ego import members, neighbourhoods
from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.models.pyg import library


def network(seed=0, nodes=40, edges=70):
    """One-way edges, some twice, some loops, some nodes without any."""
    dice = torch.Generator().manual_seed(seed)
    return torch.randn(nodes, 5, generator=dice, dtype=torch.float64), torch.randint(nodes, (2, edges), generator=dice)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), hops=st.integers(0, 4))
def test_it_is_pygs_k_hop_subgraph(seed, hops):
    nodes, edges = network(seed)
    library()
    from torch_geometric.utils import k_hop_subgraph

    found = members(edges.numpy(), len(nodes), np.arange(len(nodes)), hops, most=len(nodes))
    for centre in range(len(nodes)):
        theirs, _, _, kept = k_hop_subgraph(centre, hops, edges, num_nodes=len(nodes))
        own = found.node[found.owner == centre]
        assert own[0] == centre
        assert sorted(own.tolist()) == theirs.tolist()
        assert found.edge[found.edge_owner == centre].tolist() == kept.nonzero()[:, 0].tolist()


@pytest.mark.parametrize(("gather", "bonds", "more"), [("gin", 0, 0), ("gin", 3, 0), ("gat", 3, 0), ("gcn", 0, 1)])
def test_a_network_decides_as_on_the_whole_graph(gather, bonds, more):
    nodes, edges = network()
    features = torch.randn(edges.shape[1], bonds, dtype=torch.float64) if bonds else None
    config = GNNConfig(5, 3, bonds, gather, width=16, blocks=2, readout="first")
    model = GNN(config).double().eval()
    *_, last = model.units(Graphs(nodes, edges, torch.zeros(len(nodes)).long(), 1, features))
    expected = model.head(model.norm(last.h))
    centres = torch.tensor([3, 39, 0, 3, 17])
    found = neighbourhoods(nodes, edges, centres, 2 + more, len(nodes), features)
    torch.testing.assert_close(model(found), expected[centres], rtol=1e-12, atol=1e-12)
    one_less = neighbourhoods(nodes, edges, torch.arange(40), 1 + more, len(nodes), features)
    assert not torch.allclose(model(one_less), expected), "so many hops are needed"


def test_only_those_are_heard_from_whom_a_message_comes():
    line = torch.tensor([[0, 1, 2], [1, 2, 3]])
    found = neighbourhoods(torch.eye(5), line, torch.tensor([2, 0, 4]), 5, 9, torch.tensor([[0.1], [1.2], [2.3]]))
    assert found.nodes.argmax(dim=1).tolist() == [2, 1, 0, 0, 4]
    assert found.owner.tolist() == [0, 0, 0, 1, 2]
    assert found.edges.tolist() == [[2, 1], [1, 0]]
    torch.testing.assert_close(found.edge_features, torch.tensor([[0.1], [1.2]]))


def test_the_nearest_are_kept_and_equally_near_ones_drawn():
    """A star of 50 around node 0, and one node beyond each of its rays."""
    rays = np.arange(1, 51)
    edges = np.array([[*rays, *(rays + 50)], [*(0 * rays), *rays]])
    whole = members(edges, 101, np.array([0]), 2, 101)
    assert whole.node.tolist() == list(range(101))
    cut = members(edges, 101, np.array([0]), 2, 21)
    assert len(set(cut.node.tolist())) == 21
    assert cut.node[0] == 0
    assert cut.node.max() <= 50, "there was no room for those two steps away"
    assert len(cut.edge) == 20
    many = members(np.tile(edges, 2), 101, np.full(300, 0), 2, 21)
    assert (many.node.reshape(300, 21) == cut.node).all(), "the same for the same centre, and edges given twice"
    assert len(many.edge) == 300 * 40
    drawn = {i for seed in range(40) for i in members(edges, 101, np.array([0]), 2, 21, seed).node.tolist()}
    assert drawn == set(range(51)), "each has its chance"
    alone = members(edges, 101, np.array([3, 0]), 2, 21)
    assert alone.node[alone.owner == 1].tolist() == cut.node.tolist()


def test_no_edges_and_no_centres():
    none = torch.zeros(2, 0).long()
    found = neighbourhoods(torch.eye(3), none, torch.tensor([1, 2]), 2, 5, torch.zeros(0, 2))
    assert (len(found), found.nodes.argmax(dim=1).tolist(), found.edge_features.shape) == (2, [1, 2], (0, 2))
    assert len(neighbourhoods(torch.eye(3), none, torch.tensor([]).long(), 2, 5)) == 0


def test_what_does_not_fit_is_said():
    nodes, edges = network()
    with pytest.raises(ValueError, match="edges must join nodes 0 to 29. Got 0 to 39"):
        neighbourhoods(nodes[:30], torch.tensor([[0, 39], [39, 0]]), torch.tensor([0]), 1, 5)
    with pytest.raises(ValueError, match="centres must be nodes 0 to 39. Got -1 to 3"):
        neighbourhoods(nodes, edges, torch.tensor([3, -1]), 1, 5)
    with pytest.raises(ValueError, match="at most `most` nodes, from 1. Got hops=1, most=0"):
        neighbourhoods(nodes, edges, torch.tensor([0]), 1, 0)
