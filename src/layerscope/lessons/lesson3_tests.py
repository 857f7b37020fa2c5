"""Tests of the answers to lesson 3, each on inputs that the learner has not seen; oracles are scikit-learn, PyTorch
and the library.

A test raises AssertionError in words that help, or returns a sentence of praise.
"""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfTransformer
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from layerscope.dataset import Dataset
from layerscope.inputs import Texts, Tokens
from layerscope.models.wordpiece import SPECIAL, WordPiece


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _tensor(answer: object, shape: tuple[int, ...], axes: str) -> Tensor:
    assert isinstance(answer, Tensor), f"a tensor was needed, got {type(answer).__name__}. Is there a `return`?"
    assert answer.shape == shape, f"expected shape {shape} ({axes}), got {tuple(answer.shape)}."
    return answer


def bag(f: Callable) -> str:
    column = {"of": 0, "heart": 1, "the": 2, "kidney": 3}
    got = list(f(["the", "left", "side", "of", "the", "heart"], column))
    assert len(got) == 4, f"one number for each word of the vocabulary: expected 4, got {len(got)}."
    assert got != [1, 1, 1, 0], "'the' stands there twice: count, do not only note."
    assert got == [1, 1, 2, 0], f"expected [1, 1, 2, 0], got {got}. Words outside the vocabulary are passed over."
    assert list(f([], column)) == [0, 0, 0, 0], "a text without words is a row of zeros."
    return "a text is now a row of numbers. Turn the words around, and the row stays the same."


def rarity(f: Callable) -> str:
    counts = torch.randint(0, 3, (17, 9), generator=_random(1)) * (torch.rand(17, 9, generator=_random(2)) < 0.4)
    counts[:, 0], counts[:, 1] = 1, 0
    got = _tensor(f(counts), (9,), "one number for each word")
    assert not torch.allclose(got, torch.log(18 / (1 + counts.sum(dim=0))) + 1, atol=1e-4), (
        "count the texts that hold a word, (counts > 0), not how often it stands there in all."
    )
    oracle = torch.tensor(TfidfTransformer().fit(counts.numpy()).idf_, dtype=torch.float32)
    assert torch.allclose(got.float(), oracle, atol=1e-5), (
        f"expected {[round(x, 3) for x in oracle.tolist()]}, got {[round(x, 3) for x in got.tolist()]}."
    )
    return "the same numbers as scikit-learn's TfidfTransformer: a word of every text weighs 1, a rare one more."


def best_pair(f: Callable) -> str:
    spelled = [(["h", "##e", "##a", "##d"], 4), (["h", "##e", "##a", "##r", "##t"], 3), (["##a", "##d"], 1)]
    got = tuple(f(spelled))
    assert got in (("h", "##e"), ("##e", "##a")), f"expected ('h', '##e') or ('##e', '##a'), met 7 times. Got {got}."
    weighed = tuple(f([(["a", "##b"], 1), (["a", "##b"], 1), (["c", "##d"], 5)]))
    assert weighed == ("c", "##d"), "a word that was met 5 times counts 5 times."
    return "the most frequent neighbours. Joined, they are the next piece of the vocabulary."


def cut(f: Callable) -> str:
    vocabulary = {"h", "hepat", "hepato", "##o", "##b", "##blast", "##oma", "##blastoma", "##x", "head", "##ache"}
    got = list(f("hepatoblastoma", vocabulary))
    assert got == ["hepato", "##blastoma"], (
        f"expected ['hepato', '##blastoma'], got {got}. Take the LONGEST piece that fits, then go on after it."
    )
    assert list(f("headache", vocabulary)) == ["head", "##ache"]
    assert list(f("head", vocabulary)) == ["head"], "a whole word may be one piece."
    unknown = list(f("heady", vocabulary))
    assert unknown == ["[UNK]"], f"where nothing fits, the whole word is ['[UNK]']. Got {unknown}."
    pieces = ["hy", "##per", "##gly", "##c", "##emia", "##e", "##m", "##i", "##a", "##g", "##l", "##y"]
    library = WordPiece([*SPECIAL, *pieces])
    for word in ("hyperglycemia", "hypergly", "hyx", "hyemia"):
        assert list(f(word, set(pieces))) == library.encode(word).pieces, f"{word!r} is cut in another way."
    return "the same pieces as the library's. No word is unknown as long as its letters are pieces."


def mean_of_tokens(f: Callable) -> str:
    h = torch.randn(3, 5, 4, generator=_random(3))
    mask = torch.arange(5) < torch.tensor([[5], [2], [1]])
    got = _tensor(f(h.clone(), mask), (3, 4), "texts, features")
    assert not torch.allclose(got[1], h[1].mean(dim=0)), "padding was counted: leave it out of sum and number."
    assert torch.allclose(got, Tokens(mask.long(), mask).pool(h), atol=1e-5), (
        "sum the features of real tokens, and divide by how many there are."
    )
    noisy = torch.where(mask[:, :, None], h, 1e6)
    assert torch.allclose(f(noisy, mask), got, atol=1e-4), "the answer changes with what stands in the padding."
    return "padding never changes a result. In the library this is `Tokens.pool`."


def attend(f: Callable) -> str:
    q, k, v = torch.randn(3, 2, 6, 8, generator=_random(4)).unbind()
    mask = torch.arange(6) < torch.tensor([[6], [3]])
    got = f(q, k, v, mask)
    assert isinstance(got, tuple), "return two things: the mixed values, and the weights."
    values, weights = _tensor(got[0], (2, 6, 8), "texts, tokens, features"), _tensor(got[1], (2, 6, 6), "texts, t, t")
    assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 6), atol=1e-5), (
        "the weights of each token (a row) must sum to 1: softmax over the last axis."
    )
    assert float(weights[1, :, 3:].abs().max()) < 1e-6, "padding must get weight 0: fill its scores with -inf."
    oracle = scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, :])
    plain = (q @ k.transpose(1, 2)).masked_fill(~mask[:, None, :], -torch.inf).softmax(dim=-1) @ v
    assert not torch.allclose(values, plain, atol=1e-4), "divide the scores by the square root of the width."
    assert torch.allclose(values, oracle, atol=1e-5), "the weights are right, the values are not: weights @ value."
    return "the same numbers as PyTorch's scaled_dot_product_attention. This is all that a transformer adds."


def hidden_loss(f: Callable) -> str:
    scores = torch.randn(4, 6, 11, generator=_random(5))
    truth = torch.randint(0, 11, (4, 6), generator=_random(6))
    truth[torch.rand(4, 6, generator=_random(7)) < 0.7] = -1
    got = f(scores, truth)
    assert getattr(got, "ndim", None) == 0, "one number is needed: a mean over the words that are asked."
    every = torch.nn.functional.cross_entropy(scores.flatten(0, 1), truth.clamp(min=0).flatten())
    assert not torch.allclose(got, every, atol=1e-5), "only the places that are asked count: truth >= 0."
    oracle = torch.nn.functional.cross_entropy(scores.flatten(0, 1), truth.flatten(), ignore_index=-1)
    assert torch.allclose(got, oracle, atol=1e-5), f"expected {oracle:.4f}, got {got:.4f}."
    return "no label was needed: the text itself is the answer."


def rates(f: Callable) -> str:
    got = [float(rate) for rate in f(3, 1.0, 0.5)]
    assert len(got) == 4, f"embeddings and 3 blocks need 4 rates. Got {len(got)}."
    assert got != [0.5, 0.25, 0.125, 0.0625], "the embeddings (first) learn most slowly, the last block fastest."
    assert np.allclose(got, [0.0625, 0.125, 0.25, 0.5]), f"expected [0.0625, 0.125, 0.25, 0.5], got {got}."
    assert np.allclose([float(rate) for rate in f(2, 3e-4, 1.0)], 3e-4), "with decay 1 all learn alike."
    return "what was learned from millions of texts is changed least where it is most general."


def parted(f: Callable) -> str:
    groups = np.repeat(np.arange(60), 5)
    texts = Texts.of([f"text {i} of term {g}" for i, g in enumerate(groups)])
    dataset = Dataset.of(texts, groups % 3, groups=groups, ids=[f"t{i}" for i in range(300)])
    train, test = (np.asarray(rows) for rows in f(dataset, 4))
    assert len(np.intersect1d(train, test)) == 0, "a row stands on both sides."
    both = np.isin(dataset.groups[test], dataset.groups[train])
    assert not both.any(), f"{both.sum()} of {len(both)} test texts have a text of the same term in training."
    assert len(train) + len(test) == 300, f"every text belongs to one side. Got {len(train)} and {len(test)} of 300."
    assert 30 <= len(test) <= 90, f"about a fifth is for the test. Got {len(test)} of 300."
    assert len(set(dataset.targets[torch.from_numpy(test)].tolist())) == 3, "every class must stand in the test part."
    other = np.asarray(f(dataset, 5)[1])
    assert set(other.tolist()) != set(test.tolist()), "another seed must give another split."
    return "a term and all its synonyms now stand on one side. The number fell, and it is the right one."
