"""Names and synonyms of terms; and how often a way of comparing texts finds the term of a synonym it was not told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor

from layerscope.data.phenotypes import VARIANTS, Term
from layerscope.data.textleaks import joined, near_twins, plain
from layerscope.progress import Progress, silent
from layerscope.see.influence import Estimate, estimate

AT_ONCE = 250  # queries that are compared with every text
Alike = Callable[[Int[np.ndarray, " q"]], Float[np.ndarray, "q s"]]  # rows of texts -> how like every text is


class Questions(NamedTuple):
    rows: Int[np.ndarray, " q"]  # of the texts that are asked for, and left out of what is searched
    groups: Int[np.ndarray, " q"]


class Answers(NamedTuple):
    rank: Float[np.ndarray, " q"]  # of the right term among all, from 1; the mean rank of equals
    nearest: Float[np.ndarray, " q"]  # the likeness of the nearest text


class Recall(NamedTuple):
    """How well the terms of held-out synonyms are found."""

    first: Estimate  # share that comes first
    ten: Estimate  # share among the first ten
    reciprocal: Estimate  # mean of 1 / rank (MRR)


@dataclass(frozen=True)
class Lexicon:
    ids: tuple[str, ...]
    texts: tuple[str, ...]  # those of a term stand together, its name first
    owner: Int[np.ndarray, " s"]  # of each text, the place of its term in `ids`

    @staticmethod
    def of(terms: Iterable[Term]) -> "Lexicon":
        named = {term.id: (term.name, *term.synonyms) for term in terms}
        texts = tuple(text for own in named.values() for text in own)
        return Lexicon(tuple(named), texts, np.repeat(np.arange(len(named)), [len(own) for own in named.values()]))

    @cached_property
    def starts(self) -> Int[np.ndarray, " n"]:
        """Of each term, the row of its name."""
        return np.searchsorted(self.owner, np.arange(len(self.ids)))

    @cached_property
    def rows(self) -> list[range]:
        """Of each term, those of its texts."""
        ends = [*self.starts.tolist(), len(self.texts)]
        return [range(start, end) for start, end in pairwise(ends)]

    @cached_property
    def words(self) -> list[frozenset[str]]:
        """Of each text."""
        return [frozenset(plain(text).split()) for text in self.texts]

    def others(self, row: int) -> list[frozenset[str]]:
        """Words of each other text of the same term."""
        return [self.words[r] for r in self.rows[self.owner[row]] if r != row]

    def questions(self, most: int, seed: int, progress: Progress = silent) -> tuple[Questions, Questions]:
        """One synonym each of at most so many terms, twice: to decide by, and to report on.

        Terms that share a text, or nearly, are in one half. A synonym that has the words of another text of its term is
        not asked for.
        """
        groups = joined(self.owner, near_twins([VARIANTS.sub("", text) for text in self.texts], progress=progress))
        dice = np.random.default_rng(seed)
        half = dice.permutation(int(groups.max()) + 1) % 2
        drawn = [int(dice.choice(own[1:])) for own in self.rows if len(own) > 1]
        rows = np.array([q for q in drawn if self.words[q] not in self.others(q)], np.int64)
        rows = dice.permutation(rows)
        first, second = (np.sort(rows[half[groups[rows]] == part][:most]) for part in (0, 1))
        return Questions(first, groups[first]), Questions(second, groups[second])

    def unlike(self, rows: Int[np.ndarray, " q"]) -> Int[np.ndarray, " r"]:
        """Those of which no word stands in another text of their term."""
        return np.array(
            [q for q in rows.tolist() if not any(self.words[q] & other for other in self.others(q))], np.int64
        )

    def answers(self, rows: Int[np.ndarray, " q"], alike: Alike) -> Answers:
        """Each text is asked for among all others; a term is as like as its most similar name or synonym."""
        rank, nearest = [], []
        for some in np.split(rows, np.arange(AT_ONCE, len(rows), AT_ONCE)):
            found, each = np.array(alike(some)), np.arange(len(some))
            found[each, some] = -np.inf
            best = np.maximum.reduceat(found, self.starts, axis=1).round(6)
            own = best[each, self.owner[some]][:, None]
            rank.append(1 + (best > own).sum(axis=1) + ((best == own).sum(axis=1) - 1) / 2)
            nearest.append(best.max(axis=1, initial=-np.inf))
        return Answers(np.concatenate(rank), np.concatenate(nearest).astype(float))


def recall(rank: Float[np.ndarray, " q"], groups: Int[np.ndarray, " q"]) -> Recall:
    """With 95 % intervals over groups of terms."""

    def mean(values: np.ndarray) -> Estimate:
        x = torch.from_numpy(values.astype(float))
        return estimate(lambda w: (w @ x) / w.sum(), groups, low=0, high=1, scale="logit")

    return Recall(mean(rank <= 1), mean(rank <= 10), mean(1 / rank))


def by_cosine(vectors: Float[Tensor, "s d"]) -> Alike:
    """Of vectors of length 1."""
    return lambda rows: (vectors[torch.from_numpy(rows)] @ vectors.T).numpy()


def by_words(texts: tuple[str, ...]) -> Alike:
    """Words counted, rare ones weighing more (TF-IDF)."""
    return _by_counts(TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+"), texts)


def by_letters(texts: tuple[str, ...]) -> Alike:
    """The same of pieces of 2 to 4 letters, which forgives endings and slips of the pen."""
    return _by_counts(TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 4)), texts)


def _by_counts(count: TfidfVectorizer, texts: tuple[str, ...]) -> Alike:
    x = count.fit_transform(texts).astype(np.float32)
    return lambda rows: (x[rows] @ x.T).toarray()


def nonsense(count: int, seed: int) -> list[str]:
    """Queries of one to four words that mean nothing, such as "bolvo trast"."""
    dice = np.random.default_rng(seed)

    def word() -> str:
        return "".join(
            dice.choice([*"bcdfghjklmnprstvwz", "br", "st", "tr"])
            + dice.choice([*"aeiou"])
            + dice.choice([*"lnrst", ""])
            for _ in range(dice.integers(1, 4))
        )

    return [" ".join(word() for _ in range(dice.integers(1, 5))) for _ in range(count)]
