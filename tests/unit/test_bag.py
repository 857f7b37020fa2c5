import numpy as np
import torch

from layerscope.dataset import Dataset
from layerscope.inputs import Texts
from layerscope.models.bag import line, nearest_text, tfidf

TEXTS = [f"{'kidney stone' if i % 2 else 'red eye'} of patient {i}" for i in range(40)]
TRAIN = Dataset.of(Texts.of(TEXTS[:30]), [i % 2 for i in range(30)])
TEST = Dataset.of(Texts.of(TEXTS[30:]), [i % 2 for i in range(10)])


def test_words_that_tell_are_found():
    assert (tfidf(TRAIN, TEST).guess == TEST.targets.numpy()).all()


def test_runs_of_letters_know_words_that_training_does_not_hold():
    """Every word of the test is new; its stem is not."""
    new = Dataset.of(Texts.of(["nephrologist", "ophthalmologist"] * 5), [0, 1] * 5)
    old = Dataset.of(Texts.of(["nephrology", "nephrotic", "ophthalmology", "ophthalmic"] * 5), [0, 0, 1, 1] * 5)
    assert (tfidf(old, new, "letters").guess == new.targets.numpy()).all()
    words = tfidf(old, new)
    assert np.ptp(words.probs[:, 0]) == 0  # a text of unknown words is like any other


def test_order_of_words_hardly_counts():
    turned = Dataset.of(Texts.of([" ".join(reversed(t.split())) for t in TEXTS[30:]]), TEST.targets)
    assert (tfidf(TRAIN, turned).guess == TEST.targets.numpy()).all()


def test_a_line_and_neighbours_on_features():
    dice = torch.Generator().manual_seed(0)
    x, q = (torch.randn(n, 5, generator=dice) for n in (30, 10))
    x[:, 0] += 8 * TRAIN.targets
    q[:, 0] += 8 * TEST.targets
    for found in (line(x, TRAIN, q, TEST), nearest_text(x - 4, TRAIN, q - 4, TEST)):
        assert (found.guess == TEST.targets.numpy()).all()
        np.testing.assert_allclose(found.probs.sum(1), 1)


def test_a_class_without_training_texts_has_no_chance():
    train = Dataset.of(TRAIN.inputs, TRAIN.targets, classes=("a", "b", "c"))
    test = Dataset.of(TEST.inputs, TEST.targets, classes=("a", "b", "c"))
    assert (tfidf(train, test).probs[:, 2] == 0).all()
