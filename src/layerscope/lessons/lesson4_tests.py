"""Tests of the answers to lesson 4, each on graphs that the learner has not seen; oracles are dense matrices, colour
refinement and the library.

A test raises AssertionError in words that help, or returns a sentence of praise.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from layerscope.dataset import Dataset
from layerscope.inputs import Graphs
from layerscope.lessons import lesson4_answers as answers
from layerscope.models.gnn import GIN, Ties
from layerscope.models.weisfeiler import colours

BONDS = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [4, 0], [2, 5], [5, 6], [5, 7]])  # a ring of five, with a tail


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _tensor(answer: object, shape: tuple[int, ...], axes: str) -> Tensor:
    assert isinstance(answer, Tensor), f"a tensor was needed, got {type(answer).__name__}. Is there a `return`?"
    assert answer.shape == shape, f"expected shape {shape} ({axes}), got {tuple(answer.shape)}."
    return answer


def _edges() -> Tensor:
    return answers.both_ways(BONDS)


def _dense(edges: Tensor, nodes: int) -> Tensor:
    """Row i: whom node i hears."""
    table = torch.zeros(nodes, nodes)
    table[edges[1], edges[0]] = 1
    return table


def both_ways(f: Callable) -> str:
    got = _tensor(f(BONDS.clone()), (2, 16), "from and to, twice as many edges as bonds")
    assert got.dtype == torch.int64, f"edges are numbers of atoms, so whole numbers. Got {got.dtype}."
    pairs = [tuple(pair) for pair in got.T.tolist()]
    assert len(set(pairs)) == len(pairs), "an edge stands there twice. The second half must lead back."
    table = _dense(got, 8)
    assert torch.equal(table, table.T), "an edge leads there but not back: the adjacency matrix must be symmetric."
    assert torch.equal(table, _dense(_edges(), 8)), f"the edges join other atoms than the bonds. Got {pairs}."
    none = f(torch.empty(0, 2, dtype=torch.long))
    assert none.shape == (2, 0), f"a molecule of one atom has no edge, so shape (2, 0). Got {tuple(none.shape)}."
    return "the adjacency matrix is symmetric. A list of edges says the same, and has no room for the many zeros."


def neighbour_sum(f: Callable) -> str:
    h, edges = torch.randn(8, 4, generator=_random(1)), _edges()
    got = _tensor(f(h.clone(), edges), (8, 4), "atoms, features")
    assert not torch.allclose(got, h + _dense(edges, 8) @ h, atol=1e-5), "an atom is no neighbour of itself."
    one_way = edges[:, :8]
    there, back = _dense(one_way, 8) @ h, _dense(one_way, 8).T @ h
    got = _tensor(f(h.clone(), one_way), (8, 4), "atoms, features")
    assert not torch.allclose(got, back, atol=1e-5), "edges[0] sends and edges[1] receives; yours go the other way."
    assert torch.allclose(got, there, atol=1e-5), "expected the sum of h[edges[0]] at edges[1]: the dense A @ h."
    twice = torch.tensor([[0, 0], [1, 1]])
    assert torch.allclose(f(h, twice)[1], 2 * h[0], atol=1e-5), (
        "a node that gets two messages must add both: x[i] += y keeps only the last one, index_add keeps all."
    )
    assert f(h, edges[:, :0]).abs().sum() == 0, "who has no neighbour hears nothing: zeros."
    h.requires_grad_(True)
    f(h, edges).sum().backward()
    assert (0.0 if h.grad is None else float(h.grad.sum())) == 4 * 16, "gradients must flow back along the edges."
    return "the same as the adjacency matrix times the features, without ever making that matrix."


def renumbered(f: Callable) -> str:
    nodes, edges = torch.randn(8, 3, generator=_random(2)), _edges()
    order = torch.randperm(8, generator=_random(3))
    got = f(nodes.clone(), edges.clone(), order)
    assert isinstance(got, tuple), "return two things: the nodes and the edges."
    x, e = _tensor(got[0], (8, 3), "atoms, features"), _tensor(got[1], (2, 16), "from and to, edges")
    assert torch.equal(x, nodes[order]), "atom i is now what atom order[i] was: nodes[order]."
    assert not torch.equal(e, edges), "the edges still have the old numbers."
    assert not torch.equal(e, order[edges]), (
        "order says which old atom stands at a new place. Edges need the other direction: the new place of an old atom."
    )
    assert torch.equal(_dense(e, 8), _dense(edges, 8)[order][:, order]), (
        "the edges do not join the same atoms as before."
    )
    return "the same molecule, written in another order. Nothing that a network says of it may change."


def gcn_weights(f: Callable) -> str:
    edges = torch.cat([_edges(), torch.arange(8).expand(2, 8)], dim=1)
    got = _tensor(f(edges, 8), (24,), "one weight for each edge")
    table = _dense(edges, 8)
    root = table.sum(dim=1).rsqrt()
    oracle = (root[:, None] * table * root)[edges[1], edges[0]]
    mean = (1 / table.sum(dim=1))[edges[1]]
    assert not torch.allclose(got, mean, atol=1e-5), "that is the plain mean. GCN asks how connected the SENDER is too."
    assert not torch.allclose(got, oracle.square(), atol=1e-5), "the square root is missing."
    assert torch.allclose(got, oracle, atol=1e-5), (
        f"expected 1 / sqrt(d_sender * d_receiver), such as {oracle[0]:.3f} for the first edge, got {got[0]:.3f}. "
        "d counts the edges that reach a node, that of the node to itself too."
    )
    return "the same as D^(-1/2) (A + I) D^(-1/2) in the paper of Kipf and Welling."


def gin_step(f: Callable) -> str:
    h, edges, own = torch.randn(8, 4, generator=_random(4)), _edges(), torch.tensor(0.3)
    think = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        for part in think:
            getattr(part, "reset_parameters", lambda: None)()
    got = _tensor(f(h, edges, own, think), (8, 4), "atoms, features")
    layer = GIN(4, 0)
    torch.nn.init.constant_(layer.own, 0.3)
    with torch.no_grad():
        gathered = layer(h, Ties(edges, None))
        assert not torch.allclose(got, gathered, atol=1e-5), "the sum is right; now let `think` work on it."
        mean = think(1.3 * h + _dense(edges, 8) @ h / _dense(edges, 8).sum(dim=1, keepdim=True))
        assert not torch.allclose(got, mean, atol=1e-5), "a SUM over the neighbours, no mean: a mean cannot count."
        assert not torch.allclose(got, think(_dense(edges, 8) @ h), atol=1e-5), "the atom's own features are missing."
        assert not torch.allclose(got, think(0.3 * h + _dense(edges, 8) @ h), atol=1e-5), "(1 + own) * h, not own * h."
        assert torch.allclose(got, think(gathered), atol=1e-5), "expected think((1 + own) * h + sum of the neighbours)."
    return "the same numbers as the library's GIN: gather from the others, then think alone."


def fingerprint(f: Callable) -> str:
    atoms, bonds = [6, 6, 7, 6, 6, 6, 8, 8], BONDS.tolist()
    near = _near(8, bonds)
    got = f(atoms, near, 0)
    assert isinstance(got, (set, frozenset)), f"a set of numbers was needed, got {type(got).__name__}."
    assert set(got) == {6, 7, 8}, f"with no round, the kinds of atoms are all there is: {{6, 7, 8}}. Got {got}."
    back = [list(reversed(some)) for some in near]
    assert f(atoms, back, 2) == f(atoms, near, 2), "neighbours have no order: sort their numbers before you hash them."
    ends = f([6, 8, 7], [[1], [0, 2], [1]], 1)
    assert len(ends) != 5, "an atom's own number belongs into its new one: hash((own, ...))."
    graph = Graphs(torch.tensor(atoms).float()[:, None], _edges(), torch.zeros(8, dtype=torch.long), 1)
    for rounds in (1, 2, 3):
        new = [int(colours(graph, r).max()) + 1 for r in range(rounds + 1)]
        got = f(atoms, near, rounds)
        assert len(got) != new[-1], "keep the numbers of every round, not of the last alone: found |= set(numbers)."
        assert len(got) == sum(new), (
            f"after {rounds} round(s) there are {' + '.join(map(str, new))} different neighbourhoods, {sum(new)} in "
            f"all. Got {len(got)}. A new number is made of an atom's own AND of those of all neighbours."
        )
    order = torch.randperm(8, generator=_random(6)).tolist()
    place = {old: new for new, old in enumerate(order)}
    turned = [[place[j] for j in near[old]] for old in order]
    assert f([atoms[old] for old in order], turned, 2) == f(atoms, near, 2), (
        "the order of the atoms changes the answer."
    )
    chain, bridge = f([6, 6, 8], [[1], [0, 2], [1]], 1), f([6, 6, 8], [[2], [2], [0, 1]], 1)
    assert chain != bridge, "what is bonded must matter: ethanol (C-C-O) is no dimethyl ether (C-O-C)."
    return "colour refinement of Weisfeiler and Leman, and, but for details, the ECFP fingerprint of chemistry."


def _near(atoms: int, bonds: list[list[int]]) -> list[list[int]]:
    return [[b if a == i else a for a, b in bonds if i in (a, b)] for i in range(atoms)]


def scaffold_split(f: Callable) -> str:
    rng = np.random.default_rng(7)
    scaffolds = rng.permutation([f"scaffold {k}" for k in range(60) for _ in range(1 + k % 13)]).tolist()
    got = np.asarray(f(scaffolds, 0.2, 4))
    needed = f"True or False for each of {len(scaffolds)} molecules was needed"
    assert got.shape == (len(scaffolds),), f"{needed}, got shape {got.shape}."
    assert got.dtype == bool, f"{needed}, got {got.dtype}."
    sides = {name: {bool(there) for s, there in zip(scaffolds, got, strict=True) if s == name} for name in scaffolds}
    both = [name for name, there in sides.items() if len(there) > 1]
    assert not both, f"{len(both)} of {len(sides)} scaffolds stand on both sides. Draw scaffolds, not molecules."
    shares = np.array([np.asarray(f(scaffolds, 0.2, seed)).mean() for seed in range(20)])
    assert shares.min() > 0, "each side needs molecules: the test part is empty."
    assert shares.max() < 1, "each side needs molecules: nothing is left to learn from."
    assert 0.15 <= np.median(shares) <= 0.35, (
        f"about 0.2 of the molecules are for the test, got {np.median(shares):.2f}."
    )
    assert any((np.asarray(f(scaffolds, 0.2, seed)) != got).any() for seed in range(5, 9)), (
        "another seed must give another split."
    )
    assert (np.asarray(f(scaffolds, 0.2, 4)) == got).all(), "the same seed must give the same split."
    return "no scaffold stands on both sides. The test part now asks about chemistry that was not seen."


def out_of_fold(f: Callable) -> str:
    fold = np.array([0, 2, 1, 1, 0, 2, 2, 0, 1, 0])
    owner = torch.arange(10)
    graphs = Graphs(torch.arange(10.0)[:, None], torch.zeros(2, 0, dtype=torch.long), owner, 10)
    train = Dataset.of(graphs, [0, 1] * 5, groups=fold, ids=[f"m{i}" for i in range(10)])
    asked_of = []

    def learn(part: Dataset) -> Callable[[Dataset], np.ndarray]:
        seen = {str(name) for name in part.ids}
        asked_of.append(seen)
        return lambda asked: np.array([100.0 * (str(name) in seen) + int(str(name)[1:]) for name in asked.ids])

    got = f(learn, train, fold)
    assert getattr(got, "shape", None) == (10,), "one number for each training molecule was needed."
    cheated = int((got >= 100).sum())
    assert not cheated, f"{cheated} of 10 molecules were answered by a model that had learned from them."
    assert np.array_equal(got, np.arange(10)), (
        f"the answers stand in other rows than their molecules. Got {got.tolist()}."
    )
    assert len(asked_of) == 3, f"one model for each of 3 folds. Got {len(asked_of)}."
    assert all(len(seen) == 10 - n for seen, n in zip(asked_of, (4, 3, 3), strict=True)), (
        "each model learns from ALL molecules that are not in its fold."
    )
    return "every molecule is answered by a model that has not seen it. The number fell, and it is the right one."
