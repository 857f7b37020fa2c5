"""What no network that passes messages along edges can tell apart: graphs of the same colours.

Colour refinement: nodes begin with a colour for their features; then, round by round, two nodes keep a common colour
only if their neighbours have the same colours, each as often. A message passing network sees no more than that.

References: Weisfeiler and Leman 1968; Xu et al. 2019, arXiv:1810.00826; Morris et al. 2019, arXiv:1810.02244.
"""

from collections.abc import Hashable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from layerscope.inputs import Graphs


def colours(graphs: Graphs, rounds: int | None = None) -> Int[Tensor, " n"]:
    """A number for each node; nodes of the same number, in whatever graph, are told apart by no such network.

    Args:
        rounds: as many as the network has blocks, of GCN one more (it reads its neighbours' degrees); None: until no
            colour divides any more.
    """
    bonds = _numbered(_rows(graphs.edge_features, graphs.edges.shape[1]))
    now = _numbered(_rows(graphs.nodes, len(graphs.nodes)))
    for _ in range(len(now) if rounds is None else rounds):
        heard: list[list[tuple[int, int]]] = [[] for _ in now]
        for bond, (sender, receiver) in zip(bonds, graphs.edges.T.tolist(), strict=True):
            heard[receiver].append((bond, now[sender]))
        then = _numbered([(own, tuple(sorted(others))) for own, others in zip(now, heard, strict=True)])
        if max(then) == max(now):  # a colour only ever divides, so as many colours are the same colours
            break
        now = then
    return torch.tensor(now)


def kinds(graphs: Graphs, rounds: int | None = None) -> Int[Tensor, " s"]:
    """A number for each graph; graphs of the same number have the same colours, each as often.

    Example:
        >>> ends = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [1, 2, 0, 4, 5, 3, 7, 8, 9, 10, 11, 6]
        >>> bonds = torch.tensor([ends[0] + ends[1], ends[1] + ends[0]])
        >>> owner = torch.tensor([0] * 6 + [1] * 6)  # two triangles, and a hexagon
        >>> kinds(Graphs(torch.ones(12, 1), bonds, owner, 2)).tolist()
        [0, 0]
    """
    found = colours(graphs, rounds)
    return torch.tensor(_numbered([tuple(sorted(found[graphs.owner == i].tolist())) for i in range(len(graphs))]))


def _rows(features: Float[Tensor, "m f"] | None, count: int) -> list[tuple[float, ...]]:
    return [()] * count if features is None else [tuple(row) for row in features.tolist()]


def _numbered(things: Sequence[Hashable]) -> list[int]:
    """Equal things get equal numbers, from 0 in the order in which they are first met."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(thing, len(known)) for thing in things]
