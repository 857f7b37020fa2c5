"""Questions about the nodes of one large graph, as samples: each is a node with those around it.

A network with k blocks hears no farther than k steps, so the neighbourhood of a node is all that it needs to decide
about it. Cut out, it is a graph like a molecule, and whatever works on `Graphs` works on it.

References: Hamilton, Ying and Leskovec 2017, arXiv:1706.02216 (neighbours are drawn where there are too many).
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from layerscope.inputs import Graphs


class Members(NamedTuple):
    """Who is in which neighbourhood, by the numbers of the large graph."""

    node: Int[np.ndarray, " m"]  # the centre first, then those one step away, then two steps
    owner: Int[np.ndarray, " m"]
    edge: Int[np.ndarray, " l"]  # every edge between two members
    edge_owner: Int[np.ndarray, " l"]


def neighbourhoods(
    nodes: Float[Tensor, "n f"],
    edges: Int[Tensor, "2 e"],
    centres: Int[Tensor, " c"],
    hops: int,
    most: int,
    edge_features: Float[Tensor, "e g"] | None = None,
    seed: int = 0,
) -> Graphs:
    """One graph for each centre, with it as its first node: those from whom a message reaches it in `hops` steps.

    If nothing is cut, a network with `hops` blocks and readout="first" decides as it would on the whole graph; with
    gather="gcn", which asks how many edges a sender has, if it has one block fewer.

    Args:
        most: nodes of a neighbourhood. The nearest are kept; of those that are equally far, as many as there is room
            for are drawn at random.

    Example:
        >>> line = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> neighbourhoods(torch.eye(4), line, torch.tensor([2]), hops=1, most=9).nodes.argmax(dim=1).tolist()
        [2, 1]
    """
    found = members(edges.numpy(), len(nodes), centres.numpy(), hops, most, seed)
    number = found.owner * len(nodes) + found.node  # one for each pair of graph and node
    order = np.argsort(number)
    wanted = found.edge_owner * len(nodes) + edges.numpy()[:, found.edge]
    laid = order[np.searchsorted(number, wanted, sorter=order)]
    features = None if edge_features is None else edge_features[found.edge]
    owner = torch.from_numpy(found.owner)
    return Graphs(nodes[found.node], torch.from_numpy(laid), owner, len(centres), features)


def members(
    edges: Int[np.ndarray, "2 e"], nodes: int, centres: Int[np.ndarray, " c"], hops: int, most: int, seed: int = 0
) -> Members:
    """As `neighbourhoods`, but who they are. What is drawn for a centre does not depend on the other centres.

    Raises:
        ValueError: if a number is not that of a node, or there is no room for the centre.
    """
    if hops < 0 or most < 1:
        raise ValueError(f"needed hops from 0 and at most `most` nodes, from 1. Got hops={hops}, most={most}.")
    for what, numbers in (("edges must join nodes", edges), ("centres must be nodes", centres)):
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < nodes):
            raise ValueError(f"{what} 0 to {nodes - 1}. Got {numbers.min()} to {numbers.max()}.")
    by_receiver = np.argsort(edges[1], kind="stable")
    begins = np.searchsorted(edges[1][by_receiver], np.arange(nodes + 1))
    inside = np.zeros(nodes, bool)
    own_nodes, own_edges = [], []
    for centre in centres.tolist():
        dice = np.random.default_rng([seed, centre])
        own = frontier = np.array([centre])
        inside[centre] = True
        for _ in range(hops):
            near = np.unique(edges[0][_incoming(by_receiver, begins, frontier)])
            frontier = near[~inside[near]]
            if len(frontier) > most - len(own):
                frontier = np.sort(dice.choice(frontier, most - len(own), replace=False))
            inside[frontier] = True
            own = np.concatenate([own, frontier])
        incoming = _incoming(by_receiver, begins, own)
        own_edges.append(np.sort(incoming[inside[edges[0][incoming]]]))
        own_nodes.append(own)
        inside[own] = False
    return Members(*_laid(own_nodes), *_laid(own_edges))


def _incoming(
    by_receiver: Int[np.ndarray, " e"], begins: Int[np.ndarray, " n1"], nodes: Int[np.ndarray, " m"]
) -> Int[np.ndarray, " i"]:
    """The edges that lead to any of these nodes."""
    return np.concatenate([by_receiver[begins[i] : begins[i + 1]] for i in nodes.tolist()] or [by_receiver[:0]])


def _laid(parts: list[Int[np.ndarray, " _"]]) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"]]:
    """End to end, and of which part each is."""
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.concatenate([*parts, np.array([], np.int64)]), owner
