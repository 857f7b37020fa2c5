"""Sentences per second of our WordPiece, in Python, against the library tokenizers, in Rust: learning and cutting.

RAYON_NUM_THREADS says how many threads the library has; ours has one. Both cut by MiniLM's vocabulary, and both forget
between repeats which words they have met.

    word_speed.py words
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from text_speed import in_turn, main

from layerscope.dataset import Dataset
from layerscope.inputs import Texts
from layerscope.models.wordpiece import SPECIAL, WordPiece

VOCABULARY = 4000


def words(texts: Dataset[Texts], samples: int, repeats: int, folder: Path) -> dict[str, Any]:
    from tokenizers import Tokenizer

    strings = texts.inputs.strings[:samples].tolist()
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = sorted(theirs.get_vocab(), key=theirs.get_vocab().__getitem__)
    pieces = WordPiece(vocabulary)
    theirs.no_truncation()
    theirs.no_padding()
    same = [pieces.encode(text).ids == theirs.encode(text, add_special_tokens=False).ids for text in strings]

    def their_cuts() -> Any:
        fresh = Tokenizer.from_file(str(folder / "tokenizer.json"))
        fresh.no_truncation()
        fresh.no_padding()
        return partial(fresh.encode_batch, strings, add_special_tokens=False)

    def our_cuts() -> Any:
        fresh = WordPiece(vocabulary)
        return lambda: [fresh.encode(text) for text in strings]

    learning = {"tokenizers": partial(partial, learn, strings), "ours": partial(partial, WordPiece.train, strings)}
    cutting = {"tokenizers": their_cuts, "ours": our_cuts}
    return {
        "threads of tokenizers": os.environ.get("RAYON_NUM_THREADS", "all"),
        "texts cut alike": sum(same) / len(same),
        "learning": in_turn(learning, len(strings), repeats, "tokenizers"),
        "cutting": in_turn(cutting, len(strings), repeats, "tokenizers"),
    }


def learn(strings: list[str]) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    new: Any = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    new.normalizer, new.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    settings: Any = {"vocab_size": VOCABULARY, "min_frequency": 2, "special_tokens": [*SPECIAL]}
    new.train_from_iterator(strings, trainers.WordPieceTrainer(show_progress=False, **settings))


if __name__ == "__main__":
    main({"words": words}, __doc__)
