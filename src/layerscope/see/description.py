"""How long are the labels, when they are told one after another with the help of a layer?"""

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from layerscope.see.influence import Estimate, estimate
from layerscope.see.probe import fit_probe

PARTS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0)  # of the samples, where the probe is fitted anew
CHANCE = 0.01  # mixed into every probability, so that no label costs infinitely much
SHARPNESS = tuple(2.0**power for power in range(-1, 7))  # times class scores, which lie between about 0 and 1


def description_length(
    z: Float[Tensor, "s d"],
    targets: Int[Tensor, " s"],
    groups: Shaped[np.ndarray, " s"],
    classes: int,
    seed: int = 0,
) -> Estimate:
    """Bits per label by online coding: each block of labels is told by a probe that was fitted on all blocks before it.

    Between 0 and a little over log2(classes). Unlike the accuracy of one probe it also counts how many labels were
    needed: a layer that gives the answer from few is shorter. Groups come whole, one after another, the classes mixed,
    so that a block is told from other groups. It depends on how many samples there are: compare layers on the same
    samples only. The interval is over groups, given the order.

    Reference: Blier and Ollivier 2018, arXiv:1802.07044; Voita and Titov 2020, doi:10.18653/v1/2020.emnlp-main.14.
    """
    order = torch.from_numpy(_order(targets.numpy(), groups, seed))
    ends = sorted({max(2, round(part * len(order))) for part in PARTS})
    bits = torch.full((len(order),), float(np.log2(classes)), dtype=torch.float64)
    for start, end in pairwise(ends):
        known, told = order[:start], order[start:end]
        bits[told] = _bits(z[known], targets[known], z[told], targets[told], classes)
    return estimate(lambda w: (w @ bits) / w.sum(), np.unique(groups, return_inverse=True)[1], targets.numpy(), low=0)


def _order(targets: Int[np.ndarray, " s"], groups: Shaped[np.ndarray, " s"], seed: int) -> Int[np.ndarray, " s"]:
    """Rows, group after group: those of each class are shuffled, and taken as evenly from all classes as can be."""
    names, first, owner, size = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(seed)
    when = np.empty(len(names))
    for k in np.unique(targets):
        own = rng.permutation(np.flatnonzero(targets[first] == k))
        when[own] = (np.cumsum(size[own]) - size[own] / 2) / size[own].sum()  # share of its class that has been told
    return np.argsort(when[owner], kind="stable")


def _bits(
    known: Float[Tensor, "s d"], labels: Int[Tensor, " s"], z: Float[Tensor, "q d"], answers: Int[Tensor, " q"], k: int
) -> Float[Tensor, " q"]:
    """The cost of each answer; class scores are sharpened as is best for the last third of what is known."""
    fitted, sharpness = len(known) * 2 // 3, 1.0
    if fitted >= 2:
        tried = fit_probe(known[:fitted], labels[:fitted], k)(known[fitted:])
        sharpness = min(SHARPNESS, key=lambda t: float(_cost(tried * t, labels[fitted:]).mean()))
    return _cost(fit_probe(known, labels, k)(z) * sharpness, answers)


def _cost(scores: Float[Tensor, "q k"], answers: Int[Tensor, " q"]) -> Float[Tensor, " q"]:
    probs = (1 - CHANCE) * scores.double().softmax(dim=1) + CHANCE / scores.shape[1]
    return -probs.gather(1, answers[:, None])[:, 0].log2()
