"""Which atoms of a molecule a prediction rests on, and how many of the right ones were found.

Scores are one number a node, in the unit of layerscope.see.blame: how much a node raises the margin of one class. Of
networks with one number, or with several labels, they are about that output itself (`alone`).

What stands for "nothing" matters. Measured where one kind of atom decides (AUROC of integrated gradients): the mean
atom of the training molecules 1.00 for GIN, GCN and attention; zeros .66, 1.00 and .48, since no atom is without any
kind, and after a norm such a one is loud.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata
from torch import Tensor

from layerscope.inputs import Graphs
from layerscope.models.feeding import device_of, untouched
from layerscope.models.gnn import GNN
from layerscope.models.layered import Layered
from layerscope.see import blame
from layerscope.see.influence import Estimate, estimate


def integrated_gradients(
    model: GNN, graph: Graphs, target: int, nothing: Float[Tensor, " f"], alone: bool = False, steps: int = 64
) -> Float[Tensor, " n"]:
    """The margin's mean slope on the way from nodes that say nothing to these, times that way.

    The scores sum to what all nodes together change, but for the error of `steps`.

    Args:
        graph: one.
        target: the class; or, with `alone`, which output.
        nothing: features of a node that says nothing, such as `train.inputs.nodes.mean(dim=0)`.

    Reference: Sundararajan, Taly and Yan 2017, arXiv:1703.01365.
    """
    graph, nothing = _beside(model, graph, nothing)

    def logits(h: Float[Tensor, "b n d"]) -> Float[Tensor, "b k"]:
        return _against_nothing(model.logits_of(h.flatten(0, 1), _copies(graph, len(h))), target, alone)

    with untouched(model):
        with torch.no_grad():
            begin, end = (model.embedding(x) for x in (nothing.expand_as(graph.nodes), graph.nodes))
        return blame.integrated_gradients(logits, end, begin, 1 if alone else target, steps).cpu()


@torch.no_grad()
def occlusion(
    model: Layered, graph: Graphs, target: int, nothing: Float[Tensor, " f"], alone: bool = False
) -> Float[Tensor, " n"]:
    """By how much the margin drops when a node says nothing; it stays where it is, and its edges too.

    Args:
        graph: one.
        target: the class; or, with `alone`, which output.
        nothing: features of a node that says nothing, such as `train.inputs.nodes.mean(dim=0)`.
    """
    graph, nothing = _beside(model, graph, nothing)
    n = len(graph.nodes)
    found = []
    with untouched(model):
        for some in torch.arange(-1, n, device=graph.nodes.device).split(blame.AT_ONCE):  # -1: all keep theirs
            copies = _copies(graph, len(some))
            lost = (some[:, None] == torch.arange(n, device=some.device)).flatten()
            nodes = torch.where(lost[:, None], nothing, copies.nodes)
            masked = Graphs(nodes, copies.edges, copies.owner, len(copies), copies.edge_features)
            logits = _against_nothing(model(masked), target, alone)
            found.append(blame.margin(logits, 1 if alone else target))
    margins = torch.cat(found).cpu()
    return margins[0] - margins[1:]


class Found(NamedTuple):
    """How well scores point to the atoms that are known to decide; means over molecules, intervals over groups."""

    auroc: Estimate  # chance that a right atom scores above a wrong one of its molecule; .5 for scores without meaning
    top: Estimate  # share of right atoms among the top ones, as many as there are right ones
    chance: float  # that share for scores without meaning
    molecules: int  # that have right and wrong atoms; others are left out


def found(
    scores: Float[np.ndarray, " n"],
    right: Bool[np.ndarray, " n"],
    owner: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " s"],
) -> Found:
    """Compare scores with the atoms that decide; ties count half.

    Args:
        right: True for atoms that decide.
        owner: the molecule of each atom.
        groups: of each molecule, such as its scaffold.

    Raises:
        ValueError: if a score is not finite, or no molecule has both right and wrong atoms.
    """
    if not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite. {(~np.isfinite(scores)).sum()} of {len(scores)} are not.")
    rows, values = [], []
    for row in range(len(groups)):
        own, truth = scores[owner == row], right[owner == row]
        n, wrong = truth.sum(), (~truth).sum()
        if n and wrong:
            area = (rankdata(own)[truth].sum() - n * (n + 1) / 2) / (n * wrong)  # Mann and Whitney 1947
            least = np.sort(own)[-n]  # scored by the last of the top ones; others with its score share its places
            above, tied = own > least, own == least
            top = (truth[above].sum() + truth[tied].mean() * (n - above.sum())) / n
            rows.append(row)
            values.append((area, top, n / len(own)))
    if not rows:
        raise ValueError(f"needed a molecule with right and with wrong atoms. None of {len(groups)} has both.")
    table = torch.tensor(np.array(values, dtype=np.float64))
    auroc, top = (
        estimate(lambda w, x=x: (w @ x) / w.sum(), groups[rows], low=0, high=1) for x in (table[:, 0], table[:, 1])
    )
    return Found(auroc, top, float(table[:, 2].mean()), len(rows))


def _beside(model: Layered, graph: Graphs, nothing: Float[Tensor, " f"]) -> tuple[Graphs, Float[Tensor, " f"]]:
    """Both where the network is, which may be a GPU after training."""
    if len(graph) != 1:
        raise ValueError(f"needed one graph, such as graphs[torch.tensor([0])]. Got {len(graph)}.")
    device = device_of(model)
    return graph.to(device), nothing.to(device)


def _copies(graph: Graphs, count: int) -> Graphs:
    return graph[torch.zeros(count, dtype=torch.long)]


def _against_nothing(logits: Float[Tensor, "b k"], target: int, alone: bool) -> Float[Tensor, "b k2"]:
    """An output that stands alone as the second of two classes, of which the first has 0: its margin is itself."""
    return torch.stack([torch.zeros_like(logits[:, target]), logits[:, target]], dim=1) if alone else logits
