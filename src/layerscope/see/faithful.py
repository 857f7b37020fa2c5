"""How far a flat map can be trusted: does it show the neighbours and the classes that the layer holds?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

QUERIES = 1000  # rows asked for their neighbours, at most
VOTERS = 10
TORN = 0.25  # of all samples: a distant true neighbour with so many nearer ones on the map is torn away
TRUSTED, MOST_TORN, MOST_AMISS = 0.9, 0.02, 0.1


class Faithfulness(NamedTuple):
    """Shares between 0 and 1."""

    trust: float  # 1: who are neighbours on the map are neighbours in the layer
    continuity: float  # 1: who are neighbours in the layer are neighbours on the map
    torn: float  # true neighbours that the map puts farther than its spread and behind a quarter of all samples
    held: float  # samples whose class their nearest samples of other groups tell, in the layer (Euclidean or cosine)
    seen: float  # the same on the map


def faithfulness(
    z: Float[Tensor, "s d"],
    xy: Float[np.ndarray, "s 2"],
    targets: Int[Tensor, " s"],
    groups: Int[np.ndarray, " s"],
    k: int = 15,
) -> Faithfulness:
    """Compare a layer with its map, by Euclidean distance; of more than 1,000 rows a fixed 1,000 are asked.

    The spread is the root mean square distance from the map's centre. `held` and `seen` are nan where no sample has
    one of another group.

    Raises:
        ValueError: for fewer than five rows, or values that are not finite.

    Reference: Venna and Kaski 2001, doi:10.1007/3-540-44668-0_68.
    """
    s = len(z)
    if s < 5:
        raise ValueError(f"judging a map needs at least 5 samples, got {s}")
    if not (torch.isfinite(z).all() and np.isfinite(xy).all()):
        raise ValueError("judging a map needs finite features and places, but some are nan or infinite")
    k = min(k, (s - 1) // 2)  # the measure is defined for fewer than half of the samples
    rows = torch.randperm(s, generator=torch.Generator().manual_seed(0))[:QUERIES]
    layer, flat = z.float() - z.float().mean(dim=0), torch.from_numpy(xy).float()
    unit = normalize(layer, dim=1)
    spread = (flat - flat.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    owner = torch.from_numpy(np.unique(groups, return_inverse=True)[1])
    trust = continuity = torn = 0.0
    right = {"euclidean": 0, "cosine": 0, "seen": 0}
    for some in rows.split(256):
        far, near = _distances(layer, some), _distances(flat, some)
        in_layer, on_map = (d.topk(k, dim=1, largest=False).indices for d in (far, near))
        rank = _ranks(near, in_layer)
        trust += float((_ranks(far, on_map) - k).clamp_min(0).sum())
        continuity += float((rank - k).clamp_min(0).sum())
        apart = (near.gather(1, in_layer) > spread**2) & (rank > max(TORN * s, 2 * k))
        torn += int(apart.sum())
        own = owner[some, None] == owner
        for name, distance in (("euclidean", far), ("cosine", -(unit[some] @ unit.T)), ("seen", near)):
            right[name] += _told(distance.masked_fill_(own, torch.inf), targets, some)
    worst = len(rows) * k * (2 * s - 3 * k - 1) / 2
    lone = len(owner.unique()) == 1
    euclidean, cosine, seen = (np.nan if lone else count / len(rows) for count in right.values())
    held = max(euclidean, cosine)  # the layer holds what can be read from it in either way
    return Faithfulness(1 - trust / worst, 1 - continuity / worst, torn / (len(rows) * k), held, seen)


def _distances(x: Float[Tensor, "s d"], rows: Int[Tensor, " q"]) -> Float[Tensor, "q s"]:
    """Squared; infinite from a row to itself."""
    norm = x.square().sum(dim=1)
    d2 = torch.addmm(norm, x[rows], x.T, alpha=-2).add_(norm[rows, None])
    d2[torch.arange(len(rows)), rows] = torch.inf
    return d2


def _ranks(distance: Float[Tensor, "q s"], index: Int[Tensor, "q k"]) -> Int[Tensor, "q k"]:
    """Which nearest row by `distance` each row named by `index` is; 1 is the nearest."""
    return torch.searchsorted(distance.sort(dim=1).values, distance.gather(1, index)) + 1


def _told(distance: Float[Tensor, "q s"], targets: Int[Tensor, " s"], rows: Int[Tensor, " q"]) -> int:
    """How many rows have the class for which their nearest vote."""
    near = distance.topk(min(VOTERS, distance.shape[1] - 1), dim=1, largest=False)
    ballots = torch.where(near.values.isinf(), int(targets.max()) + 1, targets[near.indices])  # none of another group
    classes = int(targets.max()) + 2
    counts = torch.nn.functional.one_hot(ballots, classes)[:, :, :-1].sum(dim=1)
    return int(((counts.argmax(dim=1) == targets[rows]) & (counts.sum(dim=1) > 0)).sum())


def movement(xy: Float[np.ndarray, "m s 2"], links: Sequence[tuple[int, int]]) -> list[float]:
    """Mean distance that a sample moves between linked slices, in units of the spread of all maps together."""
    centred = xy - xy.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred.astype(np.float64) ** 2).sum(axis=2).mean())
    return [float(np.linalg.norm(xy[a] - xy[b], axis=1).mean() / max(spread, 1e-12)) for a, b in links]


def misleads(f: Faithfulness) -> str | None:
    """What not to believe of a map, in a sentence or more; None where it can be trusted."""
    said = []
    if f.seen < f.held - MOST_AMISS:
        said.append(
            f"This map shows less than the layer holds: neighbours tell the class of {100 * f.held:.0f} % of the "
            f"samples in the layer, but of {100 * f.seen:.0f} % on the map."
        )
    if f.seen > f.held + MOST_AMISS:
        said.append(
            f"This map shows islands that are not there: neighbours tell the class of {100 * f.seen:.0f} % of the "
            f"samples on the map, but of {100 * f.held:.0f} % in the layer."
        )
    if f.trust < TRUSTED:
        said.append(f"Neighbours on this map are often none in the layer (trustworthiness {f.trust:.2f}).")
    if f.continuity < TRUSTED:
        said.append(f"Neighbours in the layer are often none on this map (continuity {f.continuity:.2f}).")
    if f.torn > MOST_TORN:
        said.append(f"This map tears {100 * f.torn:.1f} % of all neighbours apart.")
    return " ".join(said) or None
