"""What a network sees: a column of samples.

A column knows how many samples it holds, how to select rows, and how to pool unit features (one vector per pixel
position, token or node) into one vector per sample. All else is shared code.

Axes: s samples, c channels, h height, w width, t tokens, n nodes of all graphs, e edges, f node features, g edge
features, d features.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Grey or colour images of one size, 0 black to 255 white; may be memory-mapped from a file."""

    pixels: UInt8[Tensor, "s c h w"]

    def __post_init__(self) -> None:
        if self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4:
            raise ValueError(
                f"images need whole numbers from 0 to 255 (uint8), of shape (samples, channels, height, width). Got "
                f"{self.pixels.dtype}, {tuple(self.pixels.shape)}. From 0 to 1: (255 * x).round().to(torch.uint8)."
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: Int[Tensor, " r"]) -> "Images":
        return replace(self, pixels=self.pixels[rows])

    def to(self, device: torch.device) -> "Images":
        return replace(self, pixels=self.pixels.to(device))

    def pool(self, h: Float[Tensor, "s d y x"]) -> Float[Tensor, "s d"]:
        """The mean over pixel positions."""
        return h.mean(dim=(-2, -1))

    def peak(self, h: Float[Tensor, "s d y x"]) -> Float[Tensor, "s d"]:
        """The maximum over pixel positions."""
        return h.amax(dim=(-2, -1))


@dataclass(frozen=True)
class Texts:
    """Texts as they were written. A tokenizer turns them into the `Tokens` that a network sees.

    Example:
        >>> len(Texts.of(["a rare disease", "a gene"]))
        2
    """

    strings: Shaped[np.ndarray, " s"]  # of str objects

    @staticmethod
    def of(texts: Iterable[str]) -> "Texts":
        return Texts(np.array([*texts, None], dtype=object)[:-1])

    def __post_init__(self) -> None:
        if wrong := [type(text).__name__ for text in self.strings.tolist() if not isinstance(text, str)]:
            raise ValueError(f"texts need to be strings. {len(wrong)} of {len(self)} are not, the first is {wrong[0]}.")

    def __len__(self) -> int:
        return len(self.strings)

    def __getitem__(self, rows: Int[Tensor, " r"]) -> "Texts":
        return Texts(self.strings[rows.cpu().numpy()])

    def to(self, device: torch.device) -> "Texts":  # noqa: ARG002
        return self


@dataclass(frozen=True)
class Tokens:
    """Texts as numbers of a vocabulary, padded to one length; `mask` is True at tokens, False at padding.

    Selected rows are padded to the longest of them only, so that a batch costs what its own texts need.
    """

    ids: Int[Tensor, "s t"]
    mask: Bool[Tensor, "s t"]

    def __post_init__(self) -> None:
        if empty := int((~self.mask.any(dim=1)).sum()):
            raise ValueError(f"every sample needs a token. {empty} of {len(self)} have a mask of False alone.")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: Int[Tensor, " r"]) -> "Tokens":
        ids, mask = self.ids[rows], self.mask[rows]
        longest = int(mask.any(dim=0).nonzero().amax()) + 1 if len(rows) else 0
        return Tokens(ids[:, :longest], mask[:, :longest])

    def to(self, device: torch.device) -> "Tokens":
        return Tokens(self.ids.to(device), self.mask.to(device))

    def pool(self, h: Float[Tensor, "s t d"]) -> Float[Tensor, "s d"]:
        """The mean over tokens, padding left out."""
        mask = self.mask[..., None]
        return h.masked_fill(~mask, 0).sum(dim=1) / mask.sum(dim=1)

    def peak(self, h: Float[Tensor, "s t d"]) -> Float[Tensor, "s d"]:
        """The maximum over tokens, padding left out."""
        return h.masked_fill(~self.mask[..., None], -torch.inf).amax(dim=1)


@dataclass(frozen=True)
class Graphs:
    """Graphs such as molecules, laid end to end: node i belongs to graph `owner[i]`, an edge joins two node numbers.

    An edge leads from its first node to its second; a bond, which leads both ways, is two edges.
    """

    nodes: Float[Tensor, "n f"]
    edges: Int[Tensor, "2 e"]
    owner: Int[Tensor, " n"]
    graphs: int
    edge_features: Float[Tensor, "e g"] | None = None

    def __post_init__(self) -> None:
        known = len(self.owner) > 0 and int(self.owner.min()) >= 0 and int(self.owner.max()) < self.graphs
        if self.graphs and not (known and (self.owner.bincount(minlength=self.graphs) > 0).all()):
            raise ValueError(f"owner must give each of the {self.graphs} graphs (0, 1, ...) at least one node.")
        if self.edges.numel() and not (int(self.edges.min()) >= 0 and int(self.edges.max()) < len(self.nodes)):
            raise ValueError(f"edges must join nodes 0 to {len(self.nodes) - 1}.")
        if (self.owner[self.edges[0]] != self.owner[self.edges[1]]).any():
            raise ValueError("an edge joins nodes of two graphs. Number nodes through all graphs, not from 0 in each.")
        e = self.edges.shape[1]
        if self.edge_features is not None and (self.edge_features.ndim != 2 or len(self.edge_features) != e):
            raise ValueError(
                f"edge_features need one row for each of the {e} edges, in the order of `edges` (a bond is two edges). "
                f"Got shape {tuple(self.edge_features.shape)}."
            )

    def __len__(self) -> int:
        return self.graphs

    def __getitem__(self, rows: Int[Tensor, " r"]) -> "Graphs":
        rows = rows.to(self.owner.device)
        (node, place), (edge, edge_place) = self._nodes_of.of(rows), self._edges_of.of(rows)
        begins = self._nodes_of.sizes[rows].cumsum(0) - self._nodes_of.sizes[rows]  # where each chosen graph now begins
        edges = self._nodes_of.rank[self.edges[:, edge]] + begins[edge_place]
        features = None if self.edge_features is None else self.edge_features[edge]
        return Graphs(self.nodes[node], edges, place, len(rows), features)

    @cached_property
    def _nodes_of(self) -> "_Members":  # a table of many graphs is sorted once, not for every batch
        return _Members(self.owner, self.graphs)

    @cached_property
    def _edges_of(self) -> "_Members":
        return _Members(self.owner[self.edges[0]], self.graphs)

    def to(self, device: torch.device) -> "Graphs":
        features = None if self.edge_features is None else self.edge_features.to(device)
        return Graphs(self.nodes.to(device), self.edges.to(device), self.owner.to(device), self.graphs, features)

    def total(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "s d"]:
        """The sum over the nodes of each graph."""
        return h.new_zeros(self.graphs, h.shape[1]).index_add_(0, self.owner, h)

    def pool(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "s d"]:
        """The mean over the nodes of each graph."""
        return self.total(h) / self.owner.bincount(minlength=self.graphs)[:, None]

    def peak(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "s d"]:
        """The maximum over the nodes of each graph."""
        lowest = h.new_full((self.graphs, h.shape[1]), -torch.inf)
        return lowest.scatter_reduce(0, self.owner[:, None].expand_as(h), h, "amax")


Inputs = Images | Tokens | Graphs  # what a network sees


class _Members:
    """What belongs to each graph: nodes, or edges."""

    def __init__(self, owner: Int[Tensor, " m"], graphs: int) -> None:
        self.sizes = owner.bincount(minlength=graphs)
        self.begins = self.sizes.cumsum(0) - self.sizes
        self.order = owner.argsort(stable=True)  # graph after graph
        self.rank = torch.empty_like(self.order)  # of each member, in its own graph
        self.rank[self.order] = torch.arange(len(owner), device=owner.device) - self.begins[owner[self.order]]

    def of(self, rows: Int[Tensor, " r"]) -> tuple[Int[Tensor, " k"], Int[Tensor, " k"]]:
        """Members of the graphs `rows`, one graph after the other (a graph may be asked for twice), and their place."""
        sizes = self.sizes[rows]
        place = torch.arange(len(rows), device=rows.device).repeat_interleave(sizes)
        within = torch.arange(len(place), device=rows.device) - (sizes.cumsum(0) - sizes)[place]
        return self.order[self.begins[rows][place] + within], place
