"""What a network sees: a column of samples.

A column knows how many samples it holds, how to select rows, and how to pool unit features (one vector per pixel
position, token or node) into one vector per sample. All else is shared code.

Axes: s samples, c channels, h height, w width, t tokens, n nodes of all graphs, e edges, f node features, d features.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

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
    """Graphs such as molecules, laid end to end: node i belongs to graph `owner[i]`, an edge joins two node numbers."""

    nodes: Float[Tensor, "n f"]
    edges: Int[Tensor, "2 e"]
    owner: Int[Tensor, " n"]
    graphs: int

    def __post_init__(self) -> None:
        known = len(self.owner) > 0 and int(self.owner.min()) >= 0 and int(self.owner.max()) < self.graphs
        if self.graphs and not (known and (self.owner.bincount(minlength=self.graphs) > 0).all()):
            raise ValueError(f"owner must give each of the {self.graphs} graphs (0, 1, ...) at least one node.")
        if self.edges.numel() and not (int(self.edges.min()) >= 0 and int(self.edges.max()) < len(self.nodes)):
            raise ValueError(f"edges must join nodes 0 to {len(self.nodes) - 1}.")
        if (self.owner[self.edges[0]] != self.owner[self.edges[1]]).any():
            raise ValueError("an edge joins nodes of two graphs. Number nodes through all graphs, not from 0 in each.")

    def __len__(self) -> int:
        return self.graphs

    def __getitem__(self, rows: Int[Tensor, " r"]) -> "Graphs":
        rows = rows.to(self.owner.device)
        node, place = _members(self.owner, rows, self.graphs)
        edge, edge_place = _members(self.owner[self.edges[0]], rows, self.graphs)
        # where a node of the old numbering stands in its own graph, and where each chosen graph now begins
        order = self.owner.argsort(stable=True)
        rank = torch.empty_like(order)
        sizes = self.owner.bincount(minlength=self.graphs)
        rank[order] = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[self.owner[order]]
        begins = sizes[rows].cumsum(0) - sizes[rows]
        return Graphs(self.nodes[node], rank[self.edges[:, edge]] + begins[edge_place], place, len(rows))

    def to(self, device: torch.device) -> "Graphs":
        return Graphs(self.nodes.to(device), self.edges.to(device), self.owner.to(device), self.graphs)

    def pool(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "s d"]:
        """The mean over the nodes of each graph."""
        total = h.new_zeros(self.graphs, h.shape[1]).index_add(0, self.owner, h)
        return total / self.owner.bincount(minlength=self.graphs)[:, None]

    def peak(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "s d"]:
        """The maximum over the nodes of each graph."""
        lowest = h.new_full((self.graphs, h.shape[1]), -torch.inf)
        return lowest.scatter_reduce(0, self.owner[:, None].expand_as(h), h, "amax")


Inputs = Images | Tokens | Graphs  # what a network sees


def _members(
    owner: Int[Tensor, " n"], rows: Int[Tensor, " r"], graphs: int
) -> tuple[Int[Tensor, " m"], Int[Tensor, " m"]]:
    """What the graphs `rows` own, graph after graph (a graph may be asked for twice), and the place of its graph."""
    sizes = owner.bincount(minlength=graphs)
    begins = sizes.cumsum(0) - sizes
    place = torch.arange(len(rows), device=rows.device).repeat_interleave(sizes[rows])
    before = (sizes[rows].cumsum(0) - sizes[rows])[place]
    within = torch.arange(len(place), device=rows.device) - before
    return owner.argsort(stable=True)[begins[rows][place] + within], place
