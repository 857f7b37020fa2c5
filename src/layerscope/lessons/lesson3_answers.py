"""Reference answers of lesson 3: what `use` goes on with where the learner's own does not pass yet."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from layerscope.dataset import Dataset, split


def bag(words: Iterable[str], column: dict[str, int]) -> list[int]:
    row = [0] * len(column)
    for word in words:
        if word in column:
            row[column[word]] += 1
    return row


def rarity(counts: Tensor) -> Tensor:
    holds = (counts > 0).sum(dim=0)
    return torch.log((1 + len(counts)) / (1 + holds)) + 1


def best_pair(spelled: Sequence[tuple[list[str], int]]) -> tuple[str, str]:
    pairs: Counter[tuple[str, str]] = Counter()
    for pieces, times in spelled:
        for pair in pairwise(pieces):
            pairs[pair] += times
    return max(pairs, key=lambda pair: pairs[pair])


def cut(word: str, vocabulary: set[str]) -> list[str]:
    pieces, start = [], 0
    while start < len(word):
        for stop in range(len(word), start, -1):
            piece = word[start:stop] if start == 0 else "##" + word[start:stop]
            if piece in vocabulary:
                pieces.append(piece)
                start = stop
                break
        else:
            return ["[UNK]"]
    return pieces


def mean_of_tokens(h: Tensor, mask: Tensor) -> Tensor:
    kept = h * mask[:, :, None]
    return kept.sum(dim=1) / mask.sum(dim=1)[:, None]


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
    weights = scores.masked_fill(~mask[:, None, :], -torch.inf).softmax(dim=-1)
    return weights @ value, weights


def hidden_loss(scores: Tensor, truth: Tensor) -> Tensor:
    asked = truth >= 0
    return cross_entropy(scores[asked], truth[asked])


def rates(blocks: int, top: float, decay: float) -> list[float]:
    return [top * decay ** (blocks + 1 - depth) for depth in range(blocks + 1)]


def parted(dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    parts = split(dataset, {"train": 0.8, "test": 0.2}, seed)
    row = {name: i for i, name in enumerate(dataset.ids)}
    train, test = (np.array([row[name] for name in parts[part].ids]) for part in ("train", "test"))
    return train, test
