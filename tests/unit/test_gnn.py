"""Message passing: against PyG's layers, a dense adjacency, and what must not change it."""

import pytest
import torch
from conftest import random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.inputs import Graphs
from layerscope.models.gnn import GAT, GCN, GIN, GNN, GNNConfig, Ties, with_itself
from layerscope.models.pyg import library

KINDS = [("gcn", 0), ("gin", 0), ("gin", 3), ("gat", 0), ("gat", 3)]
each_kind = pytest.mark.parametrize(("gather", "bonds"), KINDS)


def rough(edge_features=3):
    """One-way edges, loops, a double edge, isolated nodes and a graph without any edge."""
    edges = torch.tensor([[0, 1, 1, 2, 2, 4, 4, 5, 5, 7], [1, 0, 2, 1, 2, 4, 5, 4, 4, 6]])
    dice = torch.Generator().manual_seed(0)
    bonds = torch.randn(10, edge_features, generator=dice, dtype=torch.float64) if edge_features else None
    nodes = torch.randn(10, 5, generator=dice, dtype=torch.float64)
    return Graphs(nodes, edges, torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 2, 3]), 4, bonds)


def random_weights(module, seed=0):
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=dice) / 3)
    return module.double().eval()


def network(gather, bonds=0, **more):
    config = {"features": 5, "classes": 3, "width": 16, "blocks": 3, "readout": "both"} | more
    return random_weights(GNN(GNNConfig(gather=gather, edge_features=bonds, **config)))


def gathered(gather, bonds):
    module = {"gcn": lambda: GCN(), "gin": lambda: GIN(5, bonds), "gat": lambda: GAT(6, 2, bonds)}[gather]()
    return random_weights(module)


def test_gcn_is_pygs():
    graphs, theirs = rough(), random_weights(library().GCNConv(5, 4))
    ours = torch.nn.functional.linear(GCN()(graphs.nodes, Ties(graphs.edges, None)), theirs.lin.weight, theirs.bias)
    torch.testing.assert_close(ours, theirs(graphs.nodes, graphs.edges), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bonds", [0, 3])
def test_gin_is_pygs(bonds):
    graphs, ours = rough(), gathered("gin", bonds)
    think = random_weights(torch.nn.Linear(5, 4))
    theirs = (
        library().GINEConv(think, train_eps=True, edge_dim=3) if bonds else library().GINConv(think, train_eps=True)
    )
    theirs.eps = torch.nn.Parameter(ours.own[None])
    if bonds:
        theirs.lin = ours.bond
    expected = theirs(graphs.nodes, graphs.edges, *([graphs.edge_features] if bonds else []))
    found = think(ours(graphs.nodes, Ties(graphs.edges, graphs.edge_features)))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bonds", [0, 3])
def test_attention_is_pygs(bonds):
    graphs, ours = rough(), gathered("gat", bonds)
    theirs = library().GATv2Conv(6, 3, heads=2, edge_dim=bonds or None, fill_value=0.0).double()
    theirs.lin_l, theirs.lin_r, theirs.lin_edge = ours.offer, ours.ask, ours.bond
    theirs.att = torch.nn.Parameter(ours.weigh[None])
    h = graphs.nodes @ torch.randn(5, 6, dtype=torch.float64)
    expected, (edges, weights) = theirs(
        h, graphs.edges, graphs.edge_features if bonds else None, return_attention_weights=True
    )
    found = ours.attend(h, Ties(graphs.edges, graphs.edge_features if bonds else None))
    assert torch.equal(found.edges, edges)
    torch.testing.assert_close(found.weights, weights, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-12)


@each_kind
def test_a_dense_adjacency_gives_the_same(gather, bonds):
    """Ten lines: a[i, j] = 1 where j speaks to i."""
    graphs, module = random_graphs(6, edge_features=bonds), gathered(gather, bonds)
    n, (sender, receiver) = len(graphs.nodes), graphs.edges
    h = torch.randn(n, 6 if gather == "gat" else 5, dtype=torch.float64)
    a, said = torch.zeros(n, n).double(), torch.zeros(n, n, max(bonds, 1)).double()
    a[receiver, sender] = 1
    if bonds:
        said[receiver, sender] = graphs.edge_features.double()
    own = a + torch.eye(n)
    if gather == "gcn":
        expected = (own / (own.sum(1)[:, None] * own.sum(1)).sqrt()) @ h
    elif gather == "gin":
        message = (h + module.bond(said)).relu() if bonds else h.expand(n, n, -1)
        expected = (1 + module.own) * h + torch.einsum("ij,ijd->id", a, message)
    else:
        met = module.ask(h)[:, None] + module.offer(h) + (module.bond(said) if bonds else 0)
        score = (torch.nn.functional.leaky_relu(met, 0.2).unflatten(2, (2, 3)) * module.weigh).sum(-1)
        weights = score.masked_fill(own[..., None] == 0, -torch.inf).softmax(1)
        expected = torch.einsum("ija,jad->iad", weights, module.offer(h).unflatten(1, (2, 3))).flatten(1)
    features = graphs.edge_features.double() if bonds else None
    torch.testing.assert_close(module(h, Ties(graphs.edges, features)), expected, rtol=1e-12, atol=1e-12)


@each_kind
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_nodes_and_edges_does_not_matter(gather, bonds, seed):
    graphs, model = rough(bonds), network(gather, bonds)
    dice = torch.Generator().manual_seed(seed)
    node = torch.randperm(10, generator=dice)  # where each old node now stands
    edge = torch.randperm(10, generator=dice)
    features = graphs.edge_features[edge] if bonds else None
    back = node.argsort()
    turned = Graphs(graphs.nodes[back], node[graphs.edges[:, edge]], graphs.owner[back], 4, features)
    for a, b in zip(model.stages(graphs), model.stages(turned), strict=True):
        torch.testing.assert_close(a.h if a.per_sample else a.h[back], b.h, rtol=1e-9, atol=1e-9)


@each_kind
def test_a_graph_alone_is_as_in_a_batch(gather, bonds):
    graphs, model = rough(bonds), network(gather, bonds)
    together = {stage.name: stage for stage in model.stages(graphs)}
    for i in range(4):
        for stage in model.stages(graphs[torch.tensor([i])]):
            expected = together[stage.name].h[i] if stage.per_sample else together[stage.name].h[graphs.owner == i]
            torch.testing.assert_close(stage.h.squeeze(0) if stage.per_sample else stage.h, expected)


@each_kind
def test_gradients_are_right(gather, bonds):
    graphs, module = rough(bonds), gathered(gather, bonds)
    h = torch.randn(10, 6 if gather == "gat" else 5, dtype=torch.float64, requires_grad=True)
    weights = tuple(module.parameters())

    def value(h, *_):
        return module(h, Ties(graphs.edges, graphs.edge_features))

    assert torch.autograd.gradcheck(value, (h, *weights))


@each_kind
def test_a_node_without_neighbours_hears_itself(gather, bonds):
    none = torch.zeros(2, 0).long()
    graph = Graphs(torch.randn(1, 5).double(), none, torch.tensor([0]), 1, torch.zeros(0, bonds).double())
    assert network(gather, bonds)(graph).isfinite().all()
    module = gathered(gather, bonds)
    h = torch.randn(1, 6 if gather == "gat" else 5, dtype=torch.float64)
    expected = {"gcn": lambda: h, "gin": lambda: (1 + module.own) * h, "gat": lambda: module.offer(h)}[gather]()
    torch.testing.assert_close(module(h, Ties(none, graph.edge_features)), expected)


def test_loops_are_replaced_by_one():
    graphs = rough()
    ties = with_itself(Ties(graphs.edges, graphs.edge_features), 10)
    assert (ties.edges[0] == ties.edges[1]).sum() == 10
    assert torch.equal(ties.edges[:, -10:], torch.arange(10).expand(2, -1))
    assert (ties.features[-10:] == 0).all()
    assert torch.equal(ties.features[:-10], graphs.edge_features[graphs.edges[0] != graphs.edges[1]])


def test_only_a_sum_can_count():
    """A star with 2 leaves and one with 3: alike to a mean, but not to a sum."""
    edges = torch.tensor([[1, 2, 4, 5, 6], [0, 0, 3, 3, 3]])
    stars = Graphs(torch.ones(7, 5).double(), edges, torch.tensor([0, 0, 0, 1, 1, 1, 1]), 2)
    for gather, told in (("gat", False), ("gin", True)):
        h = list(network(gather).units(stars))[1].h
        assert torch.allclose(h[0], h[3]) is not told
    alone = Graphs(torch.ones(5, 5).double(), torch.zeros(2, 0).long(), torch.tensor([0, 0, 1, 1, 1]), 2)
    for readout, told in (("mean", False), ("sum", True)):
        a, b = network("gcn", readout=readout)(alone)
        assert torch.allclose(a, b) is not told


def test_the_first_node_of_each_graph_decides():
    """Whatever other nodes are, where none of them is heard; and in any order in which graphs are laid."""
    graphs = rough(0)
    quiet = Graphs(graphs.nodes, torch.zeros(2, 0).long(), graphs.owner, 4)
    other = graphs.nodes.clone()
    other[[1, 2, 3, 5, 7, 8]] += 1  # all but 0, 4, 6 and 9
    model = network("gin", readout="first")
    torch.testing.assert_close(model(Graphs(other, quiet.edges, quiet.owner, 4)), model(quiet))
    assert (model(Graphs(other, graphs.edges, graphs.owner, 4)) != model(graphs)).any()
    mixed = torch.tensor([4, 9, 0, 6, 5, 1, 7, 2, 8, 3])  # nodes of all graphs mixed, each in its own order
    laid = Graphs(graphs.nodes[mixed], mixed.argsort()[graphs.edges], graphs.owner[mixed], 4)
    torch.testing.assert_close(model(laid), model(graphs))
    node = model.norm(list(model.units(graphs))[-1].h)[[0, 4, 6, 9]]
    torch.testing.assert_close(model(graphs), model.head(node))


@each_kind
def test_logits_can_be_had_from_embedded_nodes(gather, bonds):
    graphs, model = rough(bonds), network(gather, bonds)
    torch.testing.assert_close(model.logits_of(model.embed(graphs), graphs), model(graphs))


def test_the_attentions_are_those_of_the_pass():
    graphs, model = rough(), network("gat", 3)
    before = [stage.h for stage in model.units(graphs)]
    for block, h, after, found in zip(model.blocks, before, before[1:], model.attentions(graphs), strict=False):
        sums = torch.zeros(10, 4).double().index_add(0, found.edges[1], found.weights)
        torch.testing.assert_close(sums, torch.ones(10, 4).double())
        torch.testing.assert_close(h + block.think(found.values), after)


def test_the_attention_does_not_overflow():
    module = gathered("gat", 0)
    graphs = rough()
    h = 1e4 * torch.randn(10, 6).double()
    assert module(h, Ties(graphs.edges, None)).isfinite().all()


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="gather must be one of gcn, gin, gat. Got 'sage'"):
        GNNConfig(features=5, classes=2, gather="sage")
    with pytest.raises(ValueError, match="readout must be one of mean, sum, both, first. Got 'max'"):
        GNNConfig(features=5, classes=2, readout="max")
    with pytest.raises(ValueError, match="multiple of heads"):
        GNNConfig(features=5, classes=2, width=30, gather="gat")
    GNNConfig(features=5, classes=2, width=30)  # no heads are asked for
    with pytest.raises(ValueError, match="reads 3 features of each edge. Got none: give Graphs edge_features"):
        network("gin", 3)(rough(0))
    with pytest.raises(ValueError, match="reads 2 features of each edge. Got 3"):
        network("gat", 2)(rough())
    with pytest.raises(ValueError, match="nodes need 4 features. Got 5"):
        network("gin", features=4)(rough())
    assert network("gin")(rough()).shape == (4, 3)  # which need not be read


def test_the_depth_of_a_weight_is_known():
    model = network("gin", 3)
    assert model.depth("embedding.weight") == 0
    assert model.depth("blocks.2.gather.bond.weight") == 3
    assert model.depth("head.weight") is None
