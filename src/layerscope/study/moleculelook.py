"""A closer look at a study of molecules: how far its answers reach, and where near-identical molecules part."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from layerscope.data.fingerprints import BLOCK, similarity
from layerscope.dataset import Dataset
from layerscope.inputs import Graphs
from layerscope.judge.multilabel import MultiLabel
from layerscope.models.gnn import GNN
from layerscope.predictions import Numbers, Predictions
from layerscope.see.atoms import occlusion
from layerscope.see.influence import Estimate, estimate
from layerscope.study.moleculejudge import Said, lead, losses

EDGES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)  # of similarity to the nearest training molecule
LEAST_MOLECULES, LEAST_GROUPS = 25, 8  # of a bin; a smaller one is joined with the next above it
TRIED = 5  # molecules that are less similar: fewer are not called tried
NEAR = 0.6  # Tanimoto of ECFP4, from which two molecules are called near-identical
ALIKE = 0.05  # how far the similarities of two pairs that are compared may differ
UNLIKE, SAME = 1.0, 0.25  # standard deviations of the training targets: two numbers that differ so are so called
CLIFFS = 10  # fewer are not compared
SIZES = 3  # atoms, hydrogens not counted, by which near-identical molecules may differ in size
SERIES = 5  # of molecules with cliffs: of fewer an interval would say nothing
Bits = UInt8[np.ndarray, "s d"]


class Nearest(NamedTuple):
    row: Int[np.ndarray, "q n"]  # of training molecules, the most similar first
    similarity: Float[np.ndarray, "q n"]


def nearest(train: Bits, asked: UInt8[np.ndarray, "q d"], count: int = 1) -> Nearest:
    """The most similar training molecules of each molecule, by the Tanimoto similarity of ECFP4."""
    rows, values = [], []
    for at in range(0, len(asked), BLOCK):
        found = similarity(asked[at : at + BLOCK], train)
        order = np.argsort(-found, axis=1, kind="stable")[:, :count]
        rows.append(order)
        values.append(np.take_along_axis(found, order, axis=1))
    return Nearest(np.concatenate(rows), np.concatenate(values).astype(float))


def domain(own: Said, guessed: Said, near: Float[np.ndarray, " s"], resamples: int = 500) -> dict[str, Any]:
    """How good the answers are by similarity to the nearest training molecule, and from where they can be trusted.

    What is gained is the share of the squared error of guessing (the mean, or the frequencies) that is gone. Trusted is
    every bin above the lowest ones in which that gain is not shown to be above 0; and nothing less similar than what
    was tried, on TRIED molecules at least.

    Args:
        own, guessed: of molecules that the network has not learned from.
        near: of each of them, its similarity to the nearest training molecule.
    """
    loss, base, groups = losses(own), losses(guessed), own.groups
    rows = [
        {
            "from": low,
            "to": high,
            "molecules": int(mask.sum()),
            "groups": len(np.unique(groups[mask])),
            "score": lead(own.rows(mask), resamples=resamples),
            "guessing": lead(guessed.rows(mask), resamples=resamples).value,
            "gain": _gain(loss[mask], base[mask], groups[mask]),
        }
        for low, high, mask in bins(near, groups)
    ]
    least = float(np.sort(near)[min(TRIED, len(near)) - 1])
    return {"bins": rows, "trusted_from": trusted_from(rows, least), "least": least, "median": float(np.median(near))}


def trusted_from(rows: Sequence[Mapping[str, Any]], least: float) -> float | None:
    """The similarity from which on answers can be trusted; None: nowhere is it shown."""
    for i, row in enumerate(rows):
        if row["gain"].low > 0:
            return least if i == 0 else row["from"]
    return None


def bins(
    near: Float[np.ndarray, " s"], groups: Int[np.ndarray, " s"]
) -> list[tuple[float, float, Bool[np.ndarray, " s"]]]:
    """Ranges of similarity that hold enough molecules: too few are joined with the next, the last with those below."""
    found, low = [], EDGES[0]
    for high in EDGES[1:]:
        mask = (near >= low) & ((near < high) | (high == EDGES[-1]))
        if mask.sum() >= LEAST_MOLECULES and len(np.unique(groups[mask])) >= LEAST_GROUPS:
            found.append((low, high, mask))
            low = high
        elif high == EDGES[-1] and mask.any():
            low, _, last = found.pop() if found else (EDGES[0], high, mask)
            found.append((low, high, last | mask))
    return found


def _gain(loss: Float[np.ndarray, " s"], base: Float[np.ndarray, " s"], groups: Int[np.ndarray, " s"]) -> Estimate:
    own, other = torch.from_numpy(loss), torch.from_numpy(base)
    return estimate(lambda w: 1 - (w @ own) / (w @ other).clamp(min=1e-12), groups)


class Pairs(NamedTuple):
    """Pairs of near-identical molecules."""

    first: Int[np.ndarray, " p"]
    second: Int[np.ndarray, " p"]
    similarity: Float[np.ndarray, " p"]
    cliff: Bool[np.ndarray, " p"]  # their answers differ; else they are the same

    def __len__(self) -> int:
        return len(self.first)


def near_pairs(
    bits: Bits, data: Dataset, spread: float, least: float = NEAR, sizes: Int[np.ndarray, " s"] | None = None
) -> Pairs:
    """Pairs whose answers clearly differ, or are clearly the same; others are left out.

    Args:
        spread: of numbers, their standard deviation in training.
        sizes: atoms of each molecule. Fingerprints of bits do not count: nonane and tetradecane have the same. So pairs
            that differ by more than SIZES are left out. None: none are.
    """
    ends = [np.empty((0, 2), dtype=np.int64)]
    for at in range(0, len(bits), BLOCK):
        a, b = np.nonzero(similarity(bits[at : at + BLOCK], bits) >= np.float32(least))
        ends.append(np.stack([a + at, b], axis=1)[a + at < b])
    a, b = np.concatenate(ends).T
    if sizes is not None:
        near = np.abs(sizes[a] - sizes[b]) <= SIZES
        a, b = a[near], b[near]
    differ, same = unlike(data, a, b, spread)
    keep = differ | same
    alike = similarity_of(bits, a[keep], b[keep])
    return Pairs(a[keep], b[keep], alike, differ[keep])


def unlike(
    data: Dataset, a: Int[np.ndarray, " p"], b: Int[np.ndarray, " p"], spread: float
) -> tuple[Bool[np.ndarray, " p"], Bool[np.ndarray, " p"]]:
    """Whether the answers of two molecules differ, and whether they are the same; of labels, those known of both."""
    y = data.targets.numpy()
    if data.kind == "number":
        apart = np.abs(y[a] - y[b])
        return apart >= UNLIKE * spread, apart <= SAME * spread
    if not data.several:
        return y[a] != y[b], y[a] == y[b]
    known = np.ones_like(y) if data.known is None else data.known.numpy()
    both = known[a] & known[b]
    differ = ((y[a] != y[b]) & both).any(axis=1)
    return differ, ~differ & both.any(axis=1)


def similarity_of(bits: Bits, a: Int[np.ndarray, " p"], b: Int[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
    both, either = (bits[a] & bits[b]).sum(axis=1), (bits[a] | bits[b]).sum(axis=1)
    return both / either.clip(min=1)


def matched(pairs: Pairs) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Weights of cliffs and of the pairs beside them: each cliff with all pairs that are as similar, shared evenly.

    A cliff without such a pair has no weight.
    """
    cliffs, others = np.flatnonzero(pairs.cliff), np.flatnonzero(~pairs.cliff)
    others = others[np.argsort(pairs.similarity[others], kind="stable")]
    there, own = pairs.similarity[others], pairs.similarity[cliffs]
    begin, end = np.searchsorted(there, own - ALIKE), np.searchsorted(there, own + ALIKE, "right")
    weights, beside = np.zeros(len(pairs)), np.zeros(len(pairs))
    weights[cliffs] = end > begin
    share = weights[cliffs] / (end - begin).clip(min=1)
    rises = np.bincount(begin, share, len(there) + 1) - np.bincount(end, share, len(there) + 1)
    beside[others] = np.cumsum(rises)[:-1]  # of the shares of all cliffs in whose range a pair lies
    return weights, beside


def parting(
    stages: Mapping[str, Float[Tensor, "s _"]], pairs: Pairs, groups: Int[np.ndarray, " s"], seed: int
) -> list[dict[str, Any]]:
    """How far apart the two of a cliff are at each stage, and two that are as similar and have the same answer.

    Distances are shares of the mean distance of two molecules drawn at random. Intervals are over the pieces that
    scaffolds and pairs form together: pairs of one piece are not independent.
    """
    weights, beside = (torch.from_numpy(w) for w in matched(pairs))
    pieces = _pieces(pairs, groups)
    rng = np.random.default_rng(seed)
    at_random = [torch.from_numpy(rng.integers(len(groups), size=4000)) for _ in range(2)]
    found = []
    for stage, z in stages.items():
        z = z.double()
        usual = _mean_of_others(z, *at_random)
        d = (z[pairs.first] - z[pairs.second]).norm(dim=1) / usual.clamp(min=1e-12)
        found.append(
            {
                "stage": stage,
                "cliffs": estimate(lambda w, d=d: (w * weights) @ d / (w @ weights), pieces, low=0),
                "beside": estimate(lambda w, d=d: (w * beside) @ d / (w @ beside), pieces, low=0),
                "apart": estimate(
                    lambda w, d=d: (w * weights) @ d / (w @ weights) - (w * beside) @ d / (w @ beside), pieces
                ),
            }
        )
    return found


def series(pairs: Pairs, groups: Int[np.ndarray, " s"]) -> int:
    """In how many pieces, as of `parting`, the cliffs lie that are compared."""
    return len(np.unique(_pieces(pairs, groups)[matched(pairs)[0] > 0]))


def _mean_of_others(z: Float[Tensor, "s d"], a: Int[Tensor, " r"], b: Int[Tensor, " r"]) -> Float[Tensor, ""]:
    d = (z[a] - z[b]).norm(dim=1)
    return d[a != b].mean()


def _pieces(pairs: Pairs, groups: Int[np.ndarray, " s"]) -> Int[np.ndarray, " p"]:
    """The piece of each pair: groups that a pair joins are one piece."""
    owner = np.unique(groups, return_inverse=True)[1]
    count = int(owner.max()) + 1
    ends = owner[pairs.first], owner[pairs.second]
    links = sparse.coo_array((np.ones(len(pairs), bool), ends), shape=(count, count))
    return connected_components(links, directed=False)[1][ends[0]].astype(np.int64)


def told_apart(said: Said, pairs: Pairs) -> Bool[np.ndarray, " c"]:
    """Of each cliff, whether the network answers for its two molecules in the order in which they are."""
    a, b = pairs.first[pairs.cliff], pairs.second[pairs.cliff]
    if isinstance(said, Numbers):
        return np.sign(said.values[a] - said.values[b]) == np.sign(said.targets[a] - said.targets[b])
    if isinstance(said, Predictions):
        mine, other = (said.probs[row][np.arange(len(a))[:, None], _both(said, a, b)] for row in (a, b))
        return (mine[:, 0] > other[:, 0]) & (mine[:, 1] < other[:, 1])
    differ = said.targets[a] != said.targets[b]
    differ &= np.ones_like(said.targets)[a] if said.known is None else said.known[a] & said.known[b]
    k = differ.argmax(axis=1)
    at = np.arange(len(a))
    return (said.probs[a, k] > said.probs[b, k]) == (said.targets[a, k] > said.targets[b, k])[at]


def _both(said: Predictions, a: Int[np.ndarray, " c"], b: Int[np.ndarray, " c"]) -> Int[np.ndarray, "c 2"]:
    return np.stack([said.targets[a], said.targets[b]], axis=1)


class Wrong(NamedTuple):
    row: int
    output: int  # of the network: the class that it answers, or the label, or 0 of a number
    how: float  # how sure, or how far off


def mistakes(said: Said, most: int = 12) -> list[Wrong]:
    """The most confident mistakes, or the largest errors; each molecule once."""
    if isinstance(said, Numbers):
        order = np.argsort(-np.abs(said.errors), kind="stable")[:most]
        return [Wrong(int(i), 0, float(said.errors[i])) for i in order]
    if isinstance(said, MultiLabel):
        known = np.ones_like(said.targets) if said.known is None else said.known
        off = np.where(known, np.abs(said.probs - said.targets), 0)
        worst, label = off.max(axis=1), off.argmax(axis=1)
        order = [i for i in np.argsort(-worst, kind="stable")[:most] if worst[i] > 0.5]
        return [Wrong(int(i), int(label[i]), float(said.probs[i, label[i]])) for i in order]
    rows = np.flatnonzero(said.guess != said.targets)
    sure = said.probs.max(axis=1)
    order = rows[np.argsort(-sure[rows], kind="stable")][:most]
    return [Wrong(int(i), int(said.guess[i]), float(sure[i])) for i in order]


def atoms(model: GNN, data: Dataset[Graphs], wrong: Wrong, nothing: Float[Tensor, " f"]) -> list[float]:
    """How much each atom raises the answer that is shown: the class given, else the output itself."""
    graph = data.inputs[torch.tensor([wrong.row])]
    return occlusion(model, graph, wrong.output, nothing, alone=data.kind != "class").tolist()
