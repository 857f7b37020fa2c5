import string
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.inputs import Texts
from layerscope.models.wordpiece import SPECIAL, WordPiece, words

TEXTS = [
    "Abnormality of the head, Hepatoblastoma; and MICROCEPHALY (postnatal).",
    "Naïve Crohn's disease with café-au-lait spots: 3.5 µg/ml, p<0.05!",
    "tabs\tand\nnew lines\u00a0and   spaces",
    "ИнфАркт 心肌梗死 cardiac",
    "İstanbul ſtrange ﬁne",
    "",
    "x" * 101 + " ok",
]


def theirs(vocabulary, text):
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordPiece({p: i for i, p in enumerate(vocabulary)}, unk_token="[UNK]")
    other = tokenizers.Tokenizer(model)
    other.normalizer = tokenizers.normalizers.BertNormalizer()
    other.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return other.encode(text, add_special_tokens=False)


LETTERS = sorted({c for text in TEXTS for word in words(text) for c in word.text} | set(string.ascii_lowercase))
VOCABULARY = [
    *SPECIAL,
    *LETTERS,
    *(f"##{c}" for c in LETTERS),
    *["head", "hepat", "##oblast", "##oma", "micro", "##cephaly", "cafe", "disease", "ab", "##normal"],
]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_and_offsets_are_those_of_the_tokenizers_library(text):
    found, other = WordPiece(VOCABULARY).encode(text), theirs(VOCABULARY, text)
    assert found.pieces == other.tokens
    assert found.ids == other.ids
    assert found.offsets == other.offsets


# characters of newer versions of Unicode are not known to both
@settings(max_examples=300, deadline=None)
@given(
    st.text(
        alphabet=st.characters(max_codepoint=0x052F) | st.sampled_from("心肌梗死\u2028\u3000\ufffd、ａ"), max_size=40
    )
)
def test_so_for_any_text(text):
    assert WordPiece(VOCABULARY).encode(text).pieces == theirs(VOCABULARY, text).tokens


def test_offsets_lead_back_to_the_text():
    text = "Hepatoblastoma, Café"
    found = WordPiece(VOCABULARY).encode(text)
    assert [text[a:b] for a, b in found.offsets[:4]] == ["Hepat", "oblast", "oma", ","]
    assert text[slice(*found.offsets[-1])] == "Café"


def test_training_joins_the_most_frequent_pair_first():
    learned = WordPiece.train(["low low low low lower newest newest newest"], size=40)
    assert learned.vocabulary[:5] == SPECIAL
    assert learned.vocabulary.index("low") < learned.vocabulary.index("newest")
    assert learned.encode("low").pieces == ["low"]
    assert learned.encode("lowest").pieces[0] == "low"


def test_training_learns_nearly_the_vocabulary_of_the_tokenizers_library():
    tokenizers = pytest.importorskip("tokenizers")
    corpus = (Path(__file__).parents[2] / "LICENSE").read_text(encoding="utf-8").splitlines()
    other = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    other.normalizer = tokenizers.normalizers.BertNormalizer()
    other.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=300, min_frequency=2, special_tokens=list(SPECIAL), show_progress=False
    )
    other.train_from_iterator(corpus, trainer)
    ours, reference = set(WordPiece.train(corpus, size=300).vocabulary), set(other.get_vocab())
    assert len(ours) == 300
    assert len(ours & reference) / 300 > 0.9  # of equally frequent pairs, either may be joined first


def test_decoding_gives_the_words():
    learned = WordPiece(VOCABULARY)
    assert learned.decode(learned.encode("Hepatoblastoma of the head").ids) == "hepatoblastoma of the head"


def test_a_vocabulary_is_written_and_read(tmp_path):
    WordPiece(VOCABULARY).write(tmp_path / "vocab.txt")
    assert WordPiece.read(tmp_path / "vocab.txt").vocabulary == tuple(VOCABULARY)


def test_tokens_are_framed_cut_and_padded():
    learned = WordPiece(VOCABULARY)
    tokens = learned.tokens(Texts.of(["head", "head head head head", ""]), longest=5)
    assert tokens.ids.shape == (3, 5)
    assert tokens.mask.sum(1).tolist() == [3, 5, 2]
    assert learned.decode(tokens.ids[1].tolist()) == "head head head"
    assert (tokens.ids[~tokens.mask] == 0).all()
    assert tokens[torch.tensor([0, 2])].ids.shape == (2, 3)


def test_a_vocabulary_without_special_pieces_or_room_is_refused():
    with pytest.raises(ValueError, match=r"Missing: \[MASK\]"):
        WordPiece(SPECIAL[:4])
    with pytest.raises(ValueError, match="must hold 3 letters"):
        WordPiece.train(["abc"], size=7)
