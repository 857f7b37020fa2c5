"""What colours can tell, networks can; what they cannot, none of them can."""

import pytest
import torch
from conftest import random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.models.pyg import AttentiveFP, AttentiveFPConfig
from layerscope.models.weisfeiler import colours, kinds


def pair(a, b, features=None):
    """Two graphs from lists of bonds."""
    n = [max(map(max, bonds)) + 1 for bonds in (a, b)]
    one_way = torch.tensor([*a, *[(i + n[0], j + n[0]) for i, j in b]]).T
    edges = torch.cat([one_way, one_way.flip(0)], dim=1)
    nodes = torch.ones(sum(n), 1) if features is None else torch.tensor(features)[:, None].float()
    return Graphs(nodes, edges, torch.arange(2).repeat_interleave(torch.tensor(n)), 2, torch.ones(edges.shape[1], 1))


def ring(*atoms):
    return [*zip(atoms, (*atoms[1:], atoms[0]), strict=True)]


TRIANGLES, HEXAGON = ring(0, 1, 2) + ring(3, 4, 5), ring(0, 1, 2, 3, 4, 5)
DECALIN = [*ring(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (0, 5)]  # two rings of six that share a bond
BICYCLOPENTYL = [*ring(0, 1, 2, 3, 4), *ring(5, 6, 7, 8, 9), (0, 5)]  # two rings of five that a bond joins
PAIRS = {
    "triangles and a hexagon": (pair(TRIANGLES, HEXAGON), pair(TRIANGLES, HEXAGON, [3] * 6 + [6] * 6)),
    "decalin and bicyclopentyl": (pair(DECALIN, BICYCLOPENTYL), pair(DECALIN, BICYCLOPENTYL, [6] * 10 + [5] * 10)),
}


def networks(features=1, edge_features=1):
    torch.manual_seed(0)
    for gather in ("gcn", "gin", "gat"):
        for readout in ("mean", "sum"):
            sizes = {"features": features, "classes": 3, "edge_features": edge_features, "width": 16}
            yield GNN(GNNConfig(gather=gather, readout=readout, **sizes)).double().eval()


def as_double(x):
    bonds = None if x.edge_features is None else x.edge_features.double()
    return Graphs(x.nodes.double(), x.edges, x.owner, len(x), bonds)


@pytest.mark.parametrize("name", PAIRS)
def test_no_network_tells_this_pair_apart_until_it_is_given_ring_sizes(name):
    plain, with_rings = map(as_double, PAIRS[name])
    assert kinds(plain).tolist() == [0, 0]
    assert kinds(with_rings).tolist() == [0, 1]
    torch.manual_seed(0)
    others = [AttentiveFP(AttentiveFPConfig(1, 1, 3, width=16)).double().eval()]
    for model in [*networks(), *others]:
        a, b = model(plain)
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
        a, b = model(with_rings)
        assert (a - b).abs().max() > 1e-4


def test_the_colours_of_a_path_are_known():
    path = pair([(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 1)])
    assert colours(path, 0).tolist() == [0] * 7
    assert colours(path, 1).tolist() == [0, 1, 1, 1, 0, 0, 0]
    assert colours(path).tolist() == [0, 1, 2, 1, 0, 3, 3]  # an end, beside it, the middle; an end beside an end
    assert kinds(path).tolist() == [0, 1]


def test_bonds_and_their_direction_count():
    edges = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    owner, bonds = torch.tensor([0, 0, 1, 1]), torch.tensor([[1.0], [1.0], [2.0], [2.0]])
    assert kinds(Graphs(torch.ones(4, 1), edges, owner, 2, bonds)).tolist() == [0, 1]
    assert kinds(Graphs(torch.ones(4, 1), edges, owner, 2)).tolist() == [0, 0]
    assert kinds(Graphs(torch.ones(4, 1), edges[:, :3], owner, 2)).tolist() == [0, 1]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), bonds=st.sampled_from([0, 2]))
def test_relabelled_graphs_have_the_same_colours(seed, bonds):
    graphs, dice = random_graphs(8, seed, features=2, edge_features=bonds), torch.Generator().manual_seed(seed)
    n, e = len(graphs.nodes), graphs.edges.shape[1]
    node, edge = torch.randperm(n, generator=dice) + n, torch.randperm(e, generator=dice)
    back = (node - n).argsort()
    both = Graphs(
        torch.cat([graphs.nodes, graphs.nodes[back]]),
        torch.cat([graphs.edges, node[graphs.edges[:, edge]]], dim=1),
        torch.cat([graphs.owner, graphs.owner[back] + 8]),
        16,
        torch.cat([graphs.edge_features, graphs.edge_features[edge]]) if graphs.edge_features is not None else None,
    )
    found = colours(both)
    assert torch.equal(found[:n], found[node])
    assert torch.equal(kinds(both)[:8], kinds(both)[8:])


@pytest.mark.parametrize("seed", range(3))
def test_networks_see_colours_and_a_sum_sees_them_all(seed):
    """After as many blocks as rounds, nodes of one colour have the same features, in every network; and GIN tells
    all colours apart, with random weights."""
    graphs = as_double(random_graphs(15, seed, features=2))
    for model in networks(features=2, edge_features=0):
        for rounds, stage in enumerate(model.units(graphs)):
            ahead = model.config.gather == "gcn"  # it weighs a neighbour by that one's degree, which is a round more
            found = colours(graphs, rounds + ahead)
            first = (found[:, None] == found).int().argmax(dim=1)  # a node of the same colour
            torch.testing.assert_close(stage.h, stage.h[first], rtol=1e-9, atol=1e-9)
            if model.config.gather == "gin":
                apart = torch.cdist(stage.h, stage.h) > 1e-6
                assert torch.equal(apart, found[:, None] != found)
