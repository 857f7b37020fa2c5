"""Flat maps of many slices at once, in which a sample keeps its place unless its neighbours change.

Neighbours attract, random pairs repel (as in UMAP), and springs hold each sample near itself in linked slices. The
springs slacken to nothing: kept stiff, they would tear a cluster in two (measured: 6.5 % of neighbours, not 0.2 %).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from layerscope.progress import Progress, silent

SKETCH = 32  # features kept of each slice, to lay out the beginning
EPOCHS = 200
STEP = 0.15  # of the first epoch; falls to zero
SPRING = 0.5  # between linked slices in the first epoch; falls to zero
SHIFTS = 3  # random pairs of each sample and epoch, each felt by both of its ends
REPULSION = 15.0  # of all random pairs of a sample together
GATHERING = 0.25  # share of the epochs in which neighbours attract EXAGGERATION times as much
EXAGGERATION = 4.0


@dataclass(frozen=True)
class Neighbourhood:
    """What a map needs of a slice, so that its features need not be kept."""

    index: Int[Tensor, "s k"]  # nearest first
    weight: Float[Tensor, "s k"]  # 1 for the nearest, falling with distance
    sketch: Float[Tensor, "s 32"]  # centred, projected, of unit inertia


def neighbourhood(z: Float[Tensor, "s d"], k: int = 15) -> Neighbourhood:
    """The `k` nearest rows of each row (fewer if there are fewer), by Euclidean distance.

    Rows that are all equal have no neighbours: a cloud without structure stands for them.

    Raises:
        ValueError: for fewer than five rows, or values that are not finite.
    """
    s = len(z)
    if s < 5:
        raise ValueError(f"a map needs at least 5 samples, got {s}")
    if not torch.isfinite(z).all():
        bad = int((~torch.isfinite(z)).any(dim=1).sum())
        raise ValueError(f"a map needs finite features, but {bad} of {s} samples hold nan or infinity; check the layer")
    x = z.float() - z.float().mean(dim=0)
    scale = x.abs().max()
    flat = scale <= 1e-6 * z.abs().max()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(s, SKETCH, generator=generator) if flat else x / scale
    x = x / x.square().sum().sqrt()
    sketch = x @ torch.randn(x.shape[1], SKETCH, generator=generator) / SKETCH**0.5
    index, distance = _nearest(x, min(k, s - 1))
    return Neighbourhood(index, _weights(distance), sketch)


def _nearest(x: Float[Tensor, "s d"], k: int) -> tuple[Int[Tensor, "s k"], Float[Tensor, "s k"]]:
    norm = x.square().sum(dim=1)
    index, distance = [], []
    for rows in torch.arange(len(x)).split(512):
        d2 = torch.addmm(norm, x[rows], x.T, alpha=-2)  # the row's own norm changes no order
        d2[torch.arange(len(rows)), rows] = torch.inf
        found = d2.topk(k, dim=1, largest=False)
        index.append(found.indices)
        distance.append((found.values + norm[rows, None]).clamp_min(0).sqrt())
    return torch.cat(index), torch.cat(distance)


def _weights(distance: Float[Tensor, "s k"]) -> Float[Tensor, "s k"]:
    """exp(-(d - nearest) / width), the width of each row such that its weights sum to log2(k).

    Reference: McInnes et al. 2018, doi:10.21105/joss.00861.
    """
    beyond = distance - distance[:, :1]
    low = torch.zeros_like(beyond[:, :1])
    high = beyond[:, -1:] * 100 + 1e-12
    for _ in range(30):
        width = (low + high) / 2
        wide = (-beyond / width).exp().sum(dim=1, keepdim=True) > log2(distance.shape[1])
        low, high = torch.where(wide, low, width), torch.where(wide, width, high)
    return (-beyond / high).exp()


def map2d(
    neighbourhoods: Sequence[Neighbourhood],
    links: Sequence[tuple[int, int]],
    seed: int = 0,
    progress: Progress = silent,
) -> Float[np.ndarray, "m s 2"]:
    """A map of each slice, row i the same sample in all; `links` names the pairs of slices that are to look alike.

    Centred, the long axis of all maps together lies flat, and the mean square distance from the centre is 1.
    The same seed gives the same maps on the same machine.

    Raises:
        ValueError: if there is no slice, slices differ in their samples, or a link names a slice that is not there.
    """
    _check(neighbourhoods, links)
    m, s = len(neighbourhoods), len(neighbourhoods[0].index)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(s, generator=generator)  # samples may be sorted by class, and shifts must be random pairs
    graph = _Graph.of(neighbourhoods, order.argsort())
    y = _beginning(neighbourhoods, generator)[order].repeat(m, 1, 1)
    for epoch in range(EPOCHS):
        progress("drawing maps", epoch, EPOCHS, "epochs")
        done = epoch / EPOCHS
        pull = EXAGGERATION if done < GATHERING else 1.0
        force = graph.attraction(y.view(-1, 2)).view_as(y) * pull
        shifts = torch.randint(1, s, (SHIFTS,), generator=generator).tolist()
        for shift in shifts:
            apart = _repulsion(y - y.roll(shift, 1))
            force += (apart - apart.roll(-shift, 1)) * (REPULSION / (2 * SHIFTS))
        for a, b in links:
            spring = (y[a] - y[b]) * (SPRING * (1 - done))
            force[a] -= spring
            force[b] += spring
        y += force * (STEP * (1 - done) / pull**0.5)
    progress("drawing maps", EPOCHS, EPOCHS, "epochs")
    return _upright(y[:, order.argsort()].double().numpy())


def _check(neighbourhoods: Sequence[Neighbourhood], links: Sequence[tuple[int, int]]) -> None:
    sizes = {len(n.index) for n in neighbourhoods}
    if len(sizes) != 1:
        raise ValueError(f"maps are drawn together of the same samples in every slice, got {sorted(sizes)} samples")
    for a, b in links:
        if not (0 <= a < len(neighbourhoods) and 0 <= b < len(neighbourhoods)):
            raise ValueError(f"link {a}-{b} names a slice that is not among the {len(neighbourhoods)}")


class _Graph(NamedTuple):
    """Who attracts whom and how much, both ways: a sparse matrix of all samples of all slices, row after row."""

    start: Int[Tensor, " rows+1"]
    row: Int[Tensor, " edges"]
    column: Int[Tensor, " edges"]
    weight: Float[Tensor, " edges"]

    @classmethod
    def of(cls, neighbourhoods: Sequence[Neighbourhood], place: Int[Tensor, " s"]) -> "_Graph":
        s = len(place)
        rows, columns, weights = [], [], []
        for i, near in enumerate(neighbourhoods):
            a, b = place.repeat_interleave(near.index.shape[1]), place[near.index.flatten()]
            key, edge = torch.unique(torch.cat([a * s + b, b * s + a]), return_inverse=True)
            weights.append(torch.zeros(len(key)).index_add_(0, edge, near.weight.flatten().repeat(2)))
            rows.append(key // s + i * s)
            columns.append(key % s + i * s)
        row = torch.cat(rows)
        start = torch.zeros(len(neighbourhoods) * s + 1, dtype=torch.long)
        start[1:] = torch.bincount(row, minlength=len(start) - 1).cumsum(0)
        return cls(start.int(), row.int(), torch.cat(columns).int(), torch.cat(weights))

    def attraction(self, y: Float[Tensor, "rows 2"]) -> Float[Tensor, "rows 2"]:
        place = torch.view_as_complex(y)  # both coordinates in one look-up
        apart = torch.view_as_real(place.index_select(0, self.row) - place.index_select(0, self.column))
        pull = 2 * self.weight / (1 + apart.square().sum(dim=1))
        table = torch.cat([y, torch.ones(len(y), 1)], dim=1)
        # A sparse product: a bag of places for each row. Many times faster than index_add_ over the edges.
        summed = embedding_bag(
            self.column, table, self.start, mode="sum", per_sample_weights=pull, include_last_offset=True
        )
        return summed[:, :2] - y * summed[:, 2:]


def _repulsion(apart: Float[Tensor, "m s 2"]) -> Float[Tensor, "m s 2"]:
    d2 = apart.square().sum(dim=2, keepdim=True)
    return (apart * (2 / ((0.001 + d2) * (1 + d2)))).clamp_(-4, 4)


def _beginning(neighbourhoods: Sequence[Neighbourhood], generator: torch.Generator) -> Float[Tensor, "s 2"]:
    """The principal components of all slices side by side, with a little noise so that no two samples coincide."""
    s = len(neighbourhoods[0].sketch)
    beside = torch.cat([n.sketch for n in neighbourhoods], dim=1).double()
    axes = torch.linalg.eigh(beside.T @ beside).eigenvectors[:, -2:].flip(1)
    y = beside @ axes
    return (y / y.std() + 0.01 * torch.randn(s, 2, generator=generator)).float()


def _upright(y: Float[np.ndarray, "m s 2"]) -> Float[np.ndarray, "m s 2"]:
    """One rotation, shift and scale for all: the long axis lies flat, the longer tail points right and up."""
    y = y - y.mean(axis=(0, 1))
    flat = y.reshape(-1, 2)
    y = y @ np.linalg.eigh(flat.T @ flat)[1][:, ::-1]
    skew = np.where((y**3).sum(axis=(0, 1)) < 0, -1.0, 1.0)
    return (y * skew / np.sqrt((y**2).sum(axis=2).mean())).astype(np.float32)
