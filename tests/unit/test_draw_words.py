from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from layerscope.draw.style import style
from layerscope.draw.words import AGAINST_FOR, draw_attention, draw_words

mpl.use("Agg")
import matplotlib.pyplot as plt

SENTENCE = """No fever was noted at the first visit , but a single transverse palmar crease and sensorineural hearing
loss were seen in the proband , who may have café-au-lait spots worth $5 ."""
WORDS = SENTENCE.split()


@pytest.fixture
def scores():
    scores = np.random.default_rng(0).normal(size=len(WORDS))
    scores[:2] = -9.0, 0.0
    return scores


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def drawn(ax):
    ax.figure.draw_without_rendering()
    return ax.texts, [text.get_window_extent() for text in ax.texts]


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
@pytest.mark.parametrize("size", [(3, 3), (7, 2.6), (12, 1.5)])
def test_no_word_and_no_number_covers_another_or_leaves_the_axes(size, layout, scores):
    with style():
        ax = draw_words(WORDS, scores, plt.figure(figsize=size, layout=layout).add_subplot())
        texts, boxes = drawn(ax)
    assert len(texts) == 2 * len(WORDS) + 1
    assert not [(texts[i], texts[j]) for i, j in combinations(range(len(boxes)), 2) if boxes[i].overlaps(boxes[j])]
    for box in boxes:
        assert box.x0 > ax.bbox.x0 - 2 and box.x1 < ax.bbox.x1 + 2
        assert box.y0 > ax.bbox.y0 - 2 and box.y1 < ax.bbox.y1 + 2


def test_each_word_stands_in_its_box_over_its_number(scores):
    ax = draw_words(WORDS, scores, plt.figure(figsize=(7, 2.6)).add_subplot())
    texts, boxes = drawn(ax)
    for i, patch in enumerate(ax.patches):
        box, word, number = patch.get_window_extent(), boxes[2 * i], boxes[2 * i + 1]
        assert texts[2 * i].get_text() == WORDS[i]
        assert float(texts[2 * i + 1].get_text()) == pytest.approx(scores[i], abs=0.006)
        assert box.x0 < word.x0 and word.x1 < box.x1 and box.y0 < word.y0 and word.y1 < box.y1
        assert number.y1 < box.y0
    assert texts[-1].get_text() == "orange -9.00 to blue +9.00"


def test_colour_is_even_about_zero(scores):
    ax = draw_words(WORDS, scores, plt.figure(figsize=(7, 2.6)).add_subplot())
    first, second = (to_rgb(patch.get_facecolor()) for patch in ax.patches[:2])
    assert first == pytest.approx(to_rgb(AGAINST_FOR(0.0)))
    assert second == pytest.approx((1, 1, 1), abs=0.01)


def test_numbers_keep_three_digits_and_all_zero_is_no_error():
    small = draw_words(["a", "b"], np.array([0.01234, -0.5e-3]), plt.figure().add_subplot())
    assert [t.get_text() for t in small.texts[1:4:2]] == ["+0.0123", "-0.0005"]
    large = draw_words(["a"], np.array([-1234.5]), plt.figure().add_subplot())
    assert large.texts[1].get_text() == "-1234"
    assert draw_words(["a"], np.array([0.0]), plt.figure().add_subplot()).texts[1].get_text() == "+0.00"


def test_a_part_of_a_figure_will_do(scores):
    upper, _ = plt.figure(figsize=(7, 6), layout="constrained").subfigures(2, 1)
    assert len(draw_words(WORDS, scores, upper.add_subplot()).patches) == len(WORDS)


def test_what_cannot_be_drawn_is_said(scores):
    ax = plt.figure(figsize=(1, 1)).add_subplot()
    with pytest.raises(ValueError, match=r"33 words need axes of \d+ x \d+ points or more. Got 56 x 55"):
        draw_words(WORDS, scores, ax)
    with pytest.raises(ValueError, match="every word needs a finite score. Got 2 words, 1 such scores"):
        draw_words(["a", "b"], np.array([1.0, np.nan]), ax)
    with pytest.raises(ValueError, match="Got 0 words"):
        draw_words([], np.array([]), ax)
    with pytest.raises(ValueError, match=r"each of 3 words. Got \(2, 2\)"):
        draw_attention(np.eye(2), ["a", "b", "c"], ax)


def test_rows_are_words_that_take_and_columns_words_that_give():
    weights = np.array([[0.25, 0.75], [1.0, 0.0]])
    ax = draw_attention(weights, ["no", "rash"], plt.figure().add_subplot())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["no", "rash"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("this word takes", "from this word")
    assert {t.get_position(): t.get_text() for t in ax.texts}[1, 0] == "0.75"  # x is the column
    assert ax.images[0].get_clim() == (0, 1)
    assert ax.figure.axes[1].get_ylabel() == "weight, from 0 to 1.00"


def test_a_long_sentence_has_labels_that_do_not_overlap_and_no_numbers():
    t = len(WORDS)
    figure = plt.figure(figsize=(6, 5.4), layout="constrained")
    ax = draw_attention(np.full((t, t), 1 / t), WORDS, figure.add_subplot())
    figure.draw_without_rendering()
    assert not ax.texts
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
