"""Which words a prediction rests on, and a check whether it does.

Every score is for one class and in one unit, so that methods can be compared: how much a token raises the margin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from layerscope.inputs import Tokens
from layerscope.models.wordpiece import BEGIN, END, PAD
from layerscope.see.influence import Estimate, estimate

Predict = Callable[[Tokens], Tensor]  # texts to logits (b, k); a network in eval mode
LogitsOfEmbeddings = Callable[[Tensor], Tensor]  # (b, t, d) to logits (b, k), for any b
AT_ONCE = 64  # texts given to the network together
TAIL = 0.025  # of random orders lie below `low`, and as many above `high`
SAME = 1e-6  # areas that differ by less are equal


def margin(logits: Float[Tensor, "b k"], target: int) -> Float[Tensor, " b"]:
    """Log odds of the target against all other classes; of two classes, the difference of their logits."""
    k = logits.shape[1]
    if k < 2 or not 0 <= target < k:
        raise ValueError(f"a margin needs two classes or more, and one of them as target. Got {k}, target {target}.")
    others = logits[:, [i for i in range(k) if i != target]]
    return logits[:, target] - others.logsumexp(dim=1)


def occlusion(
    predict: Predict, tokens: Tokens, target: int, mask_id: int, words: Int[Tensor, " t"] | None = None
) -> Float[Tensor, " t"]:
    """By how much the margin drops when a token is replaced by the mask; nothing for padding.

    Args:
        tokens: one text.
        words: the word of each token, -1 for none. Given, all pieces of a word are masked together (one piece left
            often gives away the word), and each has an equal share of the drop.

    Reference: Li, Monroe and Jurafsky 2016, arXiv:1612.08220.
    """
    words = _words(tokens, words)
    kept = torch.arange(int(words.max()) + 2, device=words.device)[:, None] - 1 != words  # the first keeps all
    found = margin(_logits(predict, tokens, kept | (words == -1), mask_id), target)
    share = (found[0] - found[1:]) / words[words >= 0].bincount()
    return torch.where(words >= 0, share[words], 0)


def gradient_times_input(
    logits_of_embeddings: LogitsOfEmbeddings, embeddings: Float[Tensor, "t d"], target: int
) -> Float[Tensor, " t"]:
    """The margin's slope by each embedding, times the embedding: exact for a linear network, else a first guess.

    Reference: Shrikumar et al. 2016, arXiv:1605.01713.
    """
    return (_slopes(logits_of_embeddings, embeddings[None], target)[0] * embeddings).sum(dim=1)


def integrated_gradients(
    logits_of_embeddings: LogitsOfEmbeddings,
    embeddings: Float[Tensor, "t d"],
    baseline: Float[Tensor, "t d"],
    target: int,
    steps: int = 64,
) -> Float[Tensor, " t"]:
    """The margin's mean slope on the straight way from the baseline, times that way (midpoint rule).

    The scores sum to margin(embeddings) - margin(baseline), but for the error of `steps`: compare them.

    Args:
        baseline: a text that says nothing, such as the embeddings of [MASK] at every place.

    Reference: Sundararajan, Taly and Yan 2017, arXiv:1703.01365.
    """
    if steps < 1:
        raise ValueError(f"steps must be 1 or more. Got {steps}.")
    way, total = embeddings - baseline, torch.zeros_like(embeddings)
    middles = (torch.arange(steps, device=way.device) + 0.5) / steps
    for some in middles.split(AT_ONCE):
        total += _slopes(logits_of_embeddings, baseline + some[:, None, None] * way, target).sum(dim=0)
    return (way * total / steps).sum(dim=1)


def word_numbers(pieces: Sequence[str]) -> Int[Tensor, " t"]:
    """The word that each piece belongs to, from 0; -1 for [PAD], [CLS] and [SEP].

    Example:
        >>> word_numbers(["[CLS]", "hepat", "##oma", ".", "[SEP]"]).tolist()
        [-1, 0, 0, 1, -1]
    """
    real = torch.tensor([piece not in (PAD, BEGIN, END) for piece in pieces], dtype=torch.bool)
    begins = torch.tensor([not piece.startswith("##") for piece in pieces], dtype=torch.bool) & real
    return torch.where(real, begins.cumsum(dim=0) - 1, -1)


def by_word(scores: Float[Tensor, " t"], words: Int[Tensor, " t"]) -> Float[Tensor, " w"]:
    """The sum over the pieces of each word; tokens of no word (-1) are left out."""
    real = words >= 0
    return scores.new_zeros(int(words.max()) + 1).index_add(0, words[real], scores[real])


@dataclass(frozen=True)
class Deletion:
    """What becomes of the predicted class as words are masked, the most important first.

    Area: the mean probability over the shares of words masked, from none to all; smaller is better.
    """

    target: int  # the class predicted for the whole text
    curve: Float[np.ndarray, " n"]  # its probability with 0, 1, ... all words masked
    random: Float[np.ndarray, "r n"]  # the same for random orders
    area: float
    chance: float  # the mean area of random orders
    low: float  # 95 % of random orders have an area from low to high
    high: float

    @property
    def gain(self) -> float:
        return self.chance - self.area

    @property
    def better(self) -> bool:
        """Whether 97.5 % of random orders fall more slowly. A short text has few orders, and can seldom tell."""
        return self.area < self.low - SAME


def deletion(
    predict: Predict,
    tokens: Tokens,
    scores: Float[Tensor, " t"],
    mask_id: int,
    words: Int[Tensor, " t"] | None = None,
    draws: int = 99,
    seed: int = 0,
) -> Deletion:
    """Mask the words of one text from the greatest score to the smallest, and compare with random orders.

    Equal scores are put in random order. A text with many masks is unlike any that the network has learned from, in
    this order as in a random one: read the difference, not the curve. The network reads (draws + 1) (words + 1) texts.

    Args:
        scores: of each token, for the class that is predicted.
        words: the word of each token, -1 for what is never masked; None: each token is a word.
        draws: the random orders; with few, the verdict on one text hangs on luck.

    Raises:
        ValueError: for fewer than 39 draws, which cannot bound 2.5 %.

    Reference: Samek et al. 2017, doi:10.1109/TNNLS.2016.2599820.
    """
    if draws < 39:
        raise ValueError(f"an interval of 95 % needs 39 random orders or more. Got {draws}.")
    words = _words(tokens, words)
    worth = by_word(scores, words).detach().cpu().numpy()
    rng = np.random.default_rng(seed)
    shuffled = np.stack([rng.permutation(len(worth)) for _ in range(draws + 1)])
    shuffled[0] = shuffled[0][np.argsort(-worth[shuffled[0]], kind="stable")]
    rank = torch.from_numpy(shuffled.argsort(axis=1)).to(words.device)[:, words]  # when each token is masked
    masked = torch.arange(len(worth) + 1, device=words.device)[:, None]
    kept = (rank[:, None] >= masked) | (words == -1)
    probability = _logits(predict, tokens, kept.flatten(0, 1), mask_id).softmax(dim=1)
    target = int(probability[0].argmax())
    curves = probability[:, target].reshape(draws + 1, -1).double().cpu().numpy()
    areas = (curves[:, :-1] + curves[:, 1:]).mean(axis=1) / 2
    random, tail = np.sort(areas[1:]), int(TAIL * (draws + 1) + 1e-9)
    low, high = float(random[tail - 1]), float(random[-tail])
    return Deletion(target, curves[0], curves[1:], float(areas[0]), float(random.mean()), low, high)


def mean_gain(checks: Sequence[Deletion], groups: Int[np.ndarray, " s"]) -> Estimate:
    """By how much a method's area is smaller than that of random orders, over texts; better than chance if low > 0."""
    gains = torch.tensor([check.gain for check in checks], dtype=torch.float64)
    return estimate(lambda weights: (weights @ gains) / weights.sum(), groups)


def _words(tokens: Tokens, words: Int[Tensor, " t"] | None) -> Int[Tensor, " t"]:
    """The word of each token of one text; if none are given, each token that is no padding is a word."""
    if len(tokens) != 1:
        raise ValueError(f"needed one text, such as tokens[torch.tensor([0])]. Got {len(tokens)}.")
    mask = tokens.mask[0]
    if words is None:
        return torch.where(mask, mask.cumsum(dim=0) - 1, -1)
    words = words.to(mask.device)
    used = words[words >= 0].unique()
    if len(words) != len(mask) or not len(used) or len(used) != int(used[-1]) + 1 or bool((words[~mask] >= 0).any()):
        raise ValueError(
            f"words must give each of the {len(mask)} tokens a number 0, 1, ... without a gap, and padding -1. "
            f"Got {words.tolist()}."
        )
    return words


@torch.no_grad()
def _logits(predict: Predict, tokens: Tokens, kept: Tensor, mask_id: int) -> Float[Tensor, "b k"]:
    """The logits of a text of which only some tokens are kept; the mask stands for the others."""
    parts = [tokens.ids.where(rows, mask_id) for rows in kept.split(AT_ONCE)]
    return torch.cat([predict(Tokens(ids, tokens.mask.expand_as(ids))) for ids in parts]).float()


def _slopes(logits_of_embeddings: LogitsOfEmbeddings, h: Float[Tensor, "b t d"], target: int) -> Float[Tensor, "b t d"]:
    with torch.enable_grad():
        h = h.detach().requires_grad_()
        (slope,) = torch.autograd.grad(margin(logits_of_embeddings(h), target).sum(), h)
    return slope
