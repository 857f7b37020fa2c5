"""Words cut into pieces: how text becomes the numbers that a network sees.

Frequent words stay whole, rare ones are cut, and none is unknown whose letters are known: "hepatoblastoma" becomes
hepat ##oblast ##oma. A piece with ## goes on within a word. This is BERT's scheme, so its vocabularies can be read.

References: Schuster and Nakajima 2012, doi:10.1109/ICASSP.2012.6289079; Sennrich et al. 2016, doi:10.18653/v1/P16-1162
(the training, by the most frequent pair).
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int

from layerscope.inputs import Texts, Tokens
from layerscope.progress import Progress, silent

PAD, UNKNOWN, BEGIN, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST_WORD = 100  # characters; a longer one is [UNK], as in BERT

IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2CEAF), (0x2F800, 0x2FA1F))


class Word(NamedTuple):
    text: str  # small letters without accents
    begin: int  # in the original text
    end: int
    at: tuple[int, ...]  # the original character of each of its characters


class Encoding(NamedTuple):
    ids: list[int]
    pieces: list[str]
    offsets: list[tuple[int, int]]  # text[begin:end] is where a piece comes from


class WordPiece:
    """A vocabulary, and how to cut by it: always the longest piece that fits."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        self.number = {piece: i for i, piece in enumerate(self.vocabulary)}
        if missing := [name for name in SPECIAL if name not in self.number]:
            raise ValueError(f"a vocabulary needs {', '.join(SPECIAL)}. Missing: {', '.join(missing)}.")
        self.cut = lru_cache(maxsize=100_000)(self._cut)  # most words of a text were met before

    def __len__(self) -> int:
        return len(self.vocabulary)

    @staticmethod
    def train(
        texts: Iterable[str], size: int = 4000, least: int = 2, alphabet: int = 1000, progress: Progress = silent
    ) -> "WordPiece":
        """Begin with letters, and join the most frequent pair of pieces until there are `size` pieces.

        Args:
            least: a pair met less often is not joined.
            alphabet: letters kept, the most frequent ones; a word with another one is [UNK].

        Raises:
            ValueError: if `size` does not hold the letters.
        """
        counts = Counter(word.text for text in texts for word in words(text))
        met: Counter[str] = Counter()
        for word, n in sorted(counts.items()):
            for letter in word:
                met[letter] += n
        known = {letter for letter, _ in met.most_common(alphabet)}
        readable = [(word, n) for word, n in sorted(counts.items()) if known.issuperset(word)]
        spelled = [([word[0], *(f"##{c}" for c in word[1:])], n) for word, n in readable]
        letters = sorted({piece for pieces, _ in spelled for piece in pieces})
        if size < len(letters) + len(SPECIAL):
            raise ValueError(f"size must hold {len(letters)} letters and {len(SPECIAL)} special pieces. Got {size}.")
        vocabulary = [*SPECIAL, *letters]
        for piece in _joined(spelled, least):
            if len(vocabulary) >= size:
                break
            vocabulary.append(piece)
            if len(vocabulary) % 100 == 0:
                progress("learning pieces of words", len(vocabulary), size, "pieces")
        return WordPiece(vocabulary)

    def encode(self, text: str) -> Encoding:
        """The pieces of one text, without [CLS] and [SEP].

        Example:
            >>> WordPiece([*SPECIAL, "head", "##ache", "s"]).encode("Headache").pieces
            ['head', '##ache']
        """
        ids, offsets = [], []
        for word in words(text):
            found = self.cut(word.text)
            if len(found) == 1:
                ids.append(found[0][0])
                offsets.append((word.begin, word.end))
                continue
            for number, start, stop in found:
                ids.append(number)
                offsets.append((word.at[start], word.end if stop == len(word.at) else word.at[stop]))
        return Encoding(ids, [self.vocabulary[i] for i in ids], offsets)

    def decode(self, ids: Iterable[int]) -> str:
        """Words with one space between; case, accents and the original spaces are gone."""
        pieces = [self.vocabulary[i] for i in ids]
        return " ".join(p for p in pieces if p not in (PAD, BEGIN, END)).replace(" ##", "")

    def lengths(self, texts: Texts) -> Int[np.ndarray, " s"]:
        """Tokens of each text, [CLS] and [SEP] too, were none left out."""
        return np.array([len(self.encode(text).ids) + 2 for text in texts.strings.tolist()])

    def tokens(self, texts: Texts, longest: int = 128) -> Tokens:
        """What a network sees: [CLS] pieces [SEP], padded; of a longer text the first `longest` - 2 pieces."""
        number = self.number
        rows = [[number[BEGIN], *self.encode(text).ids[: longest - 2], number[END]] for text in texts.strings.tolist()]
        width = max(map(len, rows), default=0)
        ids = torch.tensor([row + [number[PAD]] * (width - len(row)) for row in rows]).reshape(len(rows), width)
        lengths = torch.tensor([len(row) for row in rows])
        return Tokens(ids, torch.arange(width) < lengths[:, None])

    def write(self, path: Path) -> None:
        path.write_text("".join(f"{piece}\n" for piece in self.vocabulary), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> "WordPiece":
        """A vocabulary with one piece a line, such as BERT's vocab.txt."""
        return WordPiece(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"))

    def _cut(self, word: str) -> tuple[tuple[int, int, int], ...]:
        """Number, begin and end of each piece."""
        whole = ((self.number[UNKNOWN], 0, len(word)),)
        if len(word) > LONGEST_WORD:
            return whole
        found, start = [], 0
        while start < len(word):
            for stop in range(len(word), start, -1):
                piece = word[start:stop] if start == 0 else f"##{word[start:stop]}"
                if piece in self.number:
                    found.append((self.number[piece], start, stop))
                    start = stop
                    break
            else:
                return whole
        return tuple(found)


def words(text: str) -> Iterator[Word]:
    """Runs of letters and digits, and each sign alone; in small letters, without accents."""
    letters: list[str] = []
    at: list[int] = []
    for i, original in enumerate(text):
        plain, kind = _plain(original)
        if kind == "in word":
            letters.append(plain)
            at.extend([i] * len(plain))
        elif kind != "nothing":
            if letters and (word := "".join(letters)):
                yield Word(word, at[0], i, tuple(at))
            letters, at = [], []
            if kind == "alone":
                yield Word(plain, i, i + 1, (i,) * len(plain))
    if letters and (word := "".join(letters)):
        yield Word(word, at[0], len(text), tuple(at))


@lru_cache(maxsize=10_000)
def _plain(character: str) -> tuple[str, str]:
    """A character in small letters without accents, and what it does: "in word", "alone", "space" or "nothing"."""
    code, category = ord(character), unicodedata.category(character)
    if character in " \t\n\r" or category.startswith("Z"):
        return " ", "space"
    if code in (0, 0xFFFD) or category in ("Cc", "Cf", "Co"):
        return "", "nothing"
    plain = "".join(c for c in unicodedata.normalize("NFD", character) if unicodedata.category(c) != "Mn").lower()
    chinese = any(first <= code <= last for first, last in IDEOGRAPHS)
    sign = category.startswith("P") or (code < 128 and not character.isalnum())
    return plain, "alone" if plain and (sign or chinese) else "in word" if plain else "nothing"


def _joined(spelled: list[tuple[list[str], int]], least: int) -> Iterator[str]:
    """New pieces, the most frequent pair first; of equals, the first in the alphabet."""
    pairs: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for i, (pieces, n) in enumerate(spelled):
        for pair in pairwise(pieces):
            pairs[pair] += n
            where[pair].add(i)
    queue = [(-n, pair) for pair, n in pairs.items()]
    heapify(queue)
    known: set[str] = set()
    while queue:
        n, pair = heappop(queue)
        if -n != pairs[pair]:  # its count has changed since: look at it again when its turn comes
            if pairs[pair] >= least:
                heappush(queue, (-pairs[pair], pair))
            continue
        if -n < least:
            return
        new = pair[0] + pair[1].removeprefix("##")
        changed: set[tuple[str, str]] = set()
        for i in where.pop(pair):
            pieces, times = spelled[i]
            for old in pairwise(pieces):
                pairs[old] -= times
            pieces[:] = _merged(pieces, pair, new)
            for fresh in pairwise(pieces):
                pairs[fresh] += times
                where[fresh].add(i)
                changed.add(fresh)
        for fresh in changed:
            heappush(queue, (-pairs[fresh], fresh))
        if new not in known:
            known.add(new)
            yield new


def _merged(pieces: list[str], pair: tuple[str, str], new: str) -> list[str]:
    merged, i = [], 0
    while i < len(pieces):
        here = tuple(pieces[i : i + 2]) == pair
        merged.append(new if here else pieces[i])
        i += 1 + here
    return merged
