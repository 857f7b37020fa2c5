"""Columns of samples: rows and pooling, against loops that are plainly right."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import TOY
from hypothesis import given
from hypothesis import strategies as st

from layerscope.dataset import Dataset, batches
from layerscope.inputs import Graphs, Images, Tokens


def g(seed=0):
    return torch.Generator().manual_seed(seed)


def molecules():
    """Three graphs whose nodes are not laid out in order."""
    owner = torch.tensor([1, 0, 1, 2, 0, 1])
    edges = torch.tensor([[0, 2, 1, 4, 2, 5], [2, 0, 4, 1, 5, 2]])
    return Graphs(torch.randn(6, 4, generator=g()), edges, owner, 3)


@st.composite
def scattered(draw):
    """Graphs whose nodes and edges lie about in any order, with isolated nodes, loops and double edges."""
    graphs = draw(st.integers(1, 5))
    owner = torch.tensor(draw(st.permutations([*range(graphs), *draw(st.lists(st.integers(0, graphs - 1)))])))
    ends = [(a, b) for a in range(len(owner)) for b in range(len(owner)) if owner[a] == owner[b]]
    edges = torch.tensor(draw(st.lists(st.sampled_from(ends))), dtype=torch.long).reshape(-1, 2).T
    nodes, features = torch.arange(len(owner)).float()[:, None], torch.rand(edges.shape[1], 2, generator=g())
    return Graphs(nodes, edges, owner, graphs, features)


def edge_set(graphs, k):
    """The edges of graph k as pairs of node features, which no renumbering changes, with their own features."""
    mine = (graphs.owner[graphs.edges[0]] == k).nonzero()[:, 0]
    own = [() for _ in mine] if graphs.edge_features is None else graphs.edge_features[mine].tolist()
    ends = graphs.edges[:, mine].T
    return sorted(
        (tuple(graphs.nodes[a].tolist()), tuple(graphs.nodes[b].tolist()), tuple(f))
        for (a, b), f in zip(ends, own, strict=True)
    )


def test_rows_of_graphs_keep_their_nodes_and_edges_in_any_order_and_repeated():
    whole = molecules()
    rows = [2, 0, 1, 1]
    part = whole[torch.tensor(rows)]
    assert len(part) == 4
    for k, row in enumerate(rows):
        assert torch.equal(part.nodes[part.owner == k], whole.nodes[whole.owner == row])
        assert edge_set(part, k) == edge_set(whole, row)
    assert len(edge_set(part, 2)) == 4


@given(whole=scattered(), data=st.data())
def test_selected_graphs_keep_their_own_nodes_edges_and_features(whole, data):
    for _ in range(2):  # rows of rows are rows
        rows = data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=7))
        part = whole[torch.tensor(rows)].to(torch.device("cpu"))
        assert len(part) == len(rows)
        for k, row in enumerate(rows):
            assert torch.equal(part.nodes[part.owner == k], whole.nodes[whole.owner == row])
            assert edge_set(part, k) == edge_set(whole, row)
        whole = part


def test_nodes_are_pooled_by_owner():
    graphs = molecules()
    for k in range(3):
        own = graphs.nodes[graphs.owner == k]
        torch.testing.assert_close(graphs.pool(graphs.nodes)[k], own.mean(0))
        torch.testing.assert_close(graphs.peak(graphs.nodes)[k], own.amax(0))
        torch.testing.assert_close(graphs.total(graphs.nodes)[k], own.sum(0))


def test_padding_changes_nothing():
    tokens = Tokens(torch.zeros(2, 3, dtype=torch.long), torch.tensor([[True, True, False], [True, True, True]]))
    h = -torch.rand(2, 3, 4, generator=g()) - 1
    torch.testing.assert_close(tokens.pool(h)[0], h[0, :2].mean(0))
    torch.testing.assert_close(tokens.peak(h)[0], h[0, :2].amax(0))
    h[0, 2] = torch.nan
    assert tokens.pool(h).isfinite().all()
    assert tokens.peak(h).isfinite().all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Tokens(torch.ones(2, 2).long(), torch.tensor([[True, True], [False, False]])), "1 of 2 have a mask"),
        (lambda: Graphs(torch.ones(2, 1), torch.zeros(2, 0).long(), torch.tensor([0, 0]), 2), "2 graphs .* one node"),
        (lambda: Graphs(torch.ones(2, 1), torch.tensor([[0], [5]]), torch.tensor([0, 1]), 2), "nodes 0 to 1"),
        (lambda: Graphs(torch.ones(2, 1), torch.tensor([[0], [1]]), torch.tensor([0, 1]), 2), "two graphs"),
    ],
)
def test_a_column_that_cannot_be_is_refused(make, text):
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize("kind", ["images", "tokens", "graphs"])
def test_a_data_set_of_any_column_can_be_cut_and_batched(kind):
    inputs = {
        "images": Images(torch.arange(3, dtype=torch.uint8).reshape(3, 1, 1, 1)),
        "tokens": Tokens(torch.arange(6).reshape(3, 2), torch.ones(3, 2, dtype=torch.bool)),
        "graphs": molecules(),
    }[kind]
    data = Dataset.of(inputs, [0, 1, 1], groups=["b", "a", "b"], classes=["no", "yes"])
    assert data.groups[0] == data.groups[2] != data.groups[1]
    assert Dataset.of(inputs, [0, 1, 1], groups=["c", "b", "x"]).groups[1] == data.groups[0]  # in every data set
    assert [len(batch.inputs) for batch in batches(data, 2)] == [2, 1]
    turned = data.rows(np.array([2, 0])).to(torch.device("cpu"))
    assert turned.targets.tolist() == [1, 0]
    assert type(turned.inputs) is type(inputs)
    assert len(turned.inputs) == 2


def test_without_groups_the_card_says_that_they_are_unknown():
    images = Images(torch.zeros(3, 1, 2, 2, dtype=torch.uint8))
    data = Dataset.of(images, np.array([0, 2, 1]))
    assert data.source.group.startswith("unknown: ")
    assert data.groups.tolist() == [0, 1, 2]
    assert data.classes == ("0", "1", "2")
    assert TOY.group != data.source.group
    with pytest.raises(ValueError, match="targets must be 0 to 1, .* Got 0 to 2"):
        Dataset.of(images, [0, 2, 1], classes=["a", "b"])
    with pytest.raises(ValueError, match="one row per sample"):
        Dataset.of(images, [0, 1])


MISREAD = """
import torch
from layerscope import Dataset, Images
from layerscope.inputs import Graphs
images = Images(torch.zeros(3, 1, 4, 4, dtype=torch.uint8))
for wrong in (
    lambda: Images(torch.rand(2, 1, 4, 4)),
    lambda: Dataset.of(images, [0.9, 0.1, 1.0]),
    lambda: Dataset.of(images, [[0, 1], [1, 0], [1, 0]]),
    lambda: Dataset.of(images, []),
    lambda: Dataset.of(images, [0, 1, 1], groups=[1.0, float("nan"), 2.0]),
    lambda: Graphs(torch.ones(2, 1), torch.tensor([[0, 1], [1, 0]]), torch.zeros(2).long(), 1, torch.ones(1, 3)),
):
    try:
        wrong()
        print("taken")
    except ValueError as error:
        print(error)
"""


def test_what_would_be_misread_is_refused_without_the_shape_checks_too():
    done = subprocess.run([sys.executable, "-c", MISREAD], capture_output=True, text=True, check=True)
    floats, cut, one_hot, empty, missing, bonds = done.stdout.splitlines()
    assert "(uint8), of shape (samples, channels, height, width). Got torch.float32, (2, 1, 4, 4)" in floats
    for said in (cut, one_hot, empty):
        assert "targets must be whole numbers, one a sample" in said
    assert "1 of 3 have none, first row 1" in missing
    assert "one row for each of the 2 edges, in the order of `edges` (a bond is two edges). Got shape (1, 3)" in bonds


def test_a_group_is_the_same_number_however_it_is_written():
    images = Images(torch.zeros(3, 1, 4, 4, dtype=torch.uint8))
    written = ([1, 2, 2], [1.0, 2.0, 2.0], ["1", "2", "2"])
    assert [Dataset.of(images, [0, 1, 1], groups=g).groups.tolist() for g in written] == [[1, 2, 2]] * 3
