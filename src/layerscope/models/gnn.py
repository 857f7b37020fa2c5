"""A small graph network: every node hears its neighbours, then thinks alone; repeat.

Three answers to the question how the others are weighed: by who they are joined to (GCN), all alike (GIN), or by what
both are (attention). Messages go along edges, from the first node to the second.

References: Kipf and Welling 2017, arXiv:1609.02907 (GCN); Xu et al. 2019, arXiv:1810.00826 (GIN); Hu et al. 2020,
arXiv:1905.12265 (GIN with edge features); Brody, Alon and Yahav 2022, arXiv:2105.14491 (GATv2, whose attention can
depend on who asks; that of the first GAT ranks the others alike for all).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from layerscope.inputs import Graphs
from layerscope.models.layered import Layered, Stage

GATHERS = ("gcn", "gin", "gat")
READOUTS = ("mean", "sum", "both", "first")


@dataclass(frozen=True)
class GNNConfig:
    features: int  # of a node
    classes: int  # or numbers that are predicted
    edge_features: int = 0  # of an edge; 0: none are read. GCN as published reads none, whatever stands here
    gather: str = "gin"  # or "gcn", "gat"
    width: int = 64
    blocks: int = 4
    heads: int = 4  # of attention
    readout: str = "mean"  # over nodes; "sum" can count them; "both"; "first": of the first node of each graph alone
    residual: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name, value, known in (("gather", self.gather, GATHERS), ("readout", self.readout, READOUTS)):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}. Got {value!r}.")
        if self.gather == "gat" and self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads. Got {self.width} and {self.heads}.")


class Ties(NamedTuple):
    """Who hears whom."""

    edges: Int[Tensor, "2 e"]
    features: Float[Tensor, "e g"] | None


def heard(messages: Float[Tensor, "e d"], edges: Int[Tensor, "2 e"], nodes: int) -> Float[Tensor, "n d"]:
    """The sum of the messages that reach each node; 0 where none does."""
    return messages.new_zeros(nodes, messages.shape[1]).index_add_(0, edges[1], messages)


def with_itself(ties: Ties, nodes: int) -> Ties:
    """Every node hears itself, once; that edge comes after all others, and its features are zeros."""
    others = ties.edges[0] != ties.edges[1]
    loops = torch.arange(nodes, device=ties.edges.device).expand(2, nodes)
    features = None if ties.features is None else pad(ties.features[others], (0, 0, 0, nodes))
    return Ties(torch.cat([ties.edges[:, others], loops], dim=1), features)


class GCN(nn.Module):
    """A sum of the neighbours and itself, in which well-connected nodes count less: something between sum and mean.

    It asks only who is joined: edge features are not read.
    """

    def forward(self, h: Float[Tensor, "n d"], ties: Ties) -> Float[Tensor, "n d"]:
        edges, _ = with_itself(ties._replace(features=None), len(h))
        share = edges[1].bincount(minlength=len(h)).to(h.dtype).rsqrt()
        weights = share[edges[0]] * share[edges[1]]
        return heard(weights[:, None] * h.index_select(0, edges[0]), edges, len(h))


class GIN(nn.Module):
    """The sum of the neighbours, beside itself: a sum, unlike a mean, tells one neighbour from two like it."""

    def __init__(self, width: int, edge_features: int) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.zeros(()))
        self.bond = nn.Linear(edge_features, width) if edge_features else None

    def forward(self, h: Float[Tensor, "n d"], ties: Ties) -> Float[Tensor, "n d"]:
        messages = h.index_select(0, ties.edges[0])  # half as slow as h[...], backwards too
        if self.bond is not None:
            messages = (messages + self.bond(ties.features)).relu_()
        return (1 + self.own) * h + heard(messages, ties.edges, len(h))


class Attended(NamedTuple):
    values: Float[Tensor, "n d"]
    edges: Int[Tensor, "2 m"]  # as given, but those to itself, which come last
    weights: Float[Tensor, "m a"]  # how much of the sender the receiver takes; of each receiver they sum to 1


class GAT(nn.Module):
    """Each node asks, each neighbour (and itself) offers; what both and the edge are decides how much is taken."""

    def __init__(self, width: int, heads: int, edge_features: int) -> None:
        super().__init__()
        self.ask, self.offer = nn.Linear(width, width), nn.Linear(width, width)
        self.bond = nn.Linear(edge_features, width, bias=False) if edge_features else None
        self.weigh = nn.Parameter(nn.init.xavier_uniform_(torch.empty(heads, width // heads)))

    def attend(self, h: Float[Tensor, "n d"], ties: Ties) -> Attended:
        edges, features = with_itself(ties, len(h))
        offer = self.offer(h).index_select(0, edges[0])
        met = self.ask(h).index_select(0, edges[1]) + offer
        if self.bond is not None:
            met = met + self.bond(features)
        scores = (leaky_relu(met, 0.2).unflatten(1, self.weigh.shape) * self.weigh).sum(dim=-1)
        weights = softmax(scores, edges, len(h))
        values = weights[..., None] * offer.unflatten(1, self.weigh.shape)
        return Attended(heard(values.flatten(1), edges, len(h)), edges, weights)

    def forward(self, h: Float[Tensor, "n d"], ties: Ties) -> Float[Tensor, "n d"]:
        return self.attend(h, ties).values


def softmax(scores: Float[Tensor, "e a"], edges: Int[Tensor, "2 e"], nodes: int) -> Float[Tensor, "e a"]:
    """Over the edges that lead to one node."""
    receiver = edges[1][:, None].expand_as(scores)
    highest = scores.new_full((nodes, scores.shape[1]), -torch.inf).scatter_reduce(0, receiver, scores.detach(), "amax")
    weights = (scores - highest[edges[1]]).exp()  # less the highest, so that nothing overflows; the shares are the same
    return weights / heard(weights, edges, nodes)[edges[1]]


def first(inputs: Graphs) -> Int[Tensor, " s"]:
    """The number of the first node of each graph: in a neighbourhood, the node whose it is (layerscope.data.ego)."""
    node = torch.arange(len(inputs.owner), device=inputs.owner.device)
    return node.new_full((inputs.graphs,), len(node)).scatter_reduce(0, inputs.owner, node, "amin")


class GraphBlock(nn.Module):
    """Gather from the neighbours, then think alone.

    The sum over neighbours grows with every block unless its summands are of one size: so they are standardised, each
    node by itself, that no molecule depends on its batch. What a node was is kept and added to (residual): without it,
    nodes become alike with depth (layerscope.see.oversmoothing).
    """

    def __init__(self, config: GNNConfig) -> None:
        super().__init__()
        width, bonds = config.width, config.edge_features
        self.residual = config.residual
        self.norm = nn.LayerNorm(width)
        self.gather = {
            "gcn": lambda: GCN(),
            "gin": lambda: GIN(width, bonds),
            "gat": lambda: GAT(width, config.heads, bonds),
        }[config.gather]()
        self.think = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(inplace=True), nn.Linear(2 * width, width), nn.Dropout(config.dropout)
        )

    def forward(self, h: Float[Tensor, "n d"], ties: Ties) -> Float[Tensor, "n d"]:
        change = self.think(self.gather(self.norm(h), ties))
        return h + change if self.residual else change


class GNN(Layered):
    """Embed, blocks, mean or sum over nodes (or the first of each graph), head."""

    def __init__(self, config: GNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Linear(config.features, config.width)
        self.blocks = nn.ModuleList(GraphBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width * (2 if config.readout == "both" else 1), config.classes)

    def embed(self, inputs: Graphs) -> Float[Tensor, "n d"]:
        """What a node is by itself.

        Raises:
            ValueError: if nodes have more features, or fewer.
        """
        if inputs.nodes.shape[1] != self.config.features:
            raise ValueError(f"nodes need {self.config.features} features. Got {inputs.nodes.shape[1]}.")
        return self.embedding(inputs.nodes)

    def ties(self, inputs: Graphs) -> Ties:
        """Who hears whom.

        Raises:
            ValueError: if the network reads edge features and there are none, or others.
        """
        wanted, given = (0 if self.config.gather == "gcn" else self.config.edge_features), inputs.edge_features
        if wanted and (given is None or given.shape[1] != wanted):
            got = "none" if given is None else given.shape[1]
            raise ValueError(f"the network reads {wanted} features of each edge. Got {got}: give Graphs edge_features.")
        return Ties(inputs.edges, given if wanted else None)

    def units(self, inputs: Graphs) -> Iterator[Stage]:
        """The stages at which every node still has features of its own."""
        h, ties = self.embed(inputs), self.ties(inputs)
        yield Stage("embedding", h)
        for i, block in enumerate(self.blocks, start=1):
            h = block(h, ties)
            yield Stage(f"block{i}", h)

    def pool(self, h: Float[Tensor, "n d"], inputs: Graphs) -> Float[Tensor, "s d2"]:
        h = self.norm(h)
        if self.config.readout == "first":
            return h.index_select(0, first(inputs))
        if self.config.readout == "both":
            return torch.cat([inputs.pool(h), inputs.total(h)], dim=1)
        return inputs.total(h) if self.config.readout == "sum" else inputs.pool(h)

    def stages(self, inputs: Graphs) -> Iterator[Stage]:
        """Where a question is about the first node, each stage is of that node alone: what is known of it by then."""
        h, of_one = inputs.nodes, self.config.readout == "first"
        for stage in self.units(inputs):
            h = stage.h
            yield Stage(stage.name, h.index_select(0, first(inputs)), per_sample=True) if of_one else stage
        z = self.pool(h, inputs)
        yield Stage("pool", z, per_sample=True)
        yield Stage("logits", self.head(z), per_sample=True)

    def logits_of(self, embeddings: Float[Tensor, "n d"], inputs: Graphs) -> Float[Tensor, "s k"]:
        """The prediction from embedded nodes, for methods that ask how it changes with them."""
        h, ties = embeddings, self.ties(inputs)
        for block in self.blocks:
            h = block(h, ties)
        return self.head(self.pool(h, inputs))

    @torch.no_grad()
    def attentions(self, inputs: Graphs) -> Iterator[Attended]:
        """Who takes how much from whom, of each block in turn; of a network with gather="gat"."""
        before = [stage.h for stage in self.units(inputs)][:-1]
        for block, h in zip(self.blocks, before, strict=True):
            assert isinstance(block, GraphBlock)
            assert isinstance(block.gather, GAT)
            yield block.gather.attend(block.norm(h), self.ties(inputs))
