"""Texts that are the same, or nearly: what must not stand on both sides of a split.

Near is measured by words: two texts are near twins if they share at least a given part of all their different words
(Jaccard). The search is exact: two such texts must share one of their rarest words, so only those are compared.

Reference: Bayardo et al. 2007, doi:10.1145/1242572.1242591.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from layerscope.progress import Progress, silent

NEAR = 0.8


def plain(text: str) -> str:
    """A text as it is compared: small letters, words and numbers only."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def near_twins(texts: Sequence[str], near: float = NEAR, progress: Progress = silent) -> Iterator[tuple[int, int]]:
    """Every pair i < j that shares at least `near` of its words; identical texts too. `near` lies above 0, up to 1.

    Example:
        >>> list(near_twins(["the heart is large", "is the heart LARGE?", "a kidney"]))
        [(0, 1)]
    """
    sets = [frozenset(plain(text).split()) for text in texts]
    counts = Counter(word for words in sets for word in words)
    rarest = [sorted(words, key=lambda word: (counts[word], word)) for words in sets]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for j, words in enumerate(rarest):
        candidates: set[int] = set()
        for word in words[: len(words) - math.ceil(near * len(words)) + 1]:
            candidates.update(holders[word])
            holders[word].append(j)
        for i in sorted(candidates):
            a, b = sets[i], sets[j]
            if min(len(a), len(b)) >= near * max(len(a), len(b)):
                shared = len(a & b)
                if shared >= near * (len(a) + len(b) - shared):
                    yield i, j
        if j % 1000 == 0:
            progress("looking for near twins among texts", j, len(texts), "texts")


def joined(
    groups: Shaped[np.ndarray, " s"], pairs: Iterator[tuple[int, int]] | Sequence[tuple[int, int]]
) -> Int[np.ndarray, " s"]:
    """Groups of which those that a pair connects have become one; numbered from 0."""
    _, owner = np.unique(groups, return_inverse=True)
    root = list(range(int(owner.max(initial=-1)) + 1))

    def find(g: int) -> int:
        while root[g] != g:
            root[g] = root[root[g]]
            g = root[g]
        return g

    for i, j in pairs:
        a, b = find(int(owner[i])), find(int(owner[j]))
        root[max(a, b)] = min(a, b)
    return np.unique([find(int(g)) for g in owner], return_inverse=True)[1]


class Crossing(NamedTuple):
    """Texts of a test part that stand in the training part too."""

    identical: Int[np.ndarray, " i"]  # rows of test
    near: Int[np.ndarray, " n"]  # rows of test, the identical ones among them


def crossing(train: Sequence[str], test: Sequence[str], near: float = NEAR) -> Crossing:
    known = {plain(text) for text in train}
    identical = [i for i, text in enumerate(test) if plain(text) in known]
    close = {j - len(train) for i, j in near_twins([*train, *test], near) if i < len(train) <= j}
    return Crossing(np.array(identical, np.int64), np.array(sorted(close), np.int64))
