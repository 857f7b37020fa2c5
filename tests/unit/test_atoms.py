"""Attribution per node: what is known to decide, by hand, and against Captum."""

import numpy as np
import pytest
import torch
from conftest import random_graphs, toy_graphs
from sklearn.metrics import roc_auc_score

from layerscope.dataset import split
from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.see.atoms import found, integrated_gradients, occlusion
from layerscope.see.blame import margin
from layerscope.train import Recipe, fit

KINDS = ["gcn", "gin", "gat"]


NOTHING = torch.tensor([0.1, 0.3, 0.2, 0.2, 0.2])  # an atom of the mean


def network(gather="gin", classes=3, **more):
    torch.manual_seed(0)
    sizes = {"features": 5, "classes": classes, "edge_features": 2, "width": 16, "blocks": 2}
    return GNN(GNNConfig(gather=gather, **sizes, **more)).eval()


def molecule(row=3):
    return random_graphs(12, edge_features=2)[torch.tensor([row])]


def without(graph, nodes):
    gone = graph.nodes.clone()
    gone[nodes] = NOTHING
    return Graphs(gone, graph.edges, graph.owner, 1, graph.edge_features)


@pytest.mark.parametrize("gather", KINDS)
def test_occlusion_is_what_removing_by_hand_gives(gather):
    model, graph = network(gather), molecule()
    scores = occlusion(model, graph, 2, NOTHING)
    assert scores.shape == (len(graph.nodes),) and len(scores) > 4
    with torch.no_grad():
        whole = margin(model(graph), 2)
        by_hand = [(whole - margin(model(without(graph, [i])), 2)).item() for i in range(len(scores))]
        alone = [(model(graph) - model(without(graph, [i])))[0, 1].item() for i in range(len(scores))]
    assert scores.tolist() == pytest.approx(by_hand, abs=1e-5)
    assert occlusion(model, graph, 1, NOTHING, alone=True).tolist() == pytest.approx(alone, abs=1e-5)
    assert occlusion(model, graph, 2, graph.nodes[0])[0].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("gather", KINDS)
def test_integrated_gradients_sum_to_what_they_explain(gather):
    model, graph = network(gather), molecule()
    nothing = without(graph, list(range(len(graph.nodes))))
    with torch.no_grad():
        change = (margin(model(graph), 1) - margin(model(nothing), 1)).item()
        own = (model(graph) - model(nothing))[0, 1].item()
    assert abs(change) > 0.01
    whole = integrated_gradients(model, graph, 1, NOTHING, steps=500)
    assert whole.sum().item() == pytest.approx(change, abs=2e-3)
    whole = integrated_gradients(model, graph, 1, NOTHING, alone=True, steps=500)
    assert whole.sum().item() == pytest.approx(own, abs=2e-3)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.filterwarnings("ignore")  # of the library's own making
def test_integrated_gradients_are_captums():
    captum = pytest.importorskip("captum.attr")
    model, graph = network("gat"), molecule()

    def explained(h):
        copies = graph[torch.zeros(len(h)).long()]
        return margin(model.logits_of(h.flatten(0, 1), copies), 1)

    h, nothing = (model.embedding(x).detach()[None] for x in (graph.nodes, NOTHING.expand_as(graph.nodes)))
    method = captum.IntegratedGradients(explained)
    expected = method.attribute(h, nothing, n_steps=64, method="riemann_middle").sum(dim=-1)[0]
    torch.testing.assert_close(integrated_gradients(model, graph, 1, NOTHING), expected, atol=1e-5, rtol=1e-4)


def test_the_mode_and_the_weights_are_left_as_they_were():
    model, graph = network(dropout=0.5).train(), molecule()
    first, second = (integrated_gradients(model, graph, 1, NOTHING) for _ in range(2))
    assert torch.equal(first, second) and model.training
    assert torch.equal(occlusion(model, graph, 1, NOTHING), occlusion(model, graph, 1, NOTHING)) and model.training


@pytest.mark.parametrize("gather", KINDS)
@pytest.mark.parametrize("explain", [integrated_gradients, occlusion])
def test_the_atom_that_decides_is_found(explain, gather):
    """Class 1 has one node of kind 0, and nothing else counts."""
    data = toy_graphs(200)
    parts = split(data, {"train": 0.7, "val": 0.3}, seed=0)
    model = network(gather, classes=2)
    fit(model, parts["train"], parts["val"], Recipe(epochs=20, batch_size=16, patience=20))
    test = parts["val"].inputs
    rows = torch.arange(len(test))
    mean = parts["train"].inputs.nodes.mean(dim=0)
    scores = torch.cat([explain(model, test[rows[i : i + 1]], 1, mean) for i in rows])
    nodes = test[rows].nodes  # graph after graph
    right, owner = (nodes[:, 0] == 1).numpy(), test[rows].owner.numpy()
    seen = found(scores.numpy(), right, owner, parts["val"].groups)
    assert seen.auroc.low > 0.9 and seen.top.value > 0.9 and seen.chance < 0.5
    assert 10 < seen.molecules <= 30  # half of them have such a node, and some have no other
    blind = torch.rand(len(scores), generator=torch.Generator().manual_seed(0)).numpy()
    assert found(blind, right, owner, parts["val"].groups).auroc.value < 0.75


def test_how_well_atoms_are_found_by_hand():
    scores = np.array([3.0, 2, 1, 0, 1, 1, 5, 9, 9])
    right = np.array([True, False, True, False, True, False, True, False, False])
    owner = np.array([0, 0, 0, 0, 1, 1, 2, 3, 3])
    seen = found(scores, right, owner, np.arange(4))
    assert seen.molecules == 2  # one has right atoms alone, one none
    assert seen.auroc.value == pytest.approx((0.75 + 0.5) / 2)
    assert seen.top.value == pytest.approx((0.5 + 0.5) / 2)
    assert seen.chance == 0.5
    assert roc_auc_score(right[:4], scores[:4]) == 0.75
    dice = np.random.default_rng(0)
    many, truth = dice.integers(0, 4, 30).astype(float), dice.random(30) < 0.4
    only = found(many, truth, np.zeros(30, int), np.zeros(1, int))
    assert only.auroc.value == pytest.approx(roc_auc_score(truth, many))
    assert np.isnan(only.auroc.low)


def test_ties_count_as_the_mean_over_their_orders():
    scores, right = np.array([2.0, 1, 1, 1, 0]), np.array([False, True, True, False, False])
    places = [scores + 1e-3 * dice.permutation(5) for dice in map(np.random.default_rng, range(600))]
    owner, group = np.zeros(5, int), np.zeros(1, int)
    broken = np.mean([found(s, right, owner, group).top.value for s in places])
    assert found(scores, right, owner, group).top.value == pytest.approx(broken, abs=0.04)


def test_what_cannot_be_done_is_said():
    model, two = network(), random_graphs(2, edge_features=2)
    for explain in (integrated_gradients, occlusion):
        with pytest.raises(ValueError, match=r"needed one graph, such as graphs\[torch.tensor\(\[0\]\)\]. Got 2"):
            explain(model, two, 1, NOTHING)
    zeros = np.zeros(2, int)
    with pytest.raises(ValueError, match="scores must be finite. 1 of 2 are not"):
        found(np.array([np.nan, 1.0]), np.array([True, False]), zeros, zeros[:1])
    with pytest.raises(ValueError, match="None of 1 has both"):
        found(np.array([2.0, 1.0]), np.array([True, True]), zeros, zeros[:1])
