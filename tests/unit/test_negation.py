import re
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from layerscope.data.negation import (
    CARD,
    CLASSES,
    COUNTED,
    FINDINGS,
    OTHERS,
    PLURAL,
    TEMPLATES,
    dataset,
    negations,
)
from layerscope.dataset import split

SENTENCES = negations(seed=0, per_cell=20)
DENIES = r"no|not|never|without|denies|absent|negative|excluded|ruled out|rule out|cannot"
DOUBTS = r"may|possibl[ey]|probabl[ey]|suspect\w*|suspic\w*|uncertain|whether"


def kind(sentence):
    return CLASSES[2 if sentence.speculated else int(sentence.negated)]


def has(cues, text):
    return re.search(rf"(?<!\w)({cues})(?!\w)", text, re.IGNORECASE) is not None


def test_there_are_enough_wordings_and_findings():
    assert len(FINDINGS) == len(set(FINDINGS)) >= 40
    counts = Counter((t.kind, t.stray) for t in TEMPLATES)
    assert all(counts[k, False] >= 12 and counts[k, True] >= 5 for k in CLASSES)
    assert len({t.text for t in TEMPLATES}) == len(TEMPLATES)
    assert not set(OTHERS) & set(FINDINGS)


def test_every_kind_and_wording_is_there_alike_often_and_no_sentence_twice():
    assert len({s.text for s in SENTENCES}) == len(SENTENCES) == 20 * len(TEMPLATES)
    assert set(Counter(s.template for s in SENTENCES).values()) == {20}
    assert len(set(Counter(map(kind, SENTENCES)).values())) == 1
    assert not any(s.negated and s.speculated for s in SENTENCES)
    assert all(kind(s) == TEMPLATES[s.template].kind for s in SENTENCES)


def test_a_pair_is_one_finding_in_every_kind():
    pairs = {}
    for s in SENTENCES:
        pairs.setdefault(s.pair, []).append(s)
    for versions in pairs.values():
        assert [kind(s) for s in versions] == list(CLASSES)
        assert len({s.finding for s in versions}) == 1
    assert all(s.finding.lower() in s.text.lower() for s in SENTENCES)
    assert all(len([f for f in FINDINGS if re.search(rf"\b{f}\b", s.text, re.IGNORECASE)]) == 1 for s in SENTENCES)


def test_cues_are_where_they_should_be():
    for s in SENTENCES:
        stray = TEMPLATES[s.template].stray
        if kind(s) == "affirmed":
            assert has(f"{DENIES}|{DOUBTS}", s.text) == stray, s.text
        elif kind(s) == "negated":
            assert has(DENIES, s.text), s.text
        else:
            assert s.text.endswith("?") or has(f"{DOUBTS}|cannot|could not|rule out|not excluded", s.text), s.text


def test_some_opposites_have_the_same_words():
    """Only the order of words, and the article, tell these two apart."""
    affirmed = next(t.text for t in TEMPLATES if t.text.startswith("No {o}, but {a}"))
    negated = next(t.text for t in TEMPLATES if t.text.startswith("No {f}, but {o}"))
    bag = [Counter(re.findall(r"\w+", t.replace("{a}", "{f}").replace("{was}", "was"))) for t in (affirmed, negated)]
    assert bag[0] == bag[1]


def test_articles_and_verbs_agree():
    names = {part: {" ".join(n.split()) for n in part.split(",")} for part in (COUNTED, PLURAL)}
    for s in negations(seed=1, per_cell=len(FINDINGS)):
        assert s.text[0].isupper() and s.text[-1] in ".?" and "  " not in s.text and "{" not in s.text
        after = re.search(rf"{s.finding} (is|was|has|are|were|have)\b", s.text, re.IGNORECASE)
        if after:
            assert (after[1] in ("are", "were", "have")) == (s.finding in names[PLURAL]), s.text
        article = re.search(rf"\b(an?) {s.finding}", s.text, re.IGNORECASE)
        if article:
            assert s.finding in names[COUNTED], s.text
            assert (article[1].lower() == "an") == (s.finding[0] in "aeiou"), s.text
    assert not any(name.startswith(("uni", "ure", "eu", "ho" + "u")) for name in FINDINGS)  # sound unlike they look


def test_the_same_seed_gives_the_same_sentences():
    assert negations(3, 2) == negations(3, 2) != negations(4, 2)


def test_the_data_set_holds_no_wording_on_both_sides():
    data = dataset(seed=0, per_cell=2)
    assert data.classes == CLASSES and len(data) == 2 * len(TEMPLATES)
    assert "synthetic" in data.name and data.source == CARD and "not medical data" in CARD.citation
    assert len(set(data.ids.tolist())) == len(data)
    assert data.ids[0].startswith("affirmed/00/")
    parts = split(data, {"train": 0.7, "test": 0.3}, seed=0)
    assert not set(parts["train"].groups.tolist()) & set(parts["test"].groups.tolist())
    assert set(parts["test"].targets.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_bag_of_words_learns_something_but_not_the_scope(seed):
    data = dataset(seed, per_cell=20)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    targets = data.targets.numpy()
    guess = cross_val_predict(model, data.inputs.strings, targets, groups=data.groups, cv=GroupKFold(6))
    right, stray = guess == targets, np.array([TEMPLATES[g].stray for g in data.groups])
    assert 0.42 < right.mean() < 0.55
    assert 0.55 < right[~stray].mean() < 0.75
    assert right[stray].mean() < 1 / 3  # misled by cues that do not decide


def test_how_many_there_can_be_is_said():
    with pytest.raises(ValueError, match=f"per_cell must be 1 to {len(FINDINGS)}, the number of findings. Got 0"):
        negations(0, 0)
    with pytest.raises(ValueError, match="Got 999"):
        dataset(0, 999)
