import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.data.textleaks import crossing, joined, near_twins, plain

WORDS = st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join)


@given(st.lists(WORDS, max_size=12), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_near_twins_are_exactly_the_pairs_that_share_enough_words(texts, near):
    sets = [set(text.split()) for text in texts]
    expected = [
        (i, j)
        for j in range(len(texts))
        for i in range(j)
        if sets[i] and sets[j] and len(sets[i] & sets[j]) >= near * len(sets[i] | sets[j])
    ]
    assert sorted(near_twins(texts, near)) == sorted(expected)


def test_case_and_signs_do_not_count():
    assert plain("The Heart, (left)!") == "the heart left"
    assert list(near_twins(["The heart; left", "the HEART left"])) == [(0, 1)]


def test_joined_groups_are_numbered_from_zero():
    found = joined(np.array([7, 7, 3, 9, 5]), [(1, 3)])
    assert found[0] == found[1] == found[3]
    assert len(set(found.tolist())) == 3
    assert set(found.tolist()) == {0, 1, 2}


def test_crossing_lists_test_rows():
    train = ["a gene causes a disease", "an eye that is red and sore today"]
    test = ["something else", "A gene causes a disease.", "an eye that is red and sore now"]
    found = crossing(train, test, near=0.7)
    assert found.identical.tolist() == [1]
    assert found.near.tolist() == [1, 2]


@pytest.mark.parametrize("near", [0.8])
def test_texts_without_words_are_nobodys_twin(near):
    assert list(near_twins(["", "!", "..."], near)) == []
